"""The semi-discrete wave equation."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from pdgn.simulate.boundary import BoundaryCondition
from pdgn.simulate.factor import factorize
from pdgn.simulate.spectrum import Spectrum, spectrum_of
from pdgn.simulate.system import LinearSystem, Solver

Array = NDArray[np.float64]


class WaveSystem(LinearSystem):
    """M du/dt = M p, M dp/dt = −L u − γ M p + s: a linear system of two fields, solved as one of V unknowns.

    Args:
        mass: [V] diagonal of M.
        stiffness: csr [V, V], L, the diffusion form of the speed squared.
        damping: γ [V] ≥ 0 [1/time].
        condition: the boundary condition of u; where u is fixed, p = 0.
    """

    def __init__(self, mass: Array, stiffness: sp.csr_matrix, damping: Array, condition: BoundaryCondition) -> None:
        zero = np.zeros(len(mass))
        operator = sp.block_array([[None, -sp.diags(mass)], [stiffness, sp.diags(damping * mass)]])
        super().__init__(
            ("u", "velocity"),
            np.tile(mass, 2),
            sp.csr_matrix(operator),
            None if condition.source is None else np.concatenate([zero, condition.source]),
            np.tile(condition.fixed, 2),
            None if condition.value is None else np.concatenate([condition.value, zero]),
        )
        self._inside = np.flatnonzero(~condition.fixed)
        self._stiffness = sp.csr_matrix(stiffness[self._inside][:, self._inside])
        self._damping = damping[self._inside]

    def pack(self, fields: dict[str, Array]) -> Array:
        """The state [2V, n]: u, then its velocity, at rest where u is fixed."""
        state = super().pack(fields)
        half = len(state) // 2
        state[half:][self.fixed[half:]] = 0.0
        return state

    def solver(self, tau: float) -> Solver:
        """The solver of (M + τK) x = r by the Schur complement, which is symmetric and definite.

        (M(1 + τγ) + τ²L) y = r₂ − τ L M⁻¹ r₁,    x = M⁻¹ r₁ + τ y
        """
        inside, half = self._inside, len(self.mass) // 2
        mass = self.mass[inside]
        schur = sp.csc_matrix(sp.diags(mass * (1 + tau * self._damping)) + tau**2 * self._stiffness)
        solve = factorize(schur, symmetric_definite=True)

        def solve_both(right: Array) -> Array:
            solution = np.zeros_like(right)
            known = right[:half][inside] / mass[:, None]
            velocity = solve(right[half:][inside] - tau * (self._stiffness @ known))
            solution[:half][inside] = known + tau * velocity
            solution[half:][inside] = velocity
            return solution

        return solve_both

    @cached_property
    def _spectrum(self) -> Spectrum:
        """λ of μ² + gμ + ℓ = 0 with g from the least to the largest damping and ℓ up to the largest of M⁻¹L.

        Complex roots have Re μ = −g/2 and |Im μ|² ≤ ℓ; real ones lie between −g and 0.
        """
        square = spectrum_of(self.mass[self._inside], self._stiffness).decay
        least, largest = float(self._damping.min()), float(self._damping.max())
        return Spectrum(largest, float(np.sqrt(square)), 2 * square / least if least > 0 else np.inf)
