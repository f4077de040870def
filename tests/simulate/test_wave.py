"""Waves: energy to round-off, damping, boundaries, the Schur complement, the spectrum."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import bumpy_sphere, grid, icosphere
from pdgn.operators import mass
from pdgn.simulate import STEPPERS, LinearSystem, Wave, simulate, stable_step
from pdgn.simulate.exact import real_spherical_harmonic

CLOSED = bumpy_sphere(np.random.default_rng(1), 2, amplitude=0.1)
BOUNDED = grid(9, 7, (1.5, 1.0))


def energies(equation, mesh, trajectory):
    frames = zip(trajectory.fields["u"], trajectory.fields["velocity"])
    return np.array([equation.energy(mesh, {"u": u, "velocity": p}) for u, p in frames])


@pytest.mark.parametrize(
    "mesh, boundary",
    [(CLOSED, "neumann"), (BOUNDED, "neumann"), (BOUNDED, "dirichlet")],
    ids=["closed", "free", "held"],
)
def test_energy_without_damping_is_constant_to_round_off(mesh, boundary, rng):
    equation = Wave(rng.uniform(0.5, 2, mesh.num_faces), boundary=boundary)
    start = {name: rng.standard_normal((mesh.num_vertices, 2)) for name in equation.fields}
    trajectory = simulate(equation, mesh, start, 0.05, 200)
    energy = energies(equation, mesh, trajectory)
    # An ulp per step, the roundings having random signs: measured 3e-15.
    assert np.abs(energy / energy[0] - 1).max() < 200 * np.finfo(float).eps
    assert np.abs(trajectory.fields["u"][-1] - trajectory.fields["u"][0]).max() > 0.5


def test_damping_takes_its_power_out_of_the_energy(rng):
    damping = rng.uniform(0.1, 2, CLOSED.num_vertices)
    equation = Wave(1.0, damping)
    start = {name: rng.standard_normal((CLOSED.num_vertices, 2)) for name in equation.fields}
    trajectory = simulate(equation, CLOSED, start, 0.05, 40)
    middle = 0.5 * (trajectory.fields["velocity"][1:] + trajectory.fields["velocity"][:-1])
    power = np.einsum("v,tvc->tc", damping * mass(CLOSED).diagonal(), middle**2)
    change = np.diff(energies(equation, CLOSED, trajectory), axis=0)
    np.testing.assert_allclose(change, -0.05 * power, rtol=1e-10)  # an identity of the trapezoidal rule
    assert (change < 0).all()


@pytest.mark.parametrize("boundary", ["neumann", "dirichlet"])
def test_the_schur_complement_solves_the_whole_system(boundary, rng):
    system = Wave(rng.uniform(0.5, 2, BOUNDED.num_faces), rng.uniform(0, 2, BOUNDED.num_vertices), boundary).discretize(
        BOUNDED
    )
    right = system.residual(rng.standard_normal((2 * BOUNDED.num_vertices, 3)))
    np.testing.assert_allclose(system.solver(0.1)(right), LinearSystem.solver(system, 0.1)(right), atol=1e-13)  # both


@pytest.mark.parametrize("damping", [0.0, 0.7, 30.0])  # not, under- and over-damped
def test_region_holds_the_eigenvalues(damping, rng):
    system = Wave(rng.uniform(0.5, 2, CLOSED.num_faces), damping).discretize(CLOSED)
    value = np.linalg.eigvals(-system.operator.toarray() / system.mass[:, None])
    region = system.spectrum()
    assert (-value.real <= region.decay + 1e-6).all()  # the double eigenvalue 0 splits by the root of round-off
    assert (np.abs(value.imag) <= region.oscillation).all()
    assert (value.imag**2 <= region.coupling * (1e-6 - value.real)).all()
    assert region.oscillation < 1.002 * np.abs(value.imag).max() or damping


def test_classical_runge_kutta_is_stable_up_to_its_bound_and_not_beyond(rng):
    system, bound = Wave().discretize(CLOSED), stable_step(Wave(), CLOSED, "rk4")
    size = {}
    for factor in (0.99, 1.03):
        step = STEPPERS["rk4"].prepare(system, factor * bound)
        state = rng.standard_normal((2 * CLOSED.num_vertices, 1))
        state[CLOSED.num_vertices :] -= state[CLOSED.num_vertices :].mean()
        for index in range(400):
            state = step(index * factor * bound, state)
        size[factor] = np.abs(state).max()
    assert size[0.99] < 30 and size[1.03] > 1e6


def test_held_edges_stay_and_are_at_rest(rng):
    start = {name: rng.standard_normal(BOUNDED.num_vertices) for name in ("u", "velocity")}
    for value in (None, 2.0):
        trajectory = simulate(Wave(boundary="dirichlet", boundary_value=value), BOUNDED, start, 0.05, 10)
        edge = trajectory.fields["u"][:, BOUNDED.boundary, 0]
        assert np.array_equal(
            edge, np.tile(start["u"][BOUNDED.boundary] if value is None else value, (11, 1)) + 0 * edge
        )
        assert not trajectory.fields["velocity"][:, BOUNDED.boundary].any()


def test_a_uniform_push_moves_the_whole_and_a_flux_accelerates_it():
    one = np.ones(CLOSED.num_vertices)
    moved = simulate(Wave(), CLOSED, {"u": 0 * one, "velocity": one}, 0.1, 10).fields["u"][:, :, 0]
    np.testing.assert_allclose(moved, np.arange(11)[:, None] / 10 + 0 * moved, atol=1e-12)  # round-off
    rest = np.zeros(BOUNDED.num_vertices)
    pulled = simulate(Wave(boundary_value=0.3), BOUNDED, {"u": rest, "velocity": rest}, 0.1, 10)
    momentum = pulled.fields["velocity"][:, :, 0] @ mass(BOUNDED).diagonal()
    np.testing.assert_allclose(momentum, 0.3 * 5.0 * pulled.time, rtol=1e-11, atol=1e-14)  # perimeter 5


def test_a_harmonic_turns_with_the_speed_squared_under_the_root():
    mesh = icosphere(3)
    harmonic = real_spherical_harmonic(mesh.pos, 1, 0)
    start = {"u": harmonic, "velocity": 0 * harmonic}
    period = 2 * np.pi / (2.0 * np.sqrt(2.0))  # c √λ, c = 2, λ = 2
    end = simulate(Wave(2.0), mesh, start, period / 200, 200).fields["u"][-1, :, 0]
    # Eigenvalue off by 2e-3, pointwise error of the mode 1e-2; the wrong speed would miss by the amplitude itself.
    assert np.abs(end - harmonic).max() < 0.02 * np.abs(harmonic).max()
