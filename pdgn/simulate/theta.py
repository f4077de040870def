"""Implicit theta methods for linear systems."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pdgn.simulate.semilinear_system import SemilinearSystem
from pdgn.simulate.stepper import Step, Stepper
from pdgn.simulate.system import LinearSystem, System


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
        """The step function, after one sparse factorisation.

        Raises:
            TypeError: the system is not linear.
        """
        if not isinstance(system, LinearSystem) or isinstance(system, SemilinearSystem):
            other = "an imex method" if isinstance(system, SemilinearSystem) else system.remedy
            raise TypeError(f"implicit steppers: wanted a LinearSystem, got {type(system).__name__}; use {other}")
        solve = system.solver(self.theta * dt)

        def step(time: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
            right = system.residual(state)
            right *= dt
            following = solve(right)
            following += state
            return following

        return step

    def stable_step(self, system: System, state: NDArray[np.float64]) -> float:
        """Infinite: |R(z)| ≤ 1 on the whole left half-plane."""
        return np.inf
