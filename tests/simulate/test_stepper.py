"""Steppers: observed orders against the matrix exponential, and computed stability bounds that are sharp."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from pdgn.mesh import icosphere
from pdgn.simulate import STEPPERS, ConvectionDiffusion, Heat, rotation_velocity, simulate, stable_step

# Not one that moves meshes (test_surface_flow.py), nor one without an order (test_exponential.py).
METHODS = [name for name in STEPPERS if name not in ("semi_implicit", "exponential")]


def flow(mesh, diffusivity=0.05):
    return ConvectionDiffusion(rotation_velocity(mesh, [0.2, 0.1, 1.0], 1.0), diffusivity)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["heat", "convection-diffusion"])
def test_observed_order(method, name, rng):
    mesh = icosphere(1)
    equation = Heat(0.1) if name == "heat" else flow(mesh)
    system = equation.discretize(mesh)
    generator = -system.operator.toarray() / system.mass[:, None]
    initial = rng.standard_normal(mesh.num_vertices)
    exact = expm(generator) @ initial
    steps = [32, 48, 64, 96]
    error = []
    for count in steps:
        result = simulate(equation, mesh, initial, 1 / count, count, method=method, substeps=1).fields["u"][-1, :, 0]
        error.append(np.linalg.norm(result - exact))
    order = -np.polyfit(np.log(steps), np.log(error), 1)[0]
    # The next term of the error is smaller by λ dt, up to 0.12 here: measured 1.02, 4.06, 0.98, 2.00.
    assert order == pytest.approx(STEPPERS[method].order, abs=0.15)


def test_orders_are_those_of_the_methods():
    assert {name: STEPPERS[name].order for name in METHODS} == {
        "explicit_euler": 1, "rk4": 4, "rkc2": 2, "backward_euler": 1, "crank_nicolson": 2,
        "imex_euler": 1, "imex_ars222": 2, "imex_ars443": 3, "imex_dissipative": 2,
    }  # fmt: skip


@pytest.mark.parametrize("method", ["explicit_euler", "rk4"])
def test_heat_blows_up_beyond_the_bound_and_not_below(method, rng):
    mesh = icosphere(3)
    system = Heat(0.3).discretize(mesh)
    bound = stable_step(Heat(0.3), mesh, method)
    size = {}
    for factor in (0.99, 1.05):
        step = STEPPERS[method].prepare(system, factor * bound)
        state = rng.standard_normal((mesh.num_vertices, 1))
        for index in range(400):
            state = step(index * factor * bound, state)
        size[factor] = np.abs(state).max()
    assert size[0.99] < 1  # the noise decays
    assert size[1.05] > 1e6


def test_convection_blows_up_beyond_the_bound_and_not_below(rng):
    mesh = icosphere(2)
    system = flow(mesh, 0.0).discretize(mesh)
    bound = stable_step(flow(mesh, 0.0), mesh, "rk4")
    size = {}
    for factor in (0.99, 1.1):
        step = STEPPERS["rk4"].prepare(system, factor * bound)
        state = rng.standard_normal((mesh.num_vertices, 1))
        for index in range(500):
            state = step(index * factor * bound, state)
        size[factor] = np.abs(state).max()
    assert size[0.99] < 10
    assert size[1.1] > 1e6


def test_step_beyond_the_bound_is_refused_with_the_largest_stable_step():
    mesh = icosphere(2)
    initial = np.ones(mesh.num_vertices)
    bound = stable_step(Heat(1.0), mesh, "explicit_euler")
    with pytest.raises(ValueError, match=f"the largest stable step is {bound:.6g}"):
        simulate(Heat(1.0), mesh, initial, 1.01 * bound, 1, method="explicit_euler", substeps=1)
    simulate(Heat(1.0), mesh, initial, 1.01 * bound, 1, method="explicit_euler", substeps=2)


@pytest.mark.parametrize("method", ["explicit_euler", "rk4"])
def test_auto_takes_as_few_substeps_as_the_bound_allows(method):
    mesh = icosphere(2)
    bound = stable_step(Heat(1.0), mesh, method)
    trajectory = simulate(Heat(1.0), mesh, np.ones(mesh.num_vertices), 3.5 * bound, 2, method=method)
    assert trajectory.substeps == 4
    assert trajectory.method == method
    np.testing.assert_allclose(trajectory.time, 3.5 * bound * np.arange(3))


def test_substeps_give_the_frames_of_shorter_steps(rng):
    mesh = icosphere(1)
    initial = rng.standard_normal(mesh.num_vertices)
    long = simulate(Heat(0.1), mesh, initial, 0.2, 3, method="backward_euler", substeps=4)
    short = simulate(Heat(0.1), mesh, initial, 0.05, 12, method="backward_euler")
    thinned = simulate(Heat(0.1), mesh, initial, 0.05, 12, method="backward_euler", record_every=4)
    np.testing.assert_allclose(long.fields["u"], short.fields["u"][::4], atol=1e-14)  # round-off
    assert np.array_equal(thinned.fields["u"], short.fields["u"][::4])
    assert thinned.dt == pytest.approx(0.2)
    np.testing.assert_allclose(thinned.time, long.time, atol=1e-15)


def test_implicit_methods_have_no_bound():
    mesh = icosphere(1)
    assert stable_step(Heat(1.0), mesh, "crank_nicolson") == np.inf
    assert stable_step(Heat(1.0), mesh) == np.inf


def test_explicit_euler_is_refused_for_pure_convection():
    mesh = icosphere(2)
    initial = np.ones(mesh.num_vertices)
    with pytest.raises(ValueError, match="'explicit_euler': wanted a stable step, but none is"):
        simulate(flow(mesh, 0.0), mesh, initial, 1e-3, 1, method="explicit_euler")
    assert 0 < stable_step(flow(mesh, 0.05), mesh, "explicit_euler") < np.inf


def test_explicit_euler_with_diffusion_stays_bounded_at_its_bound(rng):
    mesh = icosphere(2)
    bound = stable_step(flow(mesh), mesh, "explicit_euler")
    initial = rng.standard_normal(mesh.num_vertices)
    result = simulate(flow(mesh), mesh, initial, 0.999 * bound, 3000, method="explicit_euler", substeps=1)
    assert np.abs(result.fields["u"][-1]).max() < 1
