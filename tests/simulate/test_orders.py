"""Observed orders of all steppers on a semilinear system, and bounds of implicit–explicit ones that are sharp."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from pdgn.mesh import icosphere
from pdgn.simulate import STEPPERS, FitzHughNagumo, SemilinearSystem, Spectrum, Wave, simulate
from pdgn.simulate.imex import ImexRungeKutta
from pdgn.simulate.runge_kutta import RungeKutta

IMEX = sorted(name for name, stepper in STEPPERS.items() if isinstance(stepper, ImexRungeKutta))
EXPLICIT = sorted(name for name, stepper in STEPPERS.items() if isinstance(stepper, RungeKutta))


@pytest.mark.parametrize("method", EXPLICIT + IMEX)
def test_observed_order_on_a_semilinear_system(method):
    mesh = icosphere(0)
    equation = FitzHughNagumo(0.05, 0.02, recovery_rate=0.3, threshold=0.7, current=0.5)
    system = equation.discretize(mesh)
    rng = np.random.default_rng(0)
    start = {field: rng.uniform(-1, 1, mesh.num_vertices) for field in equation.fields}
    state = system.pack({field: values[:, None] for field, values in start.items()})
    reference = solve_ivp(
        lambda time, u: system.rate(time, u[:, None])[:, 0],
        (0, 1),
        state[:, 0],
        rtol=1e-12,
        atol=1e-13,
        method="DOP853",
    ).y[:, -1]
    steps, error = [24, 36, 48, 72], []
    for count in steps:
        step, found = STEPPERS[method].prepare(system, 1 / count), state
        for index in range(count):
            found = step(index / count, found)
        error.append(np.linalg.norm(found[:, 0] - reference))
    order = -np.polyfit(np.log(steps), np.log(error), 1)[0]
    assert order == pytest.approx(STEPPERS[method].order, abs=0.15)  # the next term is smaller by λ dt, up to 0.1 here
    assert error[-1] < 0.05


def diagonal_system(decay, turn):
    """u' = −decay u, and a pair that the nonlinear part turns and damps: eigenvalues −damp ± i·turn of N."""
    size = len(decay)
    blocks = sp.csr_matrix(np.kron(np.diag(decay), np.eye(2)))
    rotation = np.kron(np.eye(size), np.array([[turn.real, -turn.imag], [turn.imag, turn.real]]))
    return SemilinearSystem(
        "u", np.ones(2 * size), blocks, nonlinear=lambda time, u: rotation @ u,
        bound=lambda state: Spectrum(-turn.real, abs(turn.imag)),
    )  # fmt: skip


@pytest.mark.parametrize(
    "method, turn",
    [("imex_euler", -1 + 0j), ("imex_dissipative", -1 + 0j), ("imex_ars443", -1 + 0j), ("imex_ars443", -1 + 0.5j)],
)
def test_implicit_explicit_steps_are_stable_up_to_their_bound_and_not_beyond(method, turn):
    decay = np.concatenate([[0.0], np.logspace(-6, 0, 60)]) * 40
    system = diagonal_system(decay, turn)
    start = np.ones((2 * len(decay), 1))
    stepper = STEPPERS[method]
    bound = stepper.stable_step(system, start)
    assert 0 < bound < np.inf
    size = {}
    for factor in (0.99, 1.05):
        step, state = stepper.prepare(system, factor * bound), start
        for _ in range(2000):
            state = step(0.0, state)
            if np.abs(state).max() > 1e6:
                break
        size[factor] = np.abs(state).max()
    assert size[0.99] <= np.sqrt(2) * (1 + 1e-9) and size[1.05] > 1e3


@pytest.mark.parametrize("method", IMEX)
def test_growth_that_the_implicit_part_holds_bounds_no_step(method):
    decay, part = np.meshgrid(np.logspace(-3, 5, 400), np.linspace(0, 1, 101))
    factor = STEPPERS[method].amplification(-decay.ravel() + 0j, (decay * part).ravel() + 0j)
    assert np.abs(factor).max() <= 1 + 1e-12  # round-off
    unheld = STEPPERS[method].amplification(np.array([-1.0 + 0j]), np.array([1.1 + 0j]))
    assert np.abs(unheld)[0] > 1.01


@pytest.mark.parametrize("method", IMEX)
def test_implicit_parts_hold_the_left_half_plane(method):
    stepper = STEPPERS[method]
    axis = 1j * np.concatenate([[0.0], np.logspace(-3, 6, 500)])
    for real in (0.0, -1e-2, -1.0, -1e2, -1e6):
        factor = np.abs(stepper.amplification(real + axis, 0 * axis))
        assert factor.max() <= 1 + 1e-12  # round-off
    assert np.abs(stepper.amplification(np.array([-1e12 + 0j]), np.zeros(1, dtype=complex)))[0] < 1e-6  # L-stable


@pytest.mark.parametrize("method", ["backward_euler", "crank_nicolson", *IMEX, "rk4"])
def test_observed_order_on_waves(method):
    mesh, equation = icosphere(0), Wave(0.5)
    system = equation.discretize(mesh)
    rng = np.random.default_rng(0)
    start = {field: rng.uniform(-1, 1, mesh.num_vertices) for field in equation.fields}
    state = np.concatenate(list(start.values()))
    generator = -system.operator.toarray() / system.mass[:, None]
    exact = expm(generator) @ state
    steps, error = [24, 36, 48, 72], []
    for count in steps:
        fields = simulate(equation, mesh, start, 1 / count, count, method=method, substeps=1).fields
        error.append(np.linalg.norm(np.concatenate([fields[field][-1, :, 0] for field in equation.fields]) - exact))
    order = -np.polyfit(np.log(steps), np.log(error), 1)[0]
    assert order == pytest.approx(STEPPERS[method].order, abs=0.15)
