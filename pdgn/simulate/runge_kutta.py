"""Explicit Runge–Kutta methods."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pdgn.simulate.spectrum import largest_stable_step
from pdgn.simulate.stepper import Step, Stepper
from pdgn.simulate.system import System


class RungeKutta(Stepper):
    """Explicit Runge–Kutta method whose stage i starts from stage i − 1 alone.

        k_i = F(t + c_i dt, u + c_i dt k_{i−1}),    u(t + dt) = u + dt Σ_i b_i k_i

    Args:
        nodes: c_i, the first of them 0.
        weights: b_i, of sum 1.
        order: order of convergence.
    """

    def __init__(self, nodes: tuple[float, ...], weights: tuple[float, ...], order: int) -> None:
        self.nodes = nodes
        self.weights = weights
        self.order = order

    def __repr__(self) -> str:
        return f"RungeKutta({len(self.nodes)} stages, order {self.order})"

    def prepare(self, system: System, dt: float) -> Step:
        """The step function; every stage is one evaluation of the rate."""

        def step(time: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
            stage = system.rate(time, state)
            following = state + dt * self.weights[0] * stage
            for node, weight in zip(self.nodes[1:], self.weights[1:]):
                stage *= node * dt
                stage += state
                stage = system.rate(time + node * dt, stage)
                following += dt * weight * stage
            return following

        return step

    def amplification(self, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """R(z), the factor by which one step multiplies a mode with dt λ = z."""
        stage = np.ones_like(z)
        factor = 1 + self.weights[0] * z * stage
        for node, weight in zip(self.nodes[1:], self.weights[1:]):
            stage = 1 + node * z * stage
            factor = factor + weight * z * stage
        return factor

    def stable_step(self, system: System, state: NDArray[np.float64]) -> float:
        """Largest dt with |R(dt λ)| ≤ 1 over the region of the system's spectrum."""
        return largest_stable_step(self.amplification, system.spectrum(state))
