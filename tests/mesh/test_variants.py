"""Variants of generated shapes lie on the very same surface; the Fibonacci sphere and the staggered torus are sound."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import (
    VARIANTS,
    Shape,
    bumpy_sphere,
    closest_point,
    corner_angles,
    fibonacci_sphere,
    grid,
    icosphere,
    torus,
    variant,
)

SHAPES = {
    "icosphere": Shape("icosphere", {"subdivisions": 3, "radius": 2.0}),
    "bumpy_sphere": Shape("bumpy_sphere", {"subdivisions": 3, "amplitude": 0.3}, [7, 0, 1]),
    "torus": Shape("torus", {"major": 2.0, "minor": 0.7, "n_major": 40, "n_minor": 20}),
    "grid": Shape("grid", {"nx": 21, "ny": 17, "size": [2.0, 1.0]}),
    "periodic": Shape("grid", {"nx": 20, "ny": 16, "periodic": True}),
}
FACTOR = {"coarser": 1 / 4, "finer": 4.0, "retriangulated": 1.0}


@pytest.mark.parametrize("kind", VARIANTS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_variant_has_the_topology_and_the_size(shape, kind):
    mesh, other = shape.make(), variant(shape, kind, np.random.default_rng(0))
    assert other.topology().describe() == mesh.topology().describe() and other.period == mesh.period
    assert other.num_vertices == pytest.approx(FACTOR[kind] * mesh.num_vertices, rel=0.15)
    longest = max(mesh.edge_length.max(), other.edge_length.max())
    assert closest_point(mesh, other.pos).distance.max() < 0.5 * longest**2  # h²κ/8 at curvatures up to 4
    assert np.degrees(corner_angles(other).min()) > 12
    again = variant(shape, kind, np.random.default_rng(0))
    assert np.array_equal(again.pos, other.pos) and np.array_equal(again.face, other.face)


@pytest.mark.parametrize("kind", VARIANTS)
def test_vertices_lie_on_the_exact_surface(kind):
    ball = variant(SHAPES["icosphere"], kind, np.random.default_rng(1))
    np.testing.assert_allclose(np.linalg.norm(ball.pos, axis=1), 2.0, rtol=1e-14)
    ring = variant(SHAPES["torus"], kind, np.random.default_rng(1))
    tube = np.hypot(np.hypot(ring.pos[:, 0], ring.pos[:, 1]) - 2.0, ring.pos[:, 2])
    np.testing.assert_allclose(tube, 0.7, rtol=1e-14)


def test_bumpy_sphere_is_the_same_surface_on_a_fibonacci_lattice():
    other = bumpy_sphere(np.random.default_rng(3), 3, triangulation="fibonacci")
    assert other.num_vertices == 642
    shape = Shape("bumpy_sphere", {"subdivisions": 3}, 3)
    for mesh in (other, variant(shape, "retriangulated", np.random.default_rng(0))):
        distance = [
            closest_point(bumpy_sphere(np.random.default_rng(3), level), mesh.pos).distance.mean()
            for level in (3, 4, 5)
        ]
        # The vertices lie on the surface: their distance is the flatness of the other faces, of second order.
        np.testing.assert_allclose(np.log2(np.array(distance[:-1]) / distance[1:]), 2.0, atol=0.1)


@pytest.mark.parametrize("num_vertices", [4, 5, 12, 100, 2562])
def test_fibonacci_sphere_is_sound(num_vertices):
    ball = fibonacci_sphere(num_vertices, radius=3.0, generator=np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.norm(ball.pos, axis=1), 3.0, rtol=1e-14)
    assert ball.num_vertices == num_vertices
    assert ball.topology().describe() == "1 component, closed, Euler characteristic 2; no defects"  # not inward
    assert np.degrees(corner_angles(ball).min()) > 38


def test_fibonacci_spheres_are_turned_and_not_stretched():
    plain, turned = fibonacci_sphere(50), fibonacci_sphere(50, generator=np.random.default_rng(0))
    rotation, *_ = np.linalg.lstsq(plain.pos, turned.pos, rcond=None)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-13)
    assert np.linalg.det(rotation) == pytest.approx(1) and np.abs(rotation - np.eye(3)).max() > 0.1


def test_staggered_torus():
    regular, staggered = (torus(2.0, 0.7, 60, 20, kind, (0.3, 0.1)) for kind in ("regular", "staggered"))
    assert staggered.topology().describe() == regular.topology().describe()
    assert corner_angles(staggered).min() > corner_angles(regular).min()
    area, errors = 4 * np.pi**2 * 2.0 * 0.7, []
    for n in (10, 20, 40):
        errors.append(area - torus(2.0, 0.7, 3 * n - n % 2, n, "staggered").face_area.sum())
    np.testing.assert_allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 2.0, atol=0.05)


def test_meshes_have_variants_too():
    mesh = bumpy_sphere(np.random.default_rng(0), 3)
    for kind in VARIANTS:
        other = variant(mesh, kind, np.random.default_rng(0))
        assert other.num_vertices == pytest.approx(FACTOR[kind] * mesh.num_vertices, rel=0.15)


def test_bad_input_is_refused(rng):
    with pytest.raises(ValueError, match="kind of variant must be one of coarser, finer, retriangulated, got 'other'"):
        variant(icosphere(1), "other", rng)
    with pytest.raises(ValueError, match="shape must be one of .*torus.*, got 'cube'"):
        Shape("cube")
    with pytest.raises(ValueError, match="0 <= subdivisions <= 12 .* got -1"):
        variant(Shape("icosphere", {"subdivisions": 0}), "coarser", rng)
    with pytest.raises(ValueError, match="nx, ny >= 2"):
        variant(Shape("grid", {"nx": 2, "ny": 2}), "coarser", rng)
    with pytest.raises(ValueError, match="at least 4 vertices and a finite radius > 0, got 3 and 1.0"):
        fibonacci_sphere(3)
    with pytest.raises(ValueError, match="'staggered' with an even n_major, got 'staggered' and n_major=9"):
        torus(2.0, 0.7, 9, 5, "staggered")
    with pytest.raises(ValueError, match="triangulation 'icosahedron' or 'fibonacci', got 'cube'"):
        bumpy_sphere(rng, triangulation="cube")
    with pytest.raises(ValueError, match="a mesh without period"):
        variant(grid(6, 6, periodic=True), "coarser", rng)
