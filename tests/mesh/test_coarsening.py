"""Coarser meshes have old vertices, the old topology, sound faces, and a surface that differs to second order."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import TriMesh, bumpy_sphere, closest_point, coarsen, corner_angles, grid, icosphere, read_mesh, repair
from pdgn.mesh import torus as make_torus


def three_spheres() -> TriMesh:
    """Three components of different sizes."""
    ball = icosphere(3)
    pos = np.concatenate([ball.pos, ball.pos + [3, 0, 0], 0.3 * ball.pos + [0, 3, 0]])
    return TriMesh(pos, np.concatenate([ball.face + ball.num_vertices * k for k in range(3)]))


def without_cap() -> TriMesh:
    """A sphere without its southern cap: one curved boundary."""
    ball = icosphere(4)
    keep = (ball.pos[:, 2] > -0.2)[ball.face].all(axis=1)
    return repair(TriMesh(ball.pos, ball.face[keep]), isolated=True)[0]


MESHES = {
    "bumpy": bumpy_sphere(np.random.default_rng(0), 4),
    "torus": make_torus(2.0, 0.7, 48, 24),
    "three components": three_spheres(),
    "boundary": without_cap(),
    "square": grid(33, 33),
}


@pytest.mark.parametrize("mesh", MESHES.values(), ids=MESHES)
def test_coarse_mesh_is_sound(mesh):
    coarse = coarsen(mesh, 0.25)
    # A boundary's curtain counts among what is collapsed, so that the number of vertices is met less well there.
    assert 0.15 * mesh.num_vertices < coarse.num_vertices <= 0.275 * mesh.num_vertices
    old = {tuple(pos) for pos in mesh.pos.tolist()}
    assert all(tuple(pos) in old for pos in coarse.pos.tolist())
    before, after = mesh.topology(), coarse.topology()
    assert after.describe() == before.describe() and after.describe().endswith("no defects")
    assert np.degrees(corner_angles(coarse).min()) > 10  # a longest side of 4 heights leaves more than 14° or so
    place = closest_point(mesh, coarse.corners.mean(axis=1)).face
    assert np.einsum("fc,fc->f", coarse.face_normal, mesh.face_normal[place]).min() > 0.5  # nothing turned over


def test_square_keeps_its_area_and_its_corners():
    coarse = coarsen(grid(33, 33), 0.25)
    assert coarse.face_area.sum() == pytest.approx(1, abs=1e-12)
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]])
    assert (np.abs(coarse.pos[:, None] - corners).max(axis=2).min(axis=0) == 0).all()


def test_coarse_spheres_converge_with_slope_two():
    missing = []
    for level in (3, 4, 5):
        coarse = coarsen(icosphere(level), 0.25)
        volume = np.einsum("fc,fc->", coarse.corners.mean(axis=1), coarse.area_vector) / 3
        missing.append(4 * np.pi / 3 - volume)
    # Twice as many vertices each way; the collapses choose them unevenly, hence the margin.
    np.testing.assert_allclose(np.log2(np.array(missing[:-1]) / missing[1:]), 2.0, atol=0.25)


def test_coarsening_does_not_depend_on_scale_or_place():
    mesh = icosphere(3)
    there = coarsen(TriMesh(1e-6 * mesh.pos, mesh.face))
    assert np.array_equal(there.pos, 1e-6 * coarsen(mesh).pos)
    far = coarsen(TriMesh(mesh.pos + 1e4, mesh.face))
    assert far.topology().describe() == mesh.topology().describe()


def test_real_meshes(shared_data):
    for name, angle in (("spot.obj", 10.0), ("homer.obj", 2.0)):
        mesh = read_mesh(shared_data / "meshes" / name)
        coarse = coarsen(mesh)
        assert coarse.num_vertices <= 0.275 * mesh.num_vertices
        assert coarse.topology().describe() == mesh.topology().describe()
        assert np.degrees(corner_angles(coarse).min()) > angle  # no worse than the mesh itself, 10.2° and 2.1°
        extent = np.ptp(mesh.pos, axis=0).max()
        assert closest_point(coarse, mesh.pos).distance.max() < 0.02 * extent  # measured: 0.007 and 0.008


def test_bad_input_is_refused():
    ball = icosphere(1)
    for ratio in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match=f"ratio must lie above 0 and below 1, got {ratio}"):
            coarsen(ball, ratio)
    with pytest.raises(ValueError, match="without period, got period"):
        coarsen(grid(5, 5, periodic=True))
    with pytest.raises(ValueError, match="the mesh must be manifold, but it has 1 non-manifold edges"):
        coarsen(TriMesh(np.random.default_rng(0).random((5, 3)), [[0, 1, 2], [0, 1, 3], [0, 1, 4]]))
    with pytest.raises(ValueError, match="faces of some area, got 1 degenerate"):
        coarsen(TriMesh([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]]))
    with pytest.raises(ValueError, match="no mesh of about 1 vertices with this topology .* choose a larger ratio"):
        coarsen(ball, 0.03)
