"""Closest points agree with a search through every face by another library, and with images on a periodic domain."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from pdgn.mesh import TriMesh, bumpy_sphere, closest_point, corner_angles, grid, icosphere


def needles(generator: np.random.Generator) -> TriMesh:
    """Faces of sizes from 1e-3 to 1, without order, some of them thin."""
    corners = (
        generator.normal(size=(300, 1, 3))
        + generator.normal(size=(300, 3, 3)) * np.geomspace(1e-3, 1, 300)[:, None, None]
    )
    return TriMesh(corners.reshape(-1, 3), np.arange(900).reshape(-1, 3))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("far", [0.1, 3.0])
def test_agrees_with_a_search_through_every_face(seed, far):
    generator = np.random.default_rng(seed)
    for mesh in (bumpy_sphere(generator, 2), needles(generator)):
        place = generator.integers(mesh.num_vertices, size=50)
        point = mesh.pos[place] + far * generator.normal(size=(50, 3))
        found = closest_point(mesh, point)
        every = trimesh.triangles.closest_point(
            np.tile(mesh.corners, (50, 1, 1)), np.repeat(point, mesh.num_faces, axis=0)
        ).reshape(50, -1, 3)
        truth = np.linalg.norm(every - point[:, None], axis=2).min(axis=1)
        np.testing.assert_allclose(found.distance, truth, rtol=1e-9, atol=1e-12)  # round-off of thin faces
        at = found.interpolate(mesh, mesh.pos)
        np.testing.assert_allclose(np.linalg.norm(at - point, axis=1), found.distance, rtol=1e-9, atol=1e-12)
        assert (found.weight >= 0).all()
        np.testing.assert_allclose(found.weight.sum(axis=1), 1, rtol=1e-12)


def test_vertices_are_found_exactly():
    mesh = icosphere(3)
    found = closest_point(mesh, mesh.pos)
    assert np.array_equal(found.interpolate(mesh, mesh.pos), mesh.pos)
    assert found.distance.max() == 0


def test_degenerate_faces_are_segments():
    mesh = TriMesh([[0, 0, 0], [1, 0, 0], [3, 0, 0]], [[0, 1, 2], [1, 1, 1]])
    found = closest_point(mesh, [[2.0, 1.0, 0.0], [5.0, 0.0, 0.0]])
    np.testing.assert_allclose(found.distance, [1.0, 2.0], rtol=1e-15)


def test_periodic_points_find_their_nearest_image():
    mesh = grid(7, 5, (1.0, 2.0), periodic=True)
    generator = np.random.default_rng(0)
    point = generator.uniform(-3, 3, (200, 3))
    found = closest_point(mesh, point)
    np.testing.assert_allclose(found.distance, np.abs(point[:, 2]), rtol=1e-12)
    angle = 2 * np.pi * (mesh.corners[found.face] - point[:, None])[:, :, :2] / [1.0, 2.0]
    offset = np.einsum("nk,nkc->nc", found.weight, angle) / (2 * np.pi)
    assert np.abs(offset - offset.round()).max() < 1e-12  # whole periods


def test_angles_of_a_known_triangle():
    mesh = TriMesh([[0, 0, 0], [1, 0, 0], [0, np.sqrt(3), 0]], [[0, 1, 2]])
    np.testing.assert_allclose(np.degrees(corner_angles(mesh)), [[90, 60, 30]], rtol=1e-14)


def test_bad_points_are_refused():
    with pytest.raises(ValueError, match=r"pos must have shape \[V, 3\], got \[2, 2\]"):
        closest_point(icosphere(0), np.zeros((2, 2)))
