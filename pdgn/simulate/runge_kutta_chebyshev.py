"""Stabilised explicit Runge–Kutta methods, for stiff systems whose eigenvalues are real and negative."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from pdgn.simulate.argument import positive_integer
from pdgn.simulate.spectrum import ROUND_OFF, first_unstable_step
from pdgn.simulate.stepper import Step, Stepper
from pdgn.simulate.system import System

DAMPING = 2 / 13


class ChebyshevTable(NamedTuple):
    """Coefficients of the method of s stages; entry j of an array belongs to stage j = 0 … s.

    Attributes:
        w0: 1 + damping/s².
        w1: scale that makes the method of order 2.
        a: 1 − b_j T_j(w0).
        b: T_j″/T_j′² at w0.
        nodes: c_j, times of the stages in steps.
    """

    w0: float
    w1: float
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    nodes: NDArray[np.float64]

    @property
    def bound(self) -> float:
        """The largest −z on the negative real axis with |R(z)| ≤ 1; sharp for even s."""
        return 2 * self.w0 / self.w1


class RungeKuttaChebyshev(Stepper):
    """Explicit Runge–Kutta–Chebyshev method of order 2: as many stages as the stiffness asks for.

    With s stages a step is stable up to about ⅔ s² over the largest decay rate: s stages go as far as s²/3 steps of
    explicit Euler, without any matrix, which is the way to integrate nonlinear parabolic equations. s is the least
    number from 2 that is stable for the spectrum of the state before the step. Away from 0 |R| stays below 1 − 1/20 on
    most of the negative axis. Oscillations are held only as far as decay is near them, and where a stiff decay follows
    a forcing in time the order falls to 1 until dt resolves the decay.

        Y_j = (1 − μ_j − ν_j) u + μ_j Y_{j−1} + ν_j Y_{j−2} + dt μ̃_j F_{j−1} + dt γ̃_j F_0,    u(t + dt) = Y_s

    Args:
        most_stages: largest s; longer steps are cut into substeps.

    Reference: Sommeijer, Shampine & Verwer, "RKC: an explicit solver for parabolic PDEs", 1998.
    """

    order = 2

    def __init__(self, most_stages: int = 32) -> None:
        if positive_integer("most_stages", most_stages) < 2:
            raise ValueError(f"most_stages: wanted an integer of at least 2, got {most_stages}")
        self.most_stages = most_stages

    def __repr__(self) -> str:
        return f"RungeKuttaChebyshev(up to {self.most_stages} stages, order 2)"

    def stages(self, stiffness: float) -> int:
        """The least number of stages, from 2, for decay · dt = stiffness; the largest allowed where none suffices."""
        count = max(2, int(np.sqrt(max(1.5 * stiffness, 1.0))) - 1)
        while count < self.most_stages and chebyshev_table(count).bound < stiffness:
            count += 1
        return min(count, self.most_stages)

    def prepare(self, system: System, dt: float) -> Step:
        """The step function; every stage is one evaluation of the rate."""

        def step(time: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
            table = chebyshev_table(self.stages(dt * system.spectrum(state).decay))
            a, b = table.a, table.b
            first = dt * system.rate(time, state)
            before, stage = state, state + b[1] * table.w1 * first
            for j in range(2, len(b)):
                ratio, back = b[j] / b[j - 1], -b[j] / b[j - 2]
                weight = 2 * ratio * table.w1
                change = dt * system.rate(time + table.nodes[j - 1] * dt, stage)
                # The stages are differences from u, so that a steady state stays.
                following = state + 2 * ratio * table.w0 * (stage - state) + back * (before - state)
                before, stage = stage, following + weight * (change - a[j - 1] * first)
            return stage

        return step

    def amplification(self, z: NDArray[np.complex128], stages: int) -> NDArray[np.complex128]:
        """R(z) = a_s + b_s T_s(w0 + w1 z), the factor by which one step of s stages multiplies a mode with dt λ = z."""
        table = chebyshev_table(stages)
        series = np.zeros(stages + 1)
        series[-1] = table.b[-1]
        return table.a[-1] + chebyshev.chebval(table.w0 + table.w1 * z, series)

    def stable_step(self, system: System, state: NDArray[np.float64]) -> float:
        """Largest dt with |R(dt λ)| ≤ 1 over the region of the system's spectrum, and for smaller dt too."""
        spectrum = system.spectrum(state)
        outline = spectrum.boundary()

        def stable(dt: float) -> bool:
            """Whether |R| ≤ 1 all along the outline, with the number of stages that dt gets."""
            factor = self.amplification(dt * outline, self.stages(dt * spectrum.decay))
            return bool(np.all(np.abs(factor) <= 1 + ROUND_OFF))

        return first_unstable_step(stable, float(np.abs(outline).max()))


@lru_cache(maxsize=256)
def chebyshev_table(stages: int) -> ChebyshevTable:
    """The coefficients for s ≥ 2 stages."""
    w0 = 1 + DAMPING / stages**2
    value, slope, bend = np.ones(stages + 1), np.zeros(stages + 1), np.zeros(stages + 1)
    value[1], slope[1] = w0, 1.0
    for j in range(2, stages + 1):
        value[j] = 2 * w0 * value[j - 1] - value[j - 2]
        slope[j] = 2 * w0 * slope[j - 1] + 2 * value[j - 1] - slope[j - 2]
        bend[j] = 2 * w0 * bend[j - 1] + 4 * slope[j - 1] - bend[j - 2]
    w1 = float(slope[-1] / bend[-1])
    b = np.empty(stages + 1)
    b[2:] = bend[2:] / slope[2:] ** 2
    b[:2] = b[2]
    nodes = np.zeros(stages + 1)
    nodes[2:] = w1 * bend[2:] / slope[2:]
    nodes[1] = b[1] * w1
    return ChebyshevTable(w0, w1, 1 - b * value, b, nodes)
