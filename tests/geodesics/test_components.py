"""Each component gets exactly the library's own answer on its own compact mesh."""

from __future__ import annotations

import numpy as np
import potpourri3d
import pytest
from pygeodesic.geodesic import PyGeodesicAlgorithmExact

from pdgn.geodesics import distance_to_set, distance_to_sets, geodesic_distance
from pdgn.geodesics.component import _is_oriented_manifold, _may_be_degenerate, solvable_components
from pdgn.mesh import TriMesh, grid, icosphere, read_mesh, repair, torus

METHODS = ["exact", "heat", "fast_marching"]


def bare(pos, face, source, method):
    """The library's answer, called as its documentation says."""
    if method == "exact":
        return PyGeodesicAlgorithmExact(pos, face).geodesicDistances([source], None)[0]
    if method == "heat":
        return potpourri3d.compute_distance(pos, face, source)
    return potpourri3d.MeshFastMarchingDistanceSolver(pos, face).compute_distance([[(source, [])]])


def three_components(rng):
    """A sphere, a torus and a sheet with boundary, isolated vertices among them, vertices in random order."""
    parts = [icosphere(2), torus(2.0, 0.7, 16, 9), grid(7, 5)]
    pos, face, first = [np.zeros((2, 3))], [], 2  # vertices 0 and 1 are isolated
    for k, part in enumerate(parts):
        pos.append(part.pos + 10.0 * k)
        face.append(part.face + first)
        first += part.num_vertices
    pos, order = np.concatenate(pos), rng.permutation(first)
    return TriMesh(pos[order], np.argsort(order)[np.concatenate(face)])


def compact(mesh, source):
    """The component of a vertex as a mesh of its own: vertices, positions, faces, the vertex's number there."""
    vertices = np.flatnonzero(mesh.component == mesh.component[source])
    face = mesh.face[np.isin(mesh.face[:, 0], vertices)]
    return vertices, mesh.pos[vertices], np.searchsorted(vertices, face), int(np.searchsorted(vertices, source))


def require_library_answer(mesh, sources, method):
    """Bit for bit on the component of each source, infinite elsewhere."""
    for source, ours in zip(sources, geodesic_distance(mesh, sources, method)):
        vertices, pos, face, local = compact(mesh, source)
        np.testing.assert_array_equal(ours[vertices], bare(pos, face, local, method))
        assert np.isposinf(np.delete(ours, vertices)).all()


@pytest.mark.parametrize("method", METHODS)
def test_each_component_gets_the_librarys_own_answer(method, rng):
    mesh = three_components(rng)
    used = np.setdiff1d(np.arange(mesh.num_vertices), mesh.topology().isolated_vertices)
    sources = rng.choice(used, 8, replace=False)
    assert len(np.unique(mesh.component[sources])) == 3 and mesh.topology().components == 3
    require_library_answer(mesh, sources, method)


@pytest.mark.parametrize("method", METHODS)
def test_so_does_a_cow_once_it_is_repaired(method, shared_data):
    cow = read_mesh(shared_data / "meshes" / "cow.obj")
    with pytest.raises(ValueError, match=r"non-manifold vertices \(repair\(mesh, non_manifold=True\) takes it apart"):
        geodesic_distance(cow, 0, method)
    mesh, report = repair(cow, non_manifold=True)
    assert report.vertices_split > 0
    require_library_answer(mesh, [0, mesh.num_vertices - 1], method)


@pytest.mark.parametrize("method", [pytest.param("heat", marks=pytest.mark.slow), "fast_marching"])
def test_so_does_a_bunny_with_boundary_and_isolated_vertices(method, shared_data):
    mesh = read_mesh(shared_data / "meshes" / "stanford-bunny.obj")
    topology = mesh.topology()
    assert len(topology.isolated_vertices) and not topology.closed
    require_library_answer(mesh, [int(mesh.face[0, 0])], method)


@pytest.mark.slow
def test_so_does_a_bunny_in_exact_distances(shared_data):
    mesh = read_mesh(shared_data / "meshes" / "stanford-bunny.obj")
    require_library_answer(mesh, [int(mesh.face[0, 0]), int(mesh.face[-1, 2])], "exact")


@pytest.mark.parametrize("method", METHODS)
def test_distance_to_a_set_is_the_least_of_the_distances(method, rng):
    mesh = three_components(rng)
    sources = np.append(np.flatnonzero(np.isin(mesh.component, mesh.component[mesh.face[[0, -1], 0]]))[::40], 0)
    least = geodesic_distance(mesh, sources, method).min(axis=0)
    distance = distance_to_set(mesh, np.repeat(sources, 2), method)
    assert (distance[sources] == 0).all() and np.isinf(distance).any()
    np.testing.assert_array_equal(np.isinf(distance), np.isinf(least))
    reached = np.isfinite(least)
    # One front from all sources differs from the least of many fronts where two of them meet in a face.
    spread = mesh.edge_length.max() / 3 if method == "fast_marching" else 0.0
    np.testing.assert_allclose(distance[reached], least[reached], rtol=1e-12, atol=spread)
    several = distance_to_sets(mesh, [[5], sources, sources[:1]], method)
    np.testing.assert_array_equal(several[1], distance)
    np.testing.assert_array_equal(several[0], geodesic_distance(mesh, 5, method)[0])


@pytest.mark.parametrize("name", ["spot", "cow", "cheburashka", "homer"])
def test_quick_checks_agree_with_topology(name, shared_data):
    mesh = read_mesh(shared_data / "meshes" / f"{name}.obj")
    assert _is_oriented_manifold(mesh) == mesh.topology().manifold == (name != "cow")
    assert not _may_be_degenerate(mesh) and not len(mesh.topology().degenerate_faces)


def test_quick_checks_agree_with_topology_on_broken_meshes(rng):
    found = []
    for _ in range(300):  # few faces on few vertices: edges of three faces, pinched vertices, disagreeing faces
        face = np.array([rng.choice(7, 3, replace=False) for _ in range(rng.integers(2, 7))])
        mesh = TriMesh(rng.normal(size=(7, 3)), face)
        good = mesh.topology().manifold and not len(mesh.topology().inconsistent_edges)
        assert _is_oriented_manifold(mesh) == good
        found.append(good)
    assert 10 < sum(found) < 290
    many = TriMesh([[0, 0, 0], *[[np.cos(a), np.sin(a), 0] for a in np.arange(150) / 25]], np.stack(
        [np.zeros(149, int), np.arange(1, 150), np.arange(2, 151)], axis=1))  # fmt: skip
    assert not _is_oriented_manifold(many) and np.isfinite(geodesic_distance(many, 0, "heat")).all()
    flat = TriMesh([[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 1, 0]], [[0, 1, 2], [0, 1, 3]])
    assert _may_be_degenerate(flat)


def test_disagreeing_faces_are_no_matter_to_distances():
    mesh = icosphere(2)
    face = np.array(mesh.face)
    face[::3] = face[::3, ::-1]
    np.testing.assert_allclose(geodesic_distance(TriMesh(mesh.pos, face), 3), geodesic_distance(mesh, 3), atol=1e-14)


def test_a_mesh_is_checked_once_and_forgotten_with_it():
    mesh = icosphere(1)
    assert solvable_components(mesh) is solvable_components(mesh)
    other = TriMesh(2 * mesh.pos, mesh.face)
    np.testing.assert_allclose(geodesic_distance(other, 0), 2 * geodesic_distance(mesh, 0), rtol=1e-12)
