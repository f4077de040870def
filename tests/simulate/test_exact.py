"""Exact solutions satisfy their own equations."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.simulate.exact import plane_wave, real_spherical_harmonic, rectangle_mode, rotated_points, sphere_heat_factor

PAIRS = [(degree, order) for degree in range(5) for order in range(-degree, degree + 1)]


def test_spherical_harmonics_are_orthonormal():
    node, weight = np.polynomial.legendre.leggauss(12)  # exact to degree 23 in z
    angle = 2 * np.pi * np.arange(16) / 16  # exact to degree 15 in φ
    ring = np.sqrt(1 - node**2)
    points = np.stack(
        [np.outer(ring, np.cos(angle)), np.outer(ring, np.sin(angle)), np.outer(node, np.ones(16))], axis=2
    ).reshape(-1, 3)
    area = np.repeat(weight, 16) * 2 * np.pi / 16
    table = np.stack([real_spherical_harmonic(3 * points, *pair) for pair in PAIRS])
    np.testing.assert_allclose(table * area @ table.T, np.eye(len(PAIRS)), atol=1e-13)


def test_low_spherical_harmonics_are_the_known_polynomials(rng):
    x, y, z = (unit := _unit(rng.standard_normal((20, 3)))).T
    for order, value in ((1, x), (-1, y), (0, z)):
        harmonic = real_spherical_harmonic(unit, 1, order)
        np.testing.assert_allclose(harmonic, np.sqrt(3 / (4 * np.pi)) * value, atol=1e-14)
    np.testing.assert_allclose(real_spherical_harmonic(unit, 2, -2), np.sqrt(15 / (4 * np.pi)) * x * y, atol=1e-14)


def test_spherical_harmonics_at_the_poles_are_finite():
    assert np.isfinite([real_spherical_harmonic(np.array([[0, 0, 1.0], [0, 0, -1.0]]), *pair) for pair in PAIRS]).all()


def test_rotation(rng):
    points = rng.standard_normal((10, 3))
    np.testing.assert_allclose(rotated_points([[1.0, 0, 0]], [0, 0, 2], np.pi / 2), [[0, 1, 0]], atol=1e-15)
    twice = rotated_points(rotated_points(points, [1, 2, 3], 0.4), [1, 2, 3], 0.3)
    np.testing.assert_allclose(twice, rotated_points(points, [1, 2, 3], 0.7), atol=1e-14)
    np.testing.assert_allclose(np.linalg.norm(twice, axis=1), np.linalg.norm(points, axis=1))


@pytest.mark.parametrize("name", ["wave", "neumann", "dirichlet"])
def test_planar_solutions_satisfy_the_equation_by_finite_differences(name, rng):
    points, size, step = rng.uniform(0.2, 0.8, (8, 2)), (1.5, 2.5), 1e-4
    velocity = np.array([0.4, -0.3]) if name == "wave" else np.zeros(2)

    def u(shift, time):
        if name == "wave":
            return plane_wave(points + shift, time, (1, 2), size=size, velocity=tuple(velocity), diffusivity=0.2)
        return rectangle_mode(points + shift, time, (1, 2), size=size, diffusivity=0.2, boundary=name)

    rate = (u(0, 0.1 + step) - u(0, 0.1 - step)) / (2 * step)
    axes = step * np.eye(2)
    slope = [(u(a, 0.1) - u(-a, 0.1)) / (2 * step) for a in axes]
    laplacian = sum((u(a, 0.1) - 2 * u(0, 0.1) + u(-a, 0.1)) / step**2 for a in axes)
    np.testing.assert_allclose(rate + velocity @ np.array(slope), 0.2 * laplacian, atol=1e-5)  # step² and ε/step²


def test_rectangle_modes_meet_their_boundary_conditions():
    side = np.array([[0.0, 0.3], [2.0, 0.3], [0.4, 0.0], [0.4, 1.0]])
    value = rectangle_mode(side, 0.1, (1, 3), size=(2.0, 1.0), diffusivity=0.1, boundary="dirichlet")
    assert np.abs(value).max() < 1e-15
    inward = np.array([[1.0, 0], [-1.0, 0], [0, 1.0], [0, -1.0]]) * 1e-6
    start, moved = (
        rectangle_mode(points, 0.1, (1, 3), size=(2.0, 1.0), diffusivity=0.1, boundary="neumann")
        for points in (side, side + inward)
    )
    assert np.abs(moved - start).max() < 1e-10  # zero slope: the change is of the second order


def test_heat_factor():
    assert sphere_heat_factor(3, 0.1, 0.5, radius=2.0) == pytest.approx(np.exp(-0.1 * 12 / 4 * 0.5))


def test_bad_degree_is_refused():
    with pytest.raises(ValueError, match=r"wanted 0 <= \|order\| <= degree, got degree 1, order 2"):
        real_spherical_harmonic([[1.0, 0, 0]], 1, 2)


def _unit(vector):
    return vector / np.linalg.norm(vector, axis=1, keepdims=True)
