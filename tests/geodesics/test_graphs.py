from __future__ import annotations

import numpy as np
import pytest

from pdgn.geodesics import geodesic_distance, geodesic_edge_length, geodesic_knn_graph
from pdgn.mesh import TriMesh, grid, icosphere, knn_graph


def folded_strip(rng, gap=0.05):
    """A strip of length 4, folded round a half-circle of diameter `gap`: two sheets, one above the other.

    Returns:
        the mesh, and the place [V, 2] of each vertex on the flat strip; off the bend inner ones are moved at random, so
        that no two distances are equal.
    """
    flat = grid(81, 9, (4.0, 0.4))
    inner = (np.abs(flat.pos[:, :1] - 2) > 0.3) & ~flat.boundary[:, None]
    place = flat.pos[:, :2] + 0.01 * rng.random((729, 2)) * inner
    arc, radius = place[:, 0], gap / 2
    bend = np.pi * radius
    start = (4.0 - bend) / 2
    angle = np.clip((arc - start) / radius, 0, np.pi)
    x = np.where(arc < start, arc, np.where(arc > start + bend, 2 * start + bend - arc, start + radius * np.sin(angle)))
    z = radius * (1 - np.cos(angle))
    return TriMesh(np.stack([x, place[:, 1], z], axis=1), flat.face), place


def pairs(edge_index):
    return set(map(tuple, edge_index.T.tolist()))


def test_neighbours_are_the_nearest_ones_along_the_surface(rng):
    mesh = icosphere(3)
    vertex = rng.choice(mesh.num_vertices, 40, replace=False)
    graph = geodesic_knn_graph(mesh, vertex, 4)
    distance = geodesic_distance(mesh, vertex)[:, vertex]
    np.fill_diagonal(distance, np.inf)
    nearest = {(j, i) for i in range(40) for j in np.argsort(distance[i], kind="stable")[:4].tolist()}
    assert pairs(graph.edge_index) == nearest | {(i, j) for j, i in nearest}
    # The solver from the one end and from the other agree to rounding.
    np.testing.assert_allclose(graph.length, distance[graph.edge_index[1], graph.edge_index[0]], atol=1e-14)
    order = np.lexsort(graph.edge_index)
    np.testing.assert_array_equal(order, np.arange(graph.edge_index.shape[1]))


def test_sheets_of_a_folded_strip_are_not_joined(rng):
    mesh, flat = folded_strip(rng)
    # Sensors of which every one has the neighbours it needs on its own sheet, but nearer ones on the other.
    vertex = rng.choice(np.flatnonzero(np.abs(flat[:, 0] - 2) > 0.7), 80, replace=False)
    sheet = mesh.pos[vertex, 2] > 0.025
    plain = knn_graph(mesh.pos[vertex], 4)
    assert (sheet[plain[0]] != sheet[plain[1]]).mean() > 0.3
    graph = geodesic_knn_graph(mesh, vertex, 4)
    assert not (sheet[graph.edge_index[0]] != sheet[graph.edge_index[1]]).any()
    # The strip bends without stretching: neighbours and lengths are those on the flat strip.
    assert pairs(graph.edge_index) == pairs(knn_graph(flat[vertex], 4))
    ends = flat[vertex][graph.edge_index]
    np.testing.assert_allclose(graph.length, np.linalg.norm(ends[0] - ends[1], axis=1), rtol=1e-12)


def test_sensors_on_both_sides_of_a_slit_are_far_apart():
    sheet = grid(9, 9, (8.0, 8.0))  # cut along its middle line from x = 1 on: the vertices there stand there twice
    cut = np.flatnonzero((sheet.pos[:, 1] == 4) & (sheet.pos[:, 0] >= 1))
    number = np.arange(81)
    number[cut[1:]] = 81 + np.arange(len(cut) - 1)
    above = (sheet.corners[:, :, 1] >= 4).all(axis=1)
    face = np.where(above[:, None], number[sheet.face], sheet.face)
    mesh = TriMesh(np.concatenate([sheet.pos, sheet.pos[cut[1:]]]), face)
    vertex = np.array([cut[-1], mesh.num_vertices - 1])  # at the same place, 7 from the end of the slit
    graph = geodesic_knn_graph(mesh, vertex, 1)
    np.testing.assert_allclose(graph.length, [14.0, 14.0], rtol=1e-12)


