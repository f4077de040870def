from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import bumpy_sphere, grid, icosphere, torus


def orders(errors):
    return np.log2(np.array(errors[:-1]) / errors[1:])


def test_icosphere_counts_radius_and_area():
    areas = []
    for level in range(5):
        sphere = icosphere(level, radius=2.0)
        assert (sphere.num_vertices, sphere.num_faces) == (10 * 4**level + 2, 20 * 4**level)
        np.testing.assert_allclose(np.linalg.norm(sphere.pos, axis=1), 2.0, rtol=1e-15)
        assert sphere.topology().describe() == "1 component, closed, Euler characteristic 2; no defects"
        areas.append(16 * np.pi - sphere.face_area.sum())
    # Inscribed flat triangles: smaller, with an error of second order in the edge length.
    assert min(areas) > 0
    np.testing.assert_allclose(orders(areas)[2:], 2.0, atol=0.05)


def test_coarse_vertices_come_first_in_a_finer_icosphere():
    np.testing.assert_array_equal(icosphere(2).pos, icosphere(3).pos[:162])


def test_torus_area_and_topology():
    errors = [4 * np.pi**2 * 2.0 * 0.5 - torus(2.0, 0.5, 4 * n, n).face_area.sum() for n in (8, 16, 32)]
    assert min(errors) > 0
    np.testing.assert_allclose(orders(errors), 2.0, atol=0.05)
    assert torus(2.0, 0.5, 9, 5).topology().describe() == "1 component, closed, Euler characteristic 0; no defects"


def test_grid_positions_and_topology():
    mesh = grid(5, 3, (2.0, 1.0))
    np.testing.assert_array_equal(mesh.pos[1 * 5 + 4], [2.0, 0.5, 0.0])
    np.testing.assert_array_equal(mesh.face_normal, np.tile([0.0, 0.0, 1.0], (16, 1)))
    assert mesh.topology().describe() == "1 component, 1 boundary loops, Euler characteristic 1; no defects"
    periodic = grid(50, 50, (2 * np.pi, 2 * np.pi), periodic=True)
    assert periodic.pos[:, 0].max() == pytest.approx(2 * np.pi * 49 / 50, abs=1e-14)
    assert periodic.topology().describe() == "1 component, closed, Euler characteristic 0; no defects"


def test_bumpy_sphere_is_seeded_and_the_same_at_every_resolution():
    coarse, fine = (bumpy_sphere(np.random.default_rng(3), level) for level in (2, 3))
    np.testing.assert_array_equal(coarse.pos, fine.pos[: coarse.num_vertices])
    other = bumpy_sphere(np.random.default_rng(4), 2)
    assert np.abs(other.pos - coarse.pos).max() > 0.01
    assert fine.topology().describe() == "1 component, closed, Euler characteristic 2; no defects"


def test_bumpy_sphere_has_the_stated_amplitude(rng):
    mesh, sphere = bumpy_sphere(rng, 4, amplitude=0.3), icosphere(4)
    weight = np.bincount(sphere.face.ravel(), np.repeat(sphere.face_area / 3, 3))
    mean_square = weight @ np.log(np.linalg.norm(mesh.pos, axis=1)) ** 2 / weight.sum()
    # The quadrature on 2,562 vertices is good to a few parts in a thousand.
    assert np.sqrt(mean_square) == pytest.approx(0.3, rel=5e-3)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: icosphere(-1), "0 <= subdivisions <= 12 and a finite radius > 0, got -1 and"),
        (lambda: icosphere(33), "0 <= subdivisions <= 12 .*, got 33 and"),  # before any memory is taken
        (lambda: icosphere(1, radius=float("nan")), "radius > 0, got 1 and nan"),
        (lambda: icosphere(1, radius=float("inf")), "radius > 0, got 1 and inf"),
        (lambda: grid(3, 3, (float("inf"), 1.0)), "two finite lengths > 0, got .*inf"),
        (lambda: torus(float("inf"), 1.0, 3, 3), "0 < minor < major < inf .*, got major=inf"),
        (lambda: bumpy_sphere(np.random.default_rng(0), 1, amplitude=1000.0), "0 <= amplitude <= 5 .*, got 1000.0"),
        (lambda: torus(1.0, 1.5, 8, 8), "0 < minor < major"),
        (lambda: torus(1.0, 0.5, 2, 8), "at least 3 vertices each way"),
        (lambda: grid(1, 5), "nx, ny >= 2"),
        (lambda: grid(2, 5, periodic=True), "nx, ny >= 3"),
        (lambda: grid(3, 3, (1.0, 0.0)), "two finite lengths > 0"),
        (lambda: bumpy_sphere(np.random.default_rng(0), amplitude=-1.0), "0 <= amplitude"),
    ],
)
def test_impossible_shapes_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
