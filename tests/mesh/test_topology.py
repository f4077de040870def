from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import TriMesh, grid, icosphere, read_mesh, repair, torus


def shuffled(mesh: TriMesh, rng: np.random.Generator) -> TriMesh:
    order = rng.permutation(mesh.num_vertices)
    return TriMesh(mesh.pos[order], np.argsort(order)[mesh.face][rng.permutation(mesh.num_faces)], mesh.period)


def moebius(n: int = 12) -> TriMesh:
    angle = 2 * np.pi * np.repeat(np.arange(n), 2) / n
    width = np.tile([-0.3, 0.3], n)
    ring = 1 + width * np.cos(angle / 2)
    pos = np.stack([ring * np.cos(angle), ring * np.sin(angle), width * np.sin(angle / 2)], axis=1)
    following = [*range(2, 2 * n), 1, 0]
    face = [f for i in range(0, 2 * n, 2) for f in ([i, following[i], i + 1], [i + 1, following[i], following[i + 1]])]
    return TriMesh(pos, face)


def test_every_defect_is_counted():
    sphere = icosphere(0)
    face = sphere.face.tolist()
    face += [face[3][::-1], [0, 0, 1], [12, 13, 14]]
    pos = np.concatenate([sphere.pos, [[5, 0, 0], [6, 0, 0], [7, 0, 0], [8, 8, 8]]])
    report = TriMesh(pos, face).topology()
    assert report.isolated_vertices.tolist() == [15]
    assert report.degenerate_faces.tolist() == [21, 22]  # a repeated vertex; three points on a line
    assert report.duplicate_faces.tolist() == [20]
    assert len(report.non_manifold_edges) == 3  # the sides of the face that is there twice
    assert report.components == 2
    assert not report.closed and not report.manifold
    line = report.describe()
    assert "1 isolated vertices; 2 degenerate faces; 1 duplicate faces" in line and "\n" not in line


def test_pinched_vertex_is_non_manifold():
    square = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]]
    report = TriMesh(square, [[0, 1, 2], [0, 3, 4]]).topology()
    assert report.non_manifold_vertices.tolist() == [0]
    assert len(report.non_manifold_edges) == 0
    assert report.boundary_loops == 2 and report.components == 1


def test_inconsistent_and_inward_orientation():
    sphere = icosphere(1)
    face = np.array(sphere.face)
    face[5] = face[5][::-1]
    report = TriMesh(sphere.pos, face).topology()
    assert len(report.inconsistent_edges) == 3
    assert TriMesh(sphere.pos, sphere.face[:, ::-1]).topology().inward
    assert not sphere.topology().inward
    assert TriMesh(grid(3, 3).pos, grid(3, 3).face[:, ::-1]).topology().inward_components == 1
    inside = TriMesh(
        np.concatenate([sphere.pos, sphere.pos + 9]), np.concatenate([sphere.face, sphere.face[:, ::-1] + 42])
    )
    assert inside.topology().inward_components == 1


def test_inward_does_not_depend_on_where_the_mesh_lies():
    far = TriMesh(icosphere(1).pos + [1e9, -1e9, 1e9], icosphere(1).face)
    assert not far.topology().inward


def test_moebius_strip_disagrees_somewhere():
    report = moebius().topology()
    assert len(report.inconsistent_edges) == 1 and report.boundary_loops == 1 and report.euler_characteristic == 0


def test_coincident_vertices_are_legal_until_they_make_an_edge():
    seam = TriMesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], [[0, 1, 2], [3, 5, 4]])
    assert len(seam.topology().zero_length_edges) == 0
    slit = TriMesh([[0, 0, 0], [1, 0, 0], [1, 0, 0]], [[0, 1, 2]])
    assert slit.topology().zero_length_edges.tolist() == [[1, 2]]
    assert slit.topology().degenerate_faces.tolist() == [0]


