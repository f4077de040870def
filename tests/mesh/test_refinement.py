"""Refinement keeps the polyhedron, its topology and its old vertices, and reaches the sphere where it is put there."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import TriMesh, bumpy_sphere, grid, icosphere, refine, torus

MESHES = {
    "closed": bumpy_sphere(np.random.default_rng(0), 2),
    "boundary": grid(5, 4),
    "periodic": grid(5, 4, (2.0, 1.0), periodic=True),
    "torus": torus(2.0, 0.7, 9, 5),
    "isolated vertex": TriMesh(np.eye(4)[:, :3], [[0, 1, 2]]),
}


@pytest.mark.parametrize("mesh", MESHES.values(), ids=MESHES)
def test_refined_mesh_is_the_same_polyhedron(mesh):
    finer = refine(mesh)
    edges = mesh.edge_index.shape[1] // 2
    assert (finer.num_vertices, finer.num_faces) == (mesh.num_vertices + edges, 4 * mesh.num_faces)
    np.testing.assert_array_equal(finer.pos[: mesh.num_vertices], mesh.pos)
    # Each child has a quarter of the area and the normal of its face.
    np.testing.assert_allclose(finer.area_vector, np.repeat(mesh.area_vector, 4, axis=0) / 4, atol=1e-15)
    before, after = mesh.topology(), finer.topology()
    for name in ("components", "boundary_loops", "euler_characteristic"):
        assert getattr(before, name) == getattr(after, name)
    assert after.boundary_edges == 2 * before.boundary_edges and after.manifold
    assert not len(after.inconsistent_edges) and finer.period == mesh.period


def test_refined_and_projected_icosphere_is_the_next_icosphere():
    finer = refine(icosphere(2), lambda pos: pos / np.linalg.norm(pos, axis=1, keepdims=True))
    np.testing.assert_array_equal(finer.face, icosphere(3).face)
    np.testing.assert_allclose(finer.pos, icosphere(3).pos, atol=1e-15)


def test_new_vertices_of_a_periodic_mesh_stay_in_its_box():
    for shift in (0.0, -1.0):
        mesh = grid(4, 4, (2.0, 2.0), periodic=True)
        finer = refine(TriMesh(mesh.pos + [shift, shift, 0.0], mesh.face, mesh.period))
        np.testing.assert_allclose(np.unique(finer.pos[:, 0].round(12)), shift + np.arange(8) / 4, atol=1e-12)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="three different vertices, got 1 that repeat one"):
        refine(TriMesh(np.eye(3), [[0, 1, 2], [0, 1, 1]]))
    with pytest.raises(ValueError, match=r"project must return shape \[3, 3\], got \[3\]"):
        refine(TriMesh(np.eye(3), [[0, 1, 2]]), lambda pos: pos[:, 0])
