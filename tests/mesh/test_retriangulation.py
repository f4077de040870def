"""Another triangulation: the same surface and topology, other vertices and edges, no bad faces."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import (
    TriMesh,
    bumpy_sphere,
    closest_point,
    corner_angles,
    grid,
    icosphere,
    read_mesh,
    repair,
    retriangulate,
    torus,
)
from pdgn.mesh.edge_flips import flip_edges


def volume(mesh: TriMesh) -> float:
    return float(np.einsum("fc,fc->", mesh.corners.mean(axis=1), mesh.area_vector)) / 3


def shared_edges(mesh: TriMesh, other: TriMesh) -> float:
    """Part of the edges of one mesh that are edges of the other, vertices matched by their place."""
    old = {tuple(pos): number for number, pos in enumerate(mesh.pos.tolist())}
    number = np.array([old.get(tuple(pos), -1) for pos in other.pos.tolist()])
    edges = {tuple(edge) for edge in number[other.edge_index].T.tolist() if min(edge) >= 0}
    return len(edges & {tuple(edge) for edge in mesh.edge_index.T.tolist()}) / mesh.edge_index.shape[1]


MESHES = {
    "bumpy": bumpy_sphere(np.random.default_rng(0), 3),
    "torus": torus(2.0, 0.7, 36, 18),
    "square": grid(20, 17),
    "periodic": grid(16, 12, (2.0, 1.0), periodic=True),
}


@pytest.mark.parametrize("mesh", MESHES.values(), ids=MESHES)
def test_other_mesh_is_sound(mesh):
    other = retriangulate(mesh, np.random.default_rng(1))
    assert other.topology().describe() == mesh.topology().describe() and other.period == mesh.period
    assert abs(other.num_vertices - mesh.num_vertices) <= 0.1 * mesh.num_vertices
    assert shared_edges(mesh, other) < 0.2
    # The longest side of a face is at most four times its smallest height, and moves keep to 20° or what was there.
    assert np.degrees(corner_angles(other).min()) > 12
    place = closest_point(mesh, other.corners.mean(axis=1))
    assert np.einsum("fc,fc->f", other.face_normal, mesh.face_normal[place.face]).min() > 0.5
    assert place.distance.max() < 0.5 * mesh.edge_length.max() ** 2  # at curvatures up to 4: h²κ/8


def test_plane_stays_exact():
    for mesh in (MESHES["square"], MESHES["periodic"]):
        other = retriangulate(mesh, np.random.default_rng(2))
        assert other.face_area.sum() == pytest.approx(mesh.face_area.sum(), rel=1e-13)
        assert np.abs(other.pos[:, 2]).max() == 0
        assert (other.area_vector[:, 2] > 0).all()


def test_surface_differs_to_second_order():
    missing, back = [], []
    for level in (2, 3, 4):
        ball = icosphere(level)
        other = retriangulate(ball, np.random.default_rng(3))
        missing.append(volume(ball) - volume(other))
        on_sphere = retriangulate(
            ball, np.random.default_rng(3), project=lambda pos: pos / np.linalg.norm(pos, axis=1, keepdims=True)
        )
        np.testing.assert_allclose(np.linalg.norm(on_sphere.pos, axis=1), 1, rtol=1e-14)
        back.append(4 * np.pi / 3 - volume(on_sphere))
    for errors in (missing, back):
        assert min(errors) > 0
        np.testing.assert_allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 2.0, atol=0.3)  # random meshes


def test_same_seed_same_mesh():
    mesh = MESHES["bumpy"]
    first, second, third = (retriangulate(mesh, np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert np.array_equal(first.pos, second.pos) and np.array_equal(first.face, second.face)
    assert first.pos.shape != third.pos.shape or np.abs(first.pos - third.pos).max() > 0.01


def test_flips_make_a_plane_delaunay(rng):
    mesh = grid(12, 12)
    pos = np.array(mesh.pos)
    pos[~mesh.boundary, :2] += rng.uniform(-0.03, 0.03, (100, 2))  # a third of the spacing: no face turns over
    result = flip_edges(TriMesh(pos, mesh.face), rng)
    assert np.array_equal(result.pos, pos) and not np.array_equal(result.face, mesh.face)
    centre, radius = circumcircles(result)
    distance = np.linalg.norm(centre[:, None] - pos[None, :, :2], axis=2)
    assert (distance > radius[:, None] * (1 - 1e-5)).all()  # no vertex inside a circle, up to GAIN


def circumcircles(mesh: TriMesh) -> tuple[np.ndarray, np.ndarray]:
    a, b, c = np.moveaxis(mesh.corners[:, :, :2], 1, 0)
    system = 2 * np.stack([b - a, c - a], axis=1)
    right = np.stack([(b**2 - a**2).sum(axis=1), (c**2 - a**2).sum(axis=1)], axis=1)
    centre = np.linalg.solve(system, right[..., None])[..., 0]
    return centre, np.linalg.norm(centre - a, axis=1)


def test_creases_stay():
    # Two squares that meet at a right angle: the crease is in both meshes.
    flat = grid(9, 9)
    pos = np.where(flat.pos[:, :1] > 0.5, np.stack([0 * flat.pos[:, 0] + 0.5, flat.pos[:, 1], flat.pos[:, 0] - 0.5], 1),
                   flat.pos)  # fmt: skip
    mesh = TriMesh(pos, flat.face)
    other = retriangulate(mesh, np.random.default_rng(0))
    assert other.face_area.sum() == pytest.approx(1, rel=1e-12)
    assert closest_point(mesh, other.corners.mean(axis=1)).distance.max() < 1e-14


def test_a_mesh_too_small_to_be_made_coarser_is_moved():
    other = retriangulate(icosphere(0), np.random.default_rng(0), crease=60.0)
    assert other.topology().describe() == icosphere(0).topology().describe()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["spot.obj", "homer.obj", "cheburashka.obj", "cow.obj", "stanford-bunny.obj"])
def test_real_meshes(shared_data, name):
    options = ("isolated", "degenerate", "duplicate", "non_manifold", "orientation")
    mesh = repair(read_mesh(shared_data / "meshes" / name), **dict.fromkeys(options, True))[0]
    other = retriangulate(mesh, np.random.default_rng(0))
    assert other.topology().describe() == mesh.topology().describe()
    assert corner_angles(other).min() > corner_angles(mesh).min()
    extent = np.ptp(mesh.pos, axis=0).max()
    assert closest_point(other, mesh.pos).distance.max() < 0.02 * extent  # measured: 0.002 to 0.012


def test_bad_input_is_refused(rng):
    with pytest.raises(ValueError, match="jitter must lie from 0 to 1, got 2"):
        retriangulate(icosphere(1), rng, jitter=2)
    with pytest.raises(ValueError, match="the mesh must be manifold, but it has 1 non-manifold edges"):
        retriangulate(TriMesh(rng.random((5, 3)), [[0, 1, 2], [0, 1, 3], [0, 1, 4]]), rng)
    with pytest.raises(ValueError, match="faces of some area, got 1 degenerate"):
        retriangulate(TriMesh([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]]), rng)
