from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import TriMesh, grid, icosphere, read_mesh, repair, torus
from tests.mesh.test_topology import moebius


def test_nothing_is_repaired_unless_asked(rng):
    mesh = TriMesh(rng.random((6, 3)), [[0, 1, 2], [0, 1, 2], [0, 0, 1], [1, 0, 3]])
    same, report = repair(mesh)
    assert same is mesh
    assert report.describe() == "nothing to repair"


def test_isolated_vertices_are_removed_and_mapped():
    sphere = icosphere(1)
    pos = np.concatenate([[[9, 9, 9]], sphere.pos, [[8, 8, 8]]])
    mesh, report = repair(TriMesh(pos, sphere.face + 1), isolated=True)
    np.testing.assert_array_equal(mesh.pos, sphere.pos)
    np.testing.assert_array_equal(mesh.face, sphere.face)
    np.testing.assert_array_equal(report.vertex_source, np.arange(1, 43))
    assert report.describe() == "2 isolated removed"


def test_degenerate_and_duplicate_faces():
    sphere = icosphere(0)
    face = np.concatenate([[[0, 0, 1]], sphere.face, sphere.face[:2, ::-1]])
    mesh, report = repair(TriMesh(sphere.pos, face), degenerate=True, duplicate=True)
    np.testing.assert_array_equal(mesh.face, sphere.face)
    assert report.describe() == "1 degenerate removed; 2 duplicate removed"
    np.testing.assert_array_equal(report.face_source, np.arange(1, 21))


def test_zero_length_edges_are_closed_without_a_hole():
    # A vertex of a grid doubled, a cut beside it filled with two faces of no area: joining brings the grid back.
    plane = grid(3, 3)
    pos = np.concatenate([plane.pos, plane.pos[4:5]])
    face = np.array(plane.face)
    right = (face == 4).any(axis=1) & (plane.corners[:, :, 0].mean(axis=1) > 0.5)
    face[right] = np.where(face[right] == 4, 9, face[right])
    broken = TriMesh(pos, np.concatenate([face, [[1, 9, 4], [4, 9, 7]]]))
    assert broken.topology().zero_length_edges.tolist() == [[4, 9]]
    mesh, report = repair(broken, degenerate=True, isolated=True)
    assert (report.vertices_joined, report.degenerate_removed, report.isolated_removed) == (1, 2, 1)
    np.testing.assert_array_equal(mesh.face, plane.face)


def test_no_face_left_is_an_error():
    with pytest.raises(ValueError, match="no face is left of 1"):
        repair(TriMesh([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]]), degenerate=True)


def test_non_manifold_mesh_comes_apart_into_manifolds(rng):
    mesh = TriMesh(rng.random((7, 3)), [[0, 1, 2], [0, 1, 3], [0, 1, 4], [0, 5, 6]])
    apart, report = repair(mesh, non_manifold=True)
    assert apart.topology().manifold and apart.num_faces == 4
    np.testing.assert_array_equal(apart.pos, mesh.pos[report.vertex_source])
    np.testing.assert_array_equal(report.vertex_source[apart.face], mesh.face)


def test_fin_on_a_sphere_comes_off_and_the_sphere_stays_closed():
    sphere = icosphere(1)
    a, b = sphere.edge_index[:, 0]
    mesh = TriMesh(np.concatenate([sphere.pos, [[0, 0, 5]]]), np.concatenate([sphere.face, [[a, b, 42]]]))
    apart, report = repair(mesh, non_manifold=True)
    topology = apart.topology()
    assert topology.manifold and topology.components == 2 and topology.boundary_loops == 1
    assert topology.euler_characteristic == 3  # a sphere and a disc


def test_random_triangle_soup_always_comes_apart(rng):
    for _ in range(20):
        face = np.array([rng.choice(8, 3, replace=False) for _ in range(25)])
        apart, _ = repair(TriMesh(rng.random((8, 3)), face), non_manifold=True, duplicate=True)
        assert apart.topology().manifold


def test_orientation_is_made_consistent_and_outward(rng):
    sphere = icosphere(2)
    face = np.array(sphere.face)
    turned = rng.random(len(face)) < 0.7
    face[turned] = face[turned][:, [0, 2, 1]]
    mesh, report = repair(TriMesh(sphere.pos, face), orientation=True)
    np.testing.assert_array_equal(mesh.face, sphere.face)
    assert report.faces_flipped == turned.sum()


