"""The region of the spectrum holds the eigenvalues, and steps follow from it as theory says."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from pdgn.mesh import bumpy_sphere, grid, icosphere
from pdgn.simulate import STEPPERS, ConvectionDiffusion, Heat, Spectrum, plane_coefficients, random_velocity
from pdgn.simulate.spectrum import RITZ_TOLERANCE, largest_stable_step, spectrum_of


def eigenvalues(system):
    free = ~system.fixed
    dense = -system.operator.toarray()[np.ix_(free, free)] / system.mass[free, None]
    return np.linalg.eigvals(dense)


@pytest.mark.parametrize("subdivisions", [1, 2])  # dense and Lanczos
@pytest.mark.parametrize("form", ["conservative", "advective"])
@pytest.mark.parametrize("diffusivity", [0.0, 0.03])
def test_region_holds_the_eigenvalues_of_convection_diffusion(subdivisions, form, diffusivity):
    mesh = bumpy_sphere(np.random.default_rng(3), subdivisions)
    velocity = random_velocity(mesh, np.random.default_rng(4))
    system = ConvectionDiffusion(velocity, diffusivity, form).discretize(mesh)
    region, value = system.spectrum(), eigenvalues(system)
    growth = max(value.real.max(), 0.0)  # the discrete divergence of the averaged velocity
    assert (-value.real <= region.decay).all()
    assert (np.abs(value.imag) <= region.oscillation).all()
    assert (value.imag**2 <= region.coupling * (growth - value.real + 1e-12)).all()
    assert region.oscillation < 1.5 * np.abs(value.imag).max() + region.decay  # and is not far from them


def test_region_holds_the_eigenvalues_of_the_planar_problem():
    mesh = grid(16, 16, (2 * np.pi, 2 * np.pi), periodic=True)
    velocity, diffusivity = plane_coefficients(mesh.pos)
    system = ConvectionDiffusion(velocity, diffusivity, "advective").discretize(mesh)
    region, value = system.spectrum(), eigenvalues(system)
    assert -value.real.min() <= region.decay < -1.5 * value.real.min()
    assert np.abs(value.imag).max() <= region.oscillation


@pytest.mark.parametrize("equation", [Heat(0.3), Heat(0.3, "dirichlet")], ids=["neumann", "dirichlet"])
def test_decay_of_heat_is_the_largest_eigenvalue(equation):
    system = equation.discretize(grid(12, 9))
    largest = -eigenvalues(system).real.min()
    assert largest <= system.spectrum().decay <= largest * (1 + 2 * RITZ_TOLERANCE)
    assert system.spectrum().oscillation == 0


def test_spectrum_is_reproducible():
    mesh = icosphere(3)
    assert Heat(1.0).discretize(mesh).spectrum() == Heat(1.0).discretize(mesh).spectrum()


@pytest.mark.parametrize("exponent", [-600, 10, 1000])
def test_oscillation_is_homogeneous_where_its_square_is_no_number(exponent):
    skew = sp.random(162, 162, 0.05, random_state=0, format="csr")
    skew = skew - skew.T
    once = spectrum_of(np.ones(162), skew).oscillation
    # A power of two scales every rounded number alike; Gershgorin's bound would be three times as large.
    assert spectrum_of(np.ones(162), 2.0**exponent * skew).oscillation == 2.0**exponent * once
    np.testing.assert_allclose(once, np.linalg.norm(skew.toarray(), 2), rtol=2 * RITZ_TOLERANCE)


@pytest.mark.parametrize("coupling", [np.inf, 1e280, 3.0, 0.0])
def test_a_region_as_large_as_numbers_go_still_bounds_a_step(coupling):
    step = largest_stable_step(STEPPERS["rk4"].amplification, Spectrum(1.0, 1e300, coupling))
    assert 0 < step < 3.0  # rk4 reaches 2.785 on the real axis
    if coupling == np.inf:
        np.testing.assert_allclose(step * 1e300, 2 * np.sqrt(2), rtol=1e-6)  # its reach on the imaginary axis


def test_steps_are_those_of_the_textbook():
    euler, classical = STEPPERS["explicit_euler"].amplification, STEPPERS["rk4"].amplification
    assert largest_stable_step(euler, Spectrum(4.0)) == pytest.approx(0.5)  # 2/ρ
    assert largest_stable_step(classical, Spectrum(1.0)) == pytest.approx(2.785293563)  # real interval of RK4
    assert largest_stable_step(classical, Spectrum(0.0, 1.0)) == pytest.approx(np.sqrt(8))  # imaginary interval
    assert largest_stable_step(euler, Spectrum(0.0, 1.0)) == 0
    assert largest_stable_step(euler, Spectrum(4.0, 1.0)) == 0
    # On b² = P a: |1 + dt λ|² ≤ 1 ⟺ dt ≤ 2a/(a² + P a) = 2/(a + P), smallest at the largest a.
    assert largest_stable_step(euler, Spectrum(4.0, 100.0, 3.0)) == pytest.approx(2 / 7)
    assert largest_stable_step(euler, Spectrum(0.0)) == np.inf