def test_degenerate_is_relative_to_size():
    for scale in (1e-9, 1.0, 1e9):
        assert len(TriMesh(scale * icosphere(1).pos, icosphere(1).face).topology().degenerate_faces) == 0


@pytest.mark.parametrize("mesh", [grid(5, 4), icosphere(1), torus(1, 0.3, 7, 5)])
def test_half_edges_agree_with_direct_counting(mesh, rng):
    mixed = shuffled(mesh, rng)
    half_edges = mixed.half_edges()
    loops = half_edges.boundary_loops()
    assert len(loops) == mixed.topology().boundary_loops
    assert sorted(v for loop in loops for v in loop) == np.flatnonzero(mixed.boundary).tolist()
    for vertex in range(mixed.num_vertices):
        neighbours = mixed.edge_index[0][mixed.edge_index[1] == vertex]
        assert sorted(half_edges.ring(vertex)) == neighbours.tolist()


def test_rings_and_loops_run_counter_clockwise():
    half_edges = grid(4, 3).half_edges()
    ring = half_edges.ring(5).tolist()
    start = ring.index(6)
    assert ring[start:] + ring[:start] == [6, 10, 9, 4, 0, 1]
    assert half_edges.ring(1).tolist() == [2, 6, 5, 0]
    (loop,) = half_edges.boundary_loops()
    start = loop.tolist().index(0)
    assert np.roll(loop, -start).tolist() == [0, 1, 2, 3, 7, 11, 10, 9, 8, 4]


def test_half_edges_refuse_what_they_cannot_hold():
    with pytest.raises(ValueError, match="consistently oriented, but faces disagree at 1 edges"):
        moebius().half_edges()
    with pytest.raises(ValueError, match=r"vertex must lie in \[0, 42\), got 42"):
        icosphere(1).half_edges().ring(42)
    with pytest.raises(ValueError, match="three different vertices, got 1"):
        TriMesh(np.eye(3), [[0, 1, 2], [0, 0, 1]]).half_edges()


@pytest.mark.parametrize("name", ["spot", "cheburashka", "homer"])
def test_real_closed_surfaces(shared_data, name):
    mesh = read_mesh(shared_data / "meshes" / f"{name}.obj")
    assert mesh.topology().describe() == "1 component, closed, Euler characteristic 2; no defects"
    assert mesh.half_edges().boundary_loops() == []


def test_real_bunny_has_holes_and_isolated_vertices(shared_data):
    mesh = read_mesh(shared_data / "meshes" / "stanford-bunny.obj")
    report = mesh.topology()
    assert (report.boundary_loops, len(report.isolated_vertices), report.components) == (5, 1113, 1)
    assert report.manifold and not report.closed
    assert len(mesh.half_edges().boundary_loops()) == 5


def test_real_cow_is_not_manifold(shared_data):
    report = read_mesh(shared_data / "meshes" / "cow.obj").topology()
    # One fan too many: V − E + F is 1 where a closed surface of one piece has an even number.
    assert len(report.non_manifold_vertices) == 1 and report.euler_characteristic == 1
    assert report.closed and not report.manifold


def test_a_mesh_of_repeated_vertices_alone_is_reported():
    mesh = TriMesh([[0, 0, 0], [1, 0, 0]], [[0, 0, 1], [1, 1, 1]])
    topology = mesh.topology()
    assert topology.degenerate_faces.tolist() == [0, 1] and topology.components == topology.inward_components == 0
    with pytest.raises(ValueError, match="no face is left of 2 after repair: all are degenerate"):
        repair(mesh, degenerate=True)


@pytest.mark.parametrize("scale", [1e-200, 1e100, 1e200])
@pytest.mark.filterwarnings("ignore:.*(overflow|invalid value)")
def test_sizes_whose_squares_leave_float64_are_degenerate(scale):
    mesh = TriMesh(scale * icosphere(0).pos, icosphere(0).face)
    # A face has an area of side², and that is a norm of numbers that are squared once more.
    assert len(mesh.topology().degenerate_faces) == 20
