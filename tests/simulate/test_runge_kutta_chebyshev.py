"""Runge–Kutta–Chebyshev: order, sharp bounds, the number of stages, steps that are their stability polynomial."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import icosphere
from pdgn.simulate import STEPPERS, CurveShortening, Heat, RungeKuttaChebyshev, System, simulate, stable_step
from pdgn.simulate.runge_kutta_chebyshev import chebyshev_table
from pdgn.simulate.spectrum import Spectrum

MESH = icosphere(1)


class Decay(System):
    """u' = −rate (u − cos t) − u³, which depends on the time and is not linear."""

    def __init__(self, rate: float, cubic: float = 1.0) -> None:
        self.decay, self.cubic = rate, cubic

    def pack(self, fields):
        return fields["u"].copy()

    def unpack(self, state):
        return {"u": state}

    def rate(self, time, state):
        return -self.decay * (state - np.cos(time)) - self.cubic * state**3

    def spectrum(self, state):
        return Spectrum(self.decay + 3 * self.cubic * float(np.abs(state).max()) ** 2)


@pytest.mark.parametrize("stages", [2, 3, 8, 20])
def test_observed_order(stages):
    system, counts, ends = Decay(3.0), [16, 32, 64, 128], []
    # Told of faster decay than there is, the method takes many stages where the error is yet that of a short step.
    system.spectrum = lambda state: Spectrum(1e9)
    stepper = RungeKuttaChebyshev(most_stages=stages)
    for count in [*counts, 1024]:
        step, state = stepper.prepare(system, 1 / count), np.array([[0.9]])
        for index in range(count):
            state = step(index / count, state)
        ends.append(state[0, 0])
    error = np.abs(np.array(ends[:-1]) - ends[-1])
    assert -np.polyfit(np.log(counts), np.log(error), 1)[0] == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("stages", [2, 3, 4, 7, 16, 32])
def test_bounds_are_two_thirds_of_the_square_of_the_stages_and_sharp(stages):
    stepper, bound = RungeKuttaChebyshev(), chebyshev_table(stages).bound
    assert bound == pytest.approx(2 / 3 * (stages**2 - 1) * (1 - 2 / 15 * 2 / 13), rel=0.03)  # for many stages
    inside = stepper.amplification(-np.linspace(0, bound, 2000).astype(complex), stages)
    assert (np.abs(inside) <= 1 + 1e-12).all()
    if stages % 2 == 0:
        assert np.abs(stepper.amplification(np.array([-1.01 * bound + 0j]), stages))[0] > 1
    near = stepper.amplification(np.array([1e-3 + 0j]), stages)[0].real
    assert near == pytest.approx(np.exp(1e-3), abs=2e-10)  # 1 + z + z²/2 + c z³, c between 0 and 1/6


@pytest.mark.parametrize("stages", [2, 5, 12])
def test_a_step_multiplies_a_mode_by_the_stability_polynomial(stages):
    stepper = RungeKuttaChebyshev(most_stages=stages)
    z = -0.9 * chebyshev_table(stages).bound
    system = Decay(-z, cubic=0.0)
    system.rate = lambda time, state: z * state
    assert stepper.stages(-z) == stages
    found = stepper.prepare(system, 1.0)(0.0, np.array([[1.0]]))[0, 0]
    assert found == pytest.approx(stepper.amplification(np.array([z + 0j]), stages)[0].real, abs=1e-12)  # round-off


def test_stages_are_the_least_that_are_stable():
    stepper = RungeKuttaChebyshev(most_stages=20)
    for stiffness in np.geomspace(0.1, 250, 60):
        count = stepper.stages(stiffness)
        assert chebyshev_table(count).bound >= stiffness
        assert count == 2 or chebyshev_table(count - 1).bound < stiffness
    assert stepper.stages(0.0) == 2
    assert stepper.stages(1e6) == 20


def test_heat_blows_up_beyond_the_bound_and_not_below(rng):
    mesh = icosphere(2)
    system, stepper = Heat(0.3).discretize(mesh), RungeKuttaChebyshev(most_stages=6)
    size = {}
    for factor in (0.99, 1.05):
        bound = stepper.stable_step(system, np.zeros((mesh.num_vertices, 1)))
        step, state = stepper.prepare(system, factor * bound), rng.standard_normal((mesh.num_vertices, 1))
        for _ in range(200):
            state = step(0.0, state)
        size[factor] = np.abs(state).max()
    assert size[0.99] < 1  # the noise decays
    assert size[1.05] > 1e6


def test_long_steps_are_cut_where_the_stages_do_not_suffice():
    bound = stable_step(Heat(1.0), MESH, "rkc2")
    assert bound > 300 * stable_step(Heat(1.0), MESH, "explicit_euler")  # 32²/3 of it
    trajectory = simulate(Heat(1.0), MESH, MESH.pos, 2.5 * bound, 1, method="rkc2")
    assert trajectory.substeps == 3


def test_steady_states_stay():
    ones = np.ones((MESH.num_vertices, 2))
    end = simulate(Heat(1.0), MESH, ones, 0.5, 3, method="rkc2").fields["u"][-1]
    np.testing.assert_allclose(end, ones, atol=1e-13)  # round-off of L·1
    assert repr(STEPPERS["rkc2"]) == "RungeKuttaChebyshev(up to 32 stages, order 2)"


def test_convergence_in_time_of_curve_shortening():
    start = 0.9 * MESH.pos[:, 2] + 0.3 * MESH.pos[:, 0] * MESH.pos[:, 1]
    ends = [
        simulate(CurveShortening(regularization=0.3), MESH, start, 0.4 / n, n).fields["phi"][-1] for n in (4, 8, 16, 32)
    ]
    change = [np.linalg.norm(fine - coarse) for coarse, fine in zip(ends, ends[1:])]
    assert -np.polyfit(np.log([4, 8, 16]), np.log(change), 1)[0] == pytest.approx(2, abs=0.25)
