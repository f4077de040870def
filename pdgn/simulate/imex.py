"""Implicit–explicit Runge–Kutta methods."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pdgn.simulate.semilinear_system import Dissipation, SemilinearSystem, Splitting
from pdgn.simulate.spectrum import ROUND_OFF, first_unstable_step
from pdgn.simulate.stepper import Step, Stepper
from pdgn.simulate.system import LinearSystem, System

Table = tuple[tuple[float, ...], ...]


class ImexRungeKutta(Stepper):
    """Implicit–explicit Runge–Kutta method: the linear part implicit, the nonlinear part explicit, one factorisation.

        U_i = u + dt Σ_{j<i} (â_ij N_j + a_ij F_j) + γ dt F_i,    N_j = N(t + c_j dt, U_j),   F_j = M⁻¹(−K U_j + s)

    for i = 1 … s, with U_0 = u and u(t + dt) = U_s (globally stiffly accurate). All a_ii are γ, so that M + γ dt K
    serves every stage. F_i is found as the increment it makes, so that a steady state stays.

    Args:
        implicit: a_ij for j = 1 … i, row i = 1 … s, the last entry of each row γ.
        explicit: â_ij for j = 0 … i − 1, row i = 1 … s.
        order: order of convergence.

    Reference: Ascher, Ruuth & Spiteri, "Implicit-explicit Runge–Kutta methods for time-dependent partial differential
    equations", 1997.
    """

    def __init__(self, implicit: Table, explicit: Table, order: int) -> None:
        self.implicit = implicit
        self.explicit = explicit
        self.order = order

    def __repr__(self) -> str:
        return f"ImexRungeKutta({len(self.implicit)} stages, order {self.order})"

    @property
    def gamma(self) -> float:
        """γ, the diagonal of the implicit table."""
        return self.implicit[0][-1]

    @cached_property
    def dissipation(self) -> Dissipation:
        """What the tables alone say about energies that fall; see `Dissipation`."""
        size = len(self.implicit)
        implicit, explicit = np.zeros((size, size)), np.zeros((size, size))
        for i, (row, other) in enumerate(zip(self.implicit, self.explicit)):
            implicit[i, : len(row)], explicit[i, : len(other)] = row, other
        total = np.tril(np.ones((size, size)))  # stage i − u = Σ of the increments up to i
        slow = np.linalg.solve(explicit, total)
        fast = np.linalg.solve(explicit, implicit @ total) - total + 0.5 * np.eye(size)
        return Dissipation(*(float(np.linalg.eigvalsh(0.5 * (part + part.T))[0]) for part in (slow, fast)))

    def prepare(self, system: System, dt: float) -> Step:
        """The step function, after one sparse factorisation; a linear system has no explicit part.

        Raises:
            TypeError: the system has no linear part.
        """
        if not isinstance(system, LinearSystem):
            raise TypeError(
                f"imex steppers: wanted a SemilinearSystem or LinearSystem, got {type(system).__name__}; "
                f"use {system.remedy}"
            )
        tau = self.gamma * dt
        solve = system.solver(tau)
        nodes = [0.0, *(sum(row) for row in self.implicit)]

        def step(time: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
            stage = state
            slow: list[NDArray[np.float64]] = []
            fast: list[NDArray[np.float64]] = []
            for row, other, node in zip(self.implicit, self.explicit, nodes):
                if isinstance(system, SemilinearSystem):
                    slow.append(system.nonlinear(time + node * dt, stage))
                known = _combination(state, dt, [*zip(other, slow), *zip(row, fast)])
                increment = solve(tau * system.residual(known))
                fast.append(increment / tau)
                stage = known + increment
            return stage

        return step

    def amplification(
        self, implicit: NDArray[np.complex128], explicit: NDArray[np.complex128]
    ) -> NDArray[np.complex128]:
        """R, the factor by which one step multiplies a mode.

        Args:
            implicit: dt λ of the linear part, [P].
            explicit: dt λ of the nonlinear part, [P].

        Returns:
            [P].
        """
        one = np.ones_like(explicit)
        stages = [one]
        for row, other in zip(self.implicit, self.explicit):
            known = one + explicit * sum(a * stage for a, stage in zip(other, stages))
            known = known + implicit * sum((a * stage for a, stage in zip(row[:-1], stages[1:])), 0 * one)
            stages.append(known / (1 - row[-1] * implicit))
        return stages[-1]

    def stable_step(self, system: System, state: NDArray[np.float64]) -> float:
        """Largest dt at which no pair of eigenvalues that should decay grows, and at which a bounded energy falls."""
        if not isinstance(system, SemilinearSystem):
            return np.inf
        decay, other = system.splitting(state)
        kept = other.real <= decay
        return min(self.largest_step(Splitting(decay[kept], other[kept])), system.energy_step(self.dissipation, state))

    def largest_step(self, pairs: Splitting) -> float:
        """Largest dt with |R(−dt decay, dt other)| ≤ 1 for all pairs, and for smaller dt too."""
        size = float(np.abs(pairs.explicit).max(initial=0.0))

        def stable(dt: float) -> bool:
            """Whether no pair grows."""
            with np.errstate(over="ignore", invalid="ignore"):
                factor = self.amplification((-dt * pairs.implicit).astype(np.complex128), dt * pairs.explicit)
            return bool(np.all(np.abs(factor) <= 1 + ROUND_OFF))

        # Along the imaginary axis ARS(2,2,2) grows by y⁴/8 a step: round-off hides that at smaller steps than this.
        return first_unstable_step(stable, size, least=1e-2)


def _combination(
    state: NDArray[np.float64], dt: float, terms: list[tuple[float, NDArray[np.float64]]]
) -> NDArray[np.float64]:
    """state + dt Σ a k, a new array."""
    result = state.copy()
    for factor, change in terms:
        if factor:
            result += (dt * factor) * change
    return result
