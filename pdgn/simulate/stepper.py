"""Time steppers: explicit Runge–Kutta methods, and implicit theta methods factored once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from pdgn.simulate.spectrum import largest_stable_step
from pdgn.simulate.system import LinearSystem, System

Step = Callable[[float, NDArray[np.float64]], NDArray[np.float64]]


class Stepper(ABC):
    """A one-step method: u(t + dt) from u(t).

    Attributes:
        order: observed order of convergence in dt.
    """

    order: int

    @abstractmethod
    def prepare(self, system: System, dt: float) -> Step:
        """The function (time, state [D, n]) → state [D, n] that advances the system by dt, factored once."""

    @abstractmethod
    def stable_step(self, system: System) -> float:
        """The largest stable step [time] of this system: infinite where every step is stable, 0 where none is."""


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

    def stable_step(self, system: System) -> float:
        """Largest dt with |R(dt λ)| ≤ 1 over the region of the system's spectrum."""
        return largest_stable_step(self.amplification, system.spectrum())


class Theta(Stepper):
    """Implicit theta method for linear systems, factored once and solved for all columns together.

        (M + θ dt K) (u(t + dt) − u(t)) = dt (−K u(t) + s)

    θ = 1 is backward Euler (order 1, damps every mode, keeps the maximum principle where K has no positive off-diagonal
    entries), θ = ½ Crank–Nicolson (order 2; the fastest modes keep their size and alternate in sign). Both are stable
    at every step. The increment is what is solved for, so that a constant with K·1 = 0 is left as it is.

    Args:
        theta: implicitness, from ½ to 1.
    """

    def __init__(self, theta: float) -> None:
        if not 0.5 <= theta <= 1:
            raise ValueError(f"theta: wanted a number from 0.5 to 1, got {theta}")
        self.theta = theta
        self.order = 2 if theta == 0.5 else 1

    def __repr__(self) -> str:
        return f"Theta({self.theta})"

    def prepare(self, system: System, dt: float) -> Step:
        """The step function, after one sparse LU factorisation.

        Raises:
            TypeError: the system is not linear.
        """
        if not isinstance(system, LinearSystem):
            raise TypeError(f"implicit steppers: wanted a LinearSystem, got {type(system).__name__}; use rk4")
        # Fixed values do not change: solving for the others alone keeps them exactly, and the pattern symmetric.
        free = np.flatnonzero(~system.fixed)
        operator = system.operator[free][:, free]
        matrix = sp.csc_matrix(sp.diags(system.mass[free]) + (self.theta * dt) * operator)
        # The pattern is symmetric and the diagonal dominant, so the ordering for symmetric patterns has far less fill.
        factor = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.1, options={"SymmetricMode": True})

        def step(time: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
            following = state.copy()
            following[free] += factor.solve(dt * system.residual(state)[free])
            return following

        return step

    def stable_step(self, system: System) -> float:
        """Infinite: |R(z)| ≤ 1 on the whole left half-plane."""
        return np.inf


STEPPERS: dict[str, Stepper] = {
    "explicit_euler": RungeKutta(nodes=(0.0,), weights=(1.0,), order=1),
    "rk4": RungeKutta(nodes=(0.0, 0.5, 0.5, 1.0), weights=(1 / 6, 1 / 3, 1 / 3, 1 / 6), order=4),
    "backward_euler": Theta(1.0),
    "crank_nicolson": Theta(0.5),
}
