"""The exponential stepper against matrix exponentials, closed forms and its own bounds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from pdgn.mesh import grid, icosphere
from pdgn.simulate import ConvectionDiffusion, FisherKPP, Heat, rotation_velocity, simulate, stable_step
from pdgn.simulate.exponential import TOLERANCE, expand, shortest
from pdgn.simulate.spectrum import Spectrum


def flow(mesh, diffusivity: float) -> ConvectionDiffusion:
    return ConvectionDiffusion(rotation_velocity(mesh, [0.2, 0.1, 1.0], 2.0), diffusivity)


def phi(z: np.ndarray) -> np.ndarray:
    return np.expm1(z) / z


@pytest.mark.parametrize(
    "make", [lambda mesh: Heat(0.7), lambda mesh: flow(mesh, 0.05), lambda mesh: flow(mesh, 0.0)],
    ids=["heat", "convection-diffusion", "convection"],
)  # fmt: skip
@pytest.mark.parametrize("dt", [1e-3, 0.1, 3.0])
def test_every_step_size_gives_the_matrix_exponential(make, dt, rng):
    mesh = icosphere(1)
    equation = make(mesh)
    system = equation.discretize(mesh)
    generator = -system.operator.toarray() / system.mass[:, None]
    initial = rng.standard_normal((mesh.num_vertices, 3))
    exact = np.stack([expm(dt * step * generator) @ initial for step in range(3)])
    found = simulate(equation, mesh, initial, dt, 2, method="exponential")
    assert found.substeps == 1
    # Two steps, each of error TOLERANCE · dt |F(u)| in the norm of the mass; twice that for the matrix not normal.
    size = np.abs(dt * generator @ initial).max()
    np.testing.assert_allclose(found.fields["u"], exact, atol=4 * TOLERANCE * size + 1e-14, rtol=0)


def test_a_steady_state_stays_and_the_content_is_kept(rng):
    mesh = icosphere(2)
    constant = np.full(mesh.num_vertices, 0.3)
    system = flow(mesh, 0.05).discretize(mesh)
    still = simulate(Heat(1.0), mesh, constant, 1.0, 5, method="exponential").fields["u"]
    # K·1 is zero to the round-off of cotangents, of size 1 and summed over 7 entries.
    np.testing.assert_allclose(still, 0.3, atol=1e-13)
    moved = simulate(flow(mesh, 0.05), mesh, rng.standard_normal(mesh.num_vertices), 0.5, 10, method="exponential")
    content = np.einsum("v,tvc->t", system.mass, moved.fields["u"])
    np.testing.assert_allclose(content, content[0], atol=1e-12)  # round-off of sums over 162 vertices


def test_fixed_values_and_inflow_lead_to_the_profile_between_them():
    mesh = grid(9, 9)
    fixed = np.where(mesh.pos[:, 0] < 0.5, 0.0, 1.0)
    initial = np.where(mesh.boundary, fixed, 0.2)
    found = simulate(Heat(1.0, boundary="dirichlet"), mesh, initial, 5.0, 2, method="exponential").fields["u"][-1, :, 0]
    other = simulate(Heat(1.0, boundary="dirichlet"), mesh, initial, 5.0, 40, method="backward_euler").fields["u"]
    assert np.array_equal(found[mesh.boundary], initial[mesh.boundary])
    # Steady after exp(−2π²·10): what remains of the first step is TOLERANCE of a change of 5 |F| ~ 5·8/h².
    np.testing.assert_allclose(found, other[-1, :, 0], atol=TOLERANCE * 5 * 8 * 64)


@pytest.mark.parametrize("left, top", [(0.0, 5.0), (0.1, 300.0), (40.0, 2.0), (40.0, 60.0), (1e4, 30.0), (3.0, 0.0)])
def test_the_series_is_phi_on_the_whole_region(left, top):
    pieces, series = shortest(Spectrum(left, top), 1.0)
    left, top = left / pieces, top / pieces
    real, imaginary = np.meshgrid(np.linspace(-left, 0, 41), np.linspace(-top, top, 41))
    z = (real + 1j * imaginary).ravel()
    z = z[z != 0]
    y = (z - series.centre) / series.radius
    before, term = np.ones_like(y), y
    total = series.coefficients[0] + series.coefficients[1] * y
    for coefficient in series.coefficients[2:]:
        before, term = term, 2 * y * term + series.sign * before
        total = total + coefficient * term
    assert np.abs(total - phi(z)).max() <= 1.1 * TOLERANCE  # a tenth more for the round-off of this sum


def test_the_number_of_products_grows_as_the_root_of_stiffness():
    """By a factor of 10 for a stiffness 100 times as large; rk4 would take 100 times as many."""
    few, many = (shortest(Spectrum(stiffness, 0.0), 1.0) for stiffness in (1e2, 1e4))
    assert few[0] == many[0] == 1
    assert len(many[1].coefficients) < 11 * len(few[1].coefficients)
    assert len(many[1].coefficients) < 0.1 * 4 * 1e4 / 2.785  # a tenth of rk4's at its bound


@pytest.mark.parametrize("left, top", [(1e8, 0.0), (1e5, 1e5), (0.0, 1e6), (1e6, 10.0), (0.0, 0.0)])
def test_any_step_is_cut_into_pieces_that_round_off_does_not_spoil(left, top):
    pieces, series = shortest(Spectrum(left, top), 1.0)
    # rk4 takes 4 products a step of 2.785/decay or 2.83/oscillation; square regions, whose corner counts, cost most.
    assert pieces * len(series.coefficients) < 8 + 3 * 4 * max(left / 2.785, top / 2.83)
    assert np.isfinite(series.coefficients).all()
    assert expand(Spectrum(left, top), 1.0 / pieces) is not None


def test_nonlinear_systems_are_refused_and_every_step_is_stable():
    mesh = icosphere(1)
    with pytest.raises(TypeError, match="exponential: wanted a LinearSystem, got SemilinearSystem"):
        simulate(FisherKPP(), mesh, np.full(mesh.num_vertices, 0.1), 0.1, 1, method="exponential")
    assert stable_step(Heat(1.0), mesh, "exponential") == np.inf


def test_a_step_of_several_pieces_is_the_matrix_exponential(rng):
    mesh = icosphere(1)
    equation, dt = ConvectionDiffusion(rotation_velocity(mesh, [0.2, 0.1, 1.0], 20.0), 0.5), 5.0
    system = equation.discretize(mesh)
    assert shortest(system.spectrum(), dt)[0] > 1
    initial = rng.standard_normal(mesh.num_vertices)
    generator = -system.operator.toarray() / system.mass[:, None]
    found = simulate(equation, mesh, initial, dt, 1, method="exponential").fields["u"][-1, :, 0]
    size = np.abs(dt * generator @ initial).max()
    np.testing.assert_allclose(found, expm(dt * generator) @ initial, atol=4 * TOLERANCE * size, rtol=0)
