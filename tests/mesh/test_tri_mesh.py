from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from pdgn.mesh import TriMesh, grid, icosphere, minimal_image, torus
from pdgn.mesh.directed_edges import symmetric_edges

TRIANGLE = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


@pytest.mark.parametrize(
    "pos, face, error, message",
    [
        (np.zeros((0, 3)), [[0, 1, 2]], ValueError, "pos is empty"),
        (TRIANGLE, np.zeros((0, 3), dtype=int), ValueError, "face is empty: a mesh needs at least one face"),
        (np.zeros((3, 2)), [[0, 1, 2]], ValueError, r"pos must have shape \[V, 3\], got \[3, 2\]"),
        (TRIANGLE, [[0, 1, 2, 0]], ValueError, r"face must have shape \[F, 3\], got \[1, 4\]"),
        ([[0, 0, 0], [1, 0, np.nan], [0, 1, 0]], [[0, 1, 2]], ValueError, "NaN or infinity at 1 vertices.*vertex 1"),
        (TRIANGLE, [[0, 1, 3]], ValueError, r"must lie in \[0, 3\), got \[0, 1, 3\] in face 0"),
        (TRIANGLE, [[0, 1, -1]], ValueError, r"must lie in \[0, 3\)"),
        (TRIANGLE, [[0.0, 1.0, 2.0]], TypeError, "whole numbers of an integer dtype, got float64"),
        ("abc", [[0, 1, 2]], TypeError, "pos must be .* real numbers, got dtype <U3"),
        ([[0, 0, 0], [1, 0]], [[0, 1, 2]], ValueError, "rows of different length"),
    ],
)
def test_bad_arrays_are_refused_in_one_line(pos, face, error, message):
    with pytest.raises(error, match=message) as caught:
        TriMesh(pos, face)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("period", [(1, 1), (1, -1, 0), (np.nan, 1, 1)])
def test_bad_period_is_refused(period):
    with pytest.raises(ValueError, match="period must be None or three finite lengths"):
        TriMesh(TRIANGLE, [[0, 1, 2]], period)


def test_face_over_half_a_period_is_refused():
    # Thirds of the period in one direction: every side wraps to −1/3 or 1/3, and round they go.
    pos = [[0.0, 0, 0], [1 / 3, 0, 0], [2 / 3, 0.1, 0]]
    with pytest.raises(ValueError, match="less than half a period.*face 0"):
        TriMesh(pos, [[0, 1, 2]], (1.0, 1.0, 0.0))


def test_two_triangles_are_a_mesh():
    mesh = TriMesh([*TRIANGLE, [1.0, 1.0, 0.0]], [[0, 1, 2], [1, 3, 2]])
    assert mesh.edge_index.shape == (2, 10)
    assert mesh.boundary.all()
    assert mesh.face_area.sum() == pytest.approx(1.0, abs=1e-15)


def test_arrays_are_copies_and_read_only():
    pos = np.array(TRIANGLE)
    mesh = TriMesh(pos, [[0, 1, 2]])
    pos[0] = 9
    assert mesh.pos[0, 0] == 0
    for array in (mesh.pos, mesh.face, mesh.edge_index, mesh.face_area, mesh.vertex_normal):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(AttributeError):
        mesh.pos = pos
    again = pickle.loads(pickle.dumps(mesh))
    assert not again.pos.flags.writeable
    np.testing.assert_array_equal(again.face, mesh.face)


def test_edges_follow_the_convention():
    mesh = icosphere(1)
    source, target = mesh.edge_index
    assert (np.lexsort((source, target)) == np.arange(len(source))).all()
    assert mesh.edge_index.shape[1] == 3 * mesh.num_faces  # each edge of a closed surface twice, shared by two faces
    np.testing.assert_array_equal(mesh.edge_vector, mesh.pos[source] - mesh.pos[target])
    pairs = set(zip(source.tolist(), target.tolist()))
    assert len(pairs) == len(source) and all((j, i) in pairs and i != j for i, j in pairs)


def test_degenerate_face_makes_no_self_loop():
    mesh = TriMesh(TRIANGLE, [[0, 0, 1], [0, 1, 2]])
    assert (mesh.edge_index[0] != mesh.edge_index[1]).all()


def test_periodic_edges_are_the_shortest():
    mesh = grid(4, 6, (2.0, 3.0), periodic=True)
    # Spacing ½ each way, and the diagonal of a cell.
    assert set(np.round(mesh.edge_length, 12)) == {0.5, round(np.sqrt(0.5), 12)}
    assert np.bincount(mesh.edge_index[1]).tolist() == [6] * 24
    assert mesh.face_area.sum() == pytest.approx(6.0, abs=1e-14)
    assert not mesh.boundary.any()


def test_minimal_image_is_odd_and_periodic(rng):
    vector = rng.uniform(-3, 3, (50, 3))
    near = minimal_image(vector, (2.0, 1.0, 0.0))
    assert (np.abs(near[:, :2]) <= [1.0, 0.5]).all()
    np.testing.assert_array_equal(near[:, 2], vector[:, 2])
    np.testing.assert_allclose(minimal_image(-vector, (2.0, 1.0, 0.0)), -near, atol=1e-15)
    np.testing.assert_allclose(minimal_image(vector + [4, -3, 0], (2.0, 1.0, 0.0)), near, atol=1e-14)