def test_an_open_surface_keeps_the_side_of_most_of_its_faces(rng):
    sphere = icosphere(2)
    dome = TriMesh(sphere.pos, sphere.face[sphere.corners[:, :, 2].min(axis=1) > -0.1])
    face = np.array(dome.face)
    turned = rng.random(len(face)) < 0.3
    face[turned] = face[turned][:, [0, 2, 1]]
    mesh, report = repair(TriMesh(sphere.pos, face), orientation=True)
    np.testing.assert_array_equal(mesh.face, dome.face)
    assert report.faces_flipped == turned.sum()


def test_each_part_is_turned_by_itself():
    sphere, plane = icosphere(1), grid(3, 3)
    pos = np.concatenate([sphere.pos, plane.pos + 5])
    face = np.concatenate([sphere.face[:, ::-1], plane.face + 42])
    mesh, report = repair(TriMesh(pos, face), orientation=True)
    assert report.faces_flipped == 80
    assert not mesh.topology().inward
    np.testing.assert_array_equal(mesh.face[80:], plane.face + 42)


def test_clockwise_plane_is_turned():
    plane = grid(4, 3)
    mesh, report = repair(TriMesh(plane.pos, plane.face[:, ::-1]), orientation=True)
    assert report.faces_flipped == plane.num_faces
    np.testing.assert_allclose(mesh.face_normal[:, 2], 1.0)


def test_moebius_strip_is_left_and_reported():
    mesh, report = repair(moebius(), orientation=True)
    assert report.describe() == "1 non orientable parts"
    np.testing.assert_array_equal(mesh.face, moebius().face)


def test_real_cow_becomes_a_closed_manifold(shared_data):
    mesh, report = repair(read_mesh(shared_data / "meshes" / "cow.obj"), non_manifold=True)
    assert mesh.topology().describe() == "1 component, closed, Euler characteristic 2; no defects"
    assert report.vertices_split == 1
    mesh.half_edges()


def test_real_bunny_loses_its_isolated_vertices(shared_data):
    mesh, report = repair(read_mesh(shared_data / "meshes" / "stanford-bunny.obj"), isolated=True)
    assert report.isolated_removed == 1113 and mesh.num_vertices == 35947 - 1113
    assert len(mesh.topology().isolated_vertices) == 0


def cut_along_edges(mesh: TriMesh, rng: np.random.Generator, share: float) -> TriMesh:
    """The mesh with a share of its corners on a copy of their vertex, copies shuffled among themselves."""
    corner = np.flatnonzero(rng.random(mesh.face.size) < share)
    copied = mesh.face.ravel()[corner]
    face = np.array(mesh.face).ravel()
    order = rng.permutation(len(corner))
    face[corner] = mesh.num_vertices + order
    copies = np.empty_like(copied)
    copies[order] = copied
    return TriMesh(np.concatenate([mesh.pos, mesh.pos[copies]]), face.reshape(-1, 3))


@pytest.mark.parametrize("mesh", [torus(1.0, 0.4, 14, 8), icosphere(2), grid(6, 5)], ids=["torus", "sphere", "plane"])
@pytest.mark.parametrize("tolerance", [0.0, 1e-6])
def test_a_surface_cut_along_edges_is_welded_to_what_it_was(mesh, tolerance, rng):
    cut = cut_along_edges(mesh, rng, 0.2)
    if tolerance:  # nearer than the tolerance, so that only that joins them
        size = np.linalg.norm(np.ptp(mesh.pos, axis=0))
        moved = np.array(cut.pos)
        moved[mesh.num_vertices :] += 1e-8 * size * rng.normal(size=(cut.num_vertices - mesh.num_vertices, 3))
        cut = TriMesh(moved, cut.face)
        assert repair(cut, weld=True, weld_tolerance=0.0)[0] is cut
    assert cut.topology().boundary_loops > 5
    welded, report = repair(cut, weld=True, weld_tolerance=tolerance)
    np.testing.assert_array_equal(welded.pos, mesh.pos)
    np.testing.assert_array_equal(welded.face, mesh.face)
    assert report.describe() == f"{cut.num_vertices - mesh.num_vertices} vertices welded"
    found, wanted = welded.topology(), mesh.topology()
    assert (found.boundary_loops, found.euler_characteristic) == (wanted.boundary_loops, wanted.euler_characteristic)
    np.testing.assert_array_equal(report.vertex_source, np.arange(mesh.num_vertices))
    np.testing.assert_array_equal(report.face_source, np.arange(mesh.num_faces))
    np.testing.assert_array_equal(report.vertex_target[cut.face], mesh.face)