def test_lengths_across_the_bend_are_those_round_it(rng):
    mesh, flat = folded_strip(rng)
    ends = np.array([4 * 81, 4 * 81 + 80])  # the two ends of the middle line, one above the other
    assert np.abs(mesh.pos[ends[0]] - mesh.pos[ends[1]]).max() < 0.06
    length = geodesic_edge_length(mesh, ends, np.array([[1, 0], [0, 1]]))
    # The half-circle is a polygon of the vertices on it, here of only one or two faces.
    assert length[0] == length[1] == pytest.approx(4.0, rel=0.02)
    assert geodesic_edge_length(mesh, ends, np.array([[1, 0], [0, 1]]), "heat")[0] == pytest.approx(4.0, rel=0.05)


def test_edges_of_a_surface_are_their_own_shortest_paths():
    mesh = icosphere(2)
    length = geodesic_edge_length(mesh, np.arange(mesh.num_vertices), mesh.edge_index)
    np.testing.assert_allclose(length, mesh.edge_length, rtol=1e-12)  # straight in space: nothing is shorter


@pytest.mark.parametrize("method", ["heat", "fast_marching"])
def test_other_methods_give_about_the_same_graph(method, rng):
    mesh = icosphere(3)
    vertex = rng.choice(mesh.num_vertices, 40, replace=False)
    exact, other = geodesic_knn_graph(mesh, vertex, 4), geodesic_knn_graph(mesh, vertex, 4, method)
    common = pairs(exact.edge_index) & pairs(other.edge_index)
    assert len(common) > 0.85 * exact.edge_index.shape[1]
    lengths = geodesic_edge_length(mesh, vertex, exact.edge_index, method)
    assert np.abs(lengths / exact.length - 1).mean() < 0.06  # first order: edges of 0.15, distances of 0.4


def test_components_are_kept_apart_and_too_few_sensors_refused():
    sphere = icosphere(2)
    mesh = TriMesh(
        np.concatenate([sphere.pos, sphere.pos + 3, [[9, 9, 9]]]), np.concatenate([sphere.face, sphere.face + 162])
    )
    vertex = np.concatenate([np.arange(0, 162, 20), 162 + np.arange(0, 162, 40)])
    graph = geodesic_knn_graph(mesh, vertex, 3)
    assert (vertex[graph.edge_index] >= 162).sum(axis=0).tolist().count(1) == 0
    few = (
        r"more than k = {} sensors on every component .*, but sensor {} at vertex {} has {} others on its own \({} such"
    )
    with pytest.raises(ValueError, match=few.format(5, 9, 162, 4, 5)):
        geodesic_knn_graph(mesh, vertex, 5)
    with pytest.raises(ValueError, match=few.format(1, 2, 324, 0, 1)):
        geodesic_knn_graph(mesh, [0, 1, 324], 1)
    with pytest.raises(ValueError, match="no path on the surface joins nodes 1 and 0 of edge 0 .1 such edges"):
        geodesic_edge_length(mesh, [0, 162], [[1], [0]])


@pytest.mark.parametrize(
    "vertices, k, message",
    [
        ([0, 1, 1], 1, "one sensor per vertex, got vertex 1 more than once"),
        ([0, 1, 42], 1, r"vertices must lie in \[0, 42\), got 42"),
        ([0, 1], 0, "k: wanted at least 1 neighbour, got 0"),
        ([0, 1], 1.5, "k: wanted at least 1 neighbour, got 1.5"),
        ([0.0, 1.0], 1, "vertices must be vertex indices"),
    ],
)
def test_bad_sensors_are_refused(vertices, k, message):
    with pytest.raises(ValueError, match=message):
        geodesic_knn_graph(icosphere(1), vertices, k)


def test_bad_edges_and_methods_are_refused():
    mesh = icosphere(1)
    with pytest.raises(ValueError, match=r"edge_index: wanted integers \[2, E\], got int64 \[3, 1\]"):
        geodesic_edge_length(mesh, [0, 1], [[0], [1], [0]])
    with pytest.raises(ValueError, match=r"edge_index: wanted nodes in \[0, 2\), got 0 … 2"):
        geodesic_edge_length(mesh, [0, 1], [[0], [2]])
    with pytest.raises(ValueError, match="method must be one of exact, heat, fast_marching, got 'dijkstra'"):
        geodesic_knn_graph(mesh, [0, 1], 1, "dijkstra")
