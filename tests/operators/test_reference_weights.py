from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import TriMesh, grid, knn_graph, minimal_image
from pdgn.operators import edge_difference, mass, reference_weights, sensor_reference_weights, stiffness
from tests.operators.meshes import MESHES


@pytest.mark.parametrize("name", MESHES)
def test_edge_sums_are_the_cotangent_laplacian(name, rng):
    mesh = MESHES[name]()
    u = rng.standard_normal(mesh.num_vertices)
    _, laplacian = reference_weights(mesh)
    source, target = mesh.edge_index
    by_edges = np.bincount(target, laplacian * (u[target] - u[source]), mesh.num_vertices)
    by_matrix = stiffness(mesh) @ u
    area = mass(mesh).diagonal()
    used = area > 0
    # Round-off of sums of a few terms of the size of the weights.
    np.testing.assert_allclose(by_edges[used], by_matrix[used] / area[used], atol=1e-13 * np.abs(laplacian).max())
    np.testing.assert_array_equal(by_edges[~used], 0)


def test_gradient_weights_give_the_directional_derivative(rng):
    mesh = MESHES["plane"]()
    direction = rng.standard_normal(3)
    weight, _ = reference_weights(mesh)
    slope = weight * (edge_difference(mesh) @ (mesh.pos @ direction))
    unit = mesh.edge_vector / mesh.edge_length[:, None]
    np.testing.assert_allclose(slope, unit @ direction, atol=1e-12)


def test_zero_length_edges_are_refused_by_their_vertices():
    mesh = TriMesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]], [[0, 1, 2], [1, 3, 2]])
    with pytest.raises(ValueError, match="2 directed edges of length zero, the first between vertices 2 and 3"):
        reference_weights(mesh)


def test_sensor_weights_are_the_five_point_stencil():
    mesh = grid(8, 6, (4.0, 3.0), periodic=True)
    edge_index = knn_graph(mesh.pos, 4, period=mesh.period)
    source, target = edge_index
    vector = minimal_image(mesh.pos[source] - mesh.pos[target], mesh.period)
    gradient, laplacian = sensor_reference_weights(vector, edge_index, mesh.num_vertices)
    np.testing.assert_allclose(gradient, 2.0, atol=1e-13)
    np.testing.assert_allclose(laplacian, 4.0, atol=1e-12)  # 1/h² with h = ½
    u = np.cos(2 * np.pi * mesh.pos[:, 0] / 4.0)
    value = np.bincount(target, laplacian * (u[target] - u[source]))
    # The sign of −Δ, the stencil's own eigenvalue.
    np.testing.assert_allclose(value, (2 - 2 * np.cos(np.pi / 4)) / 0.25 * u, atol=1e-12)


def test_sensor_weights_in_three_dimensions_are_the_seven_point_stencil():
    vector = np.concatenate([np.eye(3), -np.eye(3)]) * 0.1
    edge_index = np.array([[1, 2, 3, 4, 5, 6], [0] * 6])
    both = np.concatenate([edge_index, edge_index[::-1]], axis=1)
    _, laplacian = sensor_reference_weights(np.concatenate([vector, -vector]), both, 7, dimension=3)
    np.testing.assert_allclose(laplacian[:6], 100.0, rtol=1e-12)


@pytest.mark.parametrize(
    "vector, edge_index, num, message",
    [
        ([[1, 0], [0, 0]], [[1, 0], [0, 1]], 2, "1 directed edges of length zero, the first between sensors 0 and 1"),
        ([[1, 0], [-1, 0]], [[1, 0], [0, 1]], 3, "needs a neighbour, got 1 without, the first is sensor 2"),
        ([[1, 0], [-1, 0]], [[1, 0], [0, 2]], 2, r"must lie in \[0, 2\), got 0 to 2"),
        ([[1, 0]], [[1, 0], [0, 1]], 2, r"must have shape \[2, 1\] as edge_vector has, got \[2, 2\]"),
    ],
)
def test_bad_sensor_graphs_are_refused(vector, edge_index, num, message):
    with pytest.raises(ValueError, match=message):
        sensor_reference_weights(vector, edge_index, num)