def test_faces_that_welding_makes_degenerate_go_and_indices_follow(rng):
    plane = grid(4, 4)
    cut = cut_along_edges(plane, rng, 0.3)
    # Before everything: a vertex of no face, and a face between two copies of vertex 5 that is a line.
    pos = np.concatenate([[[9.0, 9, 9]], cut.pos, plane.pos[5:6]])
    mesh = TriMesh(pos, np.concatenate([[[6, len(pos) - 1, 7]], cut.face + 1]))
    welded, report = repair(mesh, weld=True, isolated=True)
    np.testing.assert_array_equal(welded.pos, plane.pos)
    np.testing.assert_array_equal(welded.face, plane.face)
    assert (report.degenerate_removed, report.isolated_removed) == (1, 1)
    np.testing.assert_array_equal(report.face_source, np.arange(1, mesh.num_faces))
    np.testing.assert_array_equal(report.vertex_source, np.arange(1, 17))
    assert report.vertex_target[0] == -1
    np.testing.assert_array_equal(welded.pos[report.vertex_target[1:]], mesh.pos[1:])


def test_what_welding_makes_non_manifold_is_told_or_taken_apart():
    ball = icosphere(1)
    # Two balls that share an edge: welded, four faces meet there.
    a, b = ball.edge_index[:, 0]
    rotated = TriMesh(ball.pos[a] + ball.pos[b] - ball.pos, ball.face[:, ::-1])
    both = TriMesh(np.concatenate([ball.pos, rotated.pos]), np.concatenate([ball.face, rotated.face + 42]))
    welded, report = repair(both, weld=True)
    assert report.vertices_welded == 2 and len(welded.topology().non_manifold_edges) == 1
    apart, report = repair(both, weld=True, non_manifold=True)
    assert apart.topology().manifold
    np.testing.assert_array_equal(both.pos[report.vertex_source], apart.pos)


@pytest.mark.parametrize("periods", [1, -1])
def test_images_of_a_periodic_place_are_welded(periods):
    size = 2.0
    plane = grid(6, 6, size=(size, size), periodic=True)
    edge = plane.pos[:, 0] == 0
    left = plane.corners[:, :, 0].mean(axis=1) < size / 4
    copy = np.where(edge, plane.num_vertices + np.cumsum(edge) - 1, np.arange(plane.num_vertices))
    face = np.where(left[:, None], copy[plane.face], plane.face)
    cut = TriMesh(np.concatenate([plane.pos, plane.pos[edge] + [periods * size, 0, 0]]), face, plane.period)
    assert not cut.topology().closed
    welded, _ = repair(cut, weld=True)
    np.testing.assert_array_equal(welded.face, plane.face)


@pytest.mark.parametrize("tolerance", [-1.0, np.nan, np.inf])
def test_a_tolerance_that_is_no_length_is_refused(tolerance):
    with pytest.raises(ValueError, match="weld_tolerance: wanted a finite number of at least 0, given"):
        repair(icosphere(0), weld=True, weld_tolerance=tolerance)


def test_parts_that_are_taken_apart_after_welding_keep_what_is_theirs():
    """Two balls that share an edge are welded there and come apart again."""
    ball = icosphere(1)
    first, second = ball.edge_index[:, 0]
    other = ball.pos[first] + ball.pos[second] - ball.pos
    both = TriMesh(np.concatenate([ball.pos, other]), np.concatenate([ball.face, ball.face[:, ::-1] + 42]))
    mesh, report = repair(both, weld=True, non_manifold=True, orientation=True)
    assert report.vertices_welded == report.vertices_split == 2 and mesh.topology().closed
    body = np.arange(84) >= 42
    assert (body[report.vertex_source][mesh.face] == (np.arange(160) >= 80)[:, None]).all()
    np.testing.assert_array_equal(report.vertex_source[report.vertex_target], np.arange(84))
    np.testing.assert_allclose(mesh.pos[report.vertex_target], both.pos, atol=1e-12)


def test_a_vertex_of_no_face_does_not_set_the_tolerance():
    ball = icosphere(3)
    stray = TriMesh(np.concatenate([ball.pos, [[1e7, 0, 0]]]), ball.face)
    mesh, report = repair(stray, weld=True, isolated=True)
    assert report.vertices_welded == 0 and report.isolated_removed == 1 and mesh.num_faces == ball.num_faces