def test_normals_point_outward_on_sphere_and_torus():
    sphere = icosphere(3)
    # Vertices of an icosphere see almost symmetric fans: half a degree.
    assert np.einsum("vc,vc->v", sphere.vertex_normal, sphere.pos).min() > np.cos(np.radians(0.5))
    assert np.einsum("fc,fc->f", sphere.face_normal, sphere.corners.mean(axis=1)).min() > 0.9
    ring = torus(2.0, 0.5, 60, 30)
    centre = ring.pos * [1, 1, 0] / np.linalg.norm(ring.pos[:, :2], axis=1, keepdims=True) * 2.0
    exact = (ring.pos - centre) / 0.5
    assert np.einsum("vc,vc->v", ring.vertex_normal, exact).min() > np.cos(np.radians(1.0))


def test_vertex_normal_ignores_how_a_flat_side_is_cut():
    # A corner of a cube whose sides are cut along one diagonal or the other: angles count, not numbers of faces.
    pos = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [0, 1, 1]], dtype=float)
    face = [[0, 3, 2], [0, 2, 1], [0, 1, 4], [1, 5, 4], [0, 4, 3], [3, 4, 6]]
    normal = TriMesh(pos, face).vertex_normal[0]
    np.testing.assert_allclose(normal, -np.ones(3) / np.sqrt(3), atol=1e-15)


def test_relabelling_relabels_everything(rng):
    mesh = grid(5, 4)
    order = rng.permutation(mesh.num_vertices)
    number = np.argsort(order)
    other = TriMesh(mesh.pos[order], number[mesh.face][rng.permutation(mesh.num_faces)])
    np.testing.assert_array_equal(other.boundary, mesh.boundary[order])
    np.testing.assert_allclose(other.vertex_normal, mesh.vertex_normal[order], atol=1e-15)
    edges = set(map(tuple, order[other.edge_index].T.tolist()))
    assert edges == set(map(tuple, mesh.edge_index.T.tolist()))


def test_components_and_isolated_vertices():
    sphere = icosphere(0)
    pos = np.concatenate([sphere.pos, sphere.pos + 3, [[9, 9, 9]]])
    mesh = TriMesh(pos, np.concatenate([sphere.face, sphere.face + 12]))
    assert len(set(mesh.component)) == 3
    assert len(set(mesh.component[:12])) == len(set(mesh.component[12:24])) == 1
    np.testing.assert_array_equal(mesh.vertex_normal[24], 0)


def test_to_data_has_the_layout_of_pyg():
    mesh = icosphere(0)
    data = mesh.to_data()
    assert data.pos.dtype == torch.float64
    np.testing.assert_array_equal(data.face.numpy(), mesh.face.T)
    np.testing.assert_array_equal(data.edge_index.numpy(), mesh.edge_index)
    assert data.validate() and not data.has_self_loops() and data.is_undirected()


def test_require_names_the_counts():
    with pytest.raises(ValueError, match="the mesh must be closed, but it has 1 boundary loops"):
        grid(3, 3).require(closed=True)
    fin = TriMesh(np.eye(5, 3) + np.arange(5)[:, None], [[0, 1, 2], [1, 0, 3], [0, 1, 4]])
    with pytest.raises(ValueError, match="manifold, but it has 1 non-manifold edges and 2 non-manifold vertices"):
        fin.require(manifold=True)
    two = TriMesh(np.arange(18.0).reshape(6, 3) ** 2, [[0, 1, 2], [3, 4, 5]])
    with pytest.raises(ValueError, match="of at most 1 components, but it has 2"):
        two.require(max_components=1)
    icosphere(1).require(closed=True, manifold=True, oriented=True, max_components=1)


def test_repr_tells_the_size():
    assert repr(icosphere(0)) == "TriMesh(V=12, F=20)"
    assert "period=(1.0, 1.0, 0.0)" in repr(grid(3, 3, periodic=True))


def test_directed_edges_know_the_sides_that_they_lie_on(rng):
    ball = icosphere(2)
    order = rng.permutation(ball.num_vertices)
    mesh = TriMesh(ball.pos, order[ball.face][rng.permutation(ball.num_faces)])
    tail, head = mesh.face.ravel(), np.roll(mesh.face, -1, axis=1).ravel()
    np.testing.assert_array_equal(mesh.edge_index, symmetric_edges(tail, head, mesh.num_vertices))
    _, number = mesh.directed_edges
    np.testing.assert_array_equal(mesh.sides.pairs(number), np.sort(mesh.edge_index, axis=0).T)
    np.testing.assert_array_equal(mesh.sides.pairs(mesh.sides.edge), np.sort(np.stack([tail, head]), axis=0).T)


def test_edges_of_faces_that_repeat_a_vertex_are_kept():
    mesh = TriMesh(np.eye(4, 3), [[0, 1, 2], [1, 3, 3]])
    assert mesh.edge_index.T.tolist() == [[1, 0], [2, 0], [0, 1], [2, 1], [3, 1], [0, 2], [1, 2], [1, 3]]
    assert mesh.directed_edges[1] is None
