"""The semi-discrete Cahn–Hilliard equation."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from pdgn.simulate.boundary import BoundaryCondition
from pdgn.simulate.double_well import largest_curvature, well_slope
from pdgn.simulate.semilinear_system import SHIFTS, Dissipation, SemilinearSystem, Splitting
from pdgn.simulate.spectrum import Spectrum, spectrum_of
from pdgn.simulate.system import Solver

Array = NDArray[np.float64]


class CahnHilliardSystem(SemilinearSystem):
    """M du/dt = −B w, M w = M W′(u) + ε² L u, W = (1 − u²)²/4: fourth order in mixed form, w put into the first.

    Implicit is K = B M⁻¹(ε² L + S M), explicit N = −M⁻¹B (W′(u) − S u). For a constant mobility K is symmetric, so that
    one definite matrix of V rows is factored, not an indefinite one of 2V. Where values are fixed, w = 0.

    Args:
        mass: [V] diagonal of M.
        stiffness: csr [V, V], L.
        mobility: csr [V, V], B, the diffusion form of the mobility.
        largest: bound of the mobility [length²/time].
        width: ε [length].
        stabilization: S ≥ 0.
        condition: the boundary condition of u.
    """

    def __init__(
        self,
        mass: Array,
        stiffness: sp.csr_matrix,
        mobility: sp.csr_matrix,
        largest: float,
        width: float,
        stabilization: float,
        condition: BoundaryCondition,
    ) -> None:
        free = sp.diags((~condition.fixed).astype(np.float64))
        self._flux = sp.csr_matrix(free @ mobility @ free)
        self._potential = sp.csr_matrix(sp.diags(1 / mass) @ (width**2 * stiffness) + stabilization * sp.eye(len(mass)))
        super().__init__(
            "u", mass, sp.csr_matrix(self._flux @ self._potential), None, condition.fixed, condition.value,
            nonlinear=self._explicit, bound=self._region, energy_step=self._dissipating_step,
        )  # fmt: skip
        self._largest, self._width, self._stabilization = largest, width, stabilization
        inside = np.flatnonzero(~condition.fixed)
        self._laplacian = spectrum_of(mass[inside], stiffness[inside][:, inside]).decay

    def residual(self, state: Array) -> Array:
        """−K u, with B applied last: its columns sum to zero, so that no mass is lost to round-off on the way."""
        return -(self._flux @ (self._potential @ state))

    def rate(self, time: float, state: Array) -> Array:
        """−M⁻¹B w, [V, n]."""
        return self.residual(state) / self.mass[:, None] + self.nonlinear(time, state)

    def solver(self, tau: float) -> Solver:
        """The solver of (M + τK) x = r for the right-hand sides that occur here, residuals, of which Σ r = 0.

        Then Σ m x = 0, by the columns of B. It is imposed: from rough states residuals are large, and so is the
        round-off of their sum.
        """
        solve = super().solver(tau)
        if self.fixed.any():
            return solve
        area = self.mass.sum()

        def conservative(right: Array) -> Array:
            solution = solve(right)
            return solution - self.mass @ solution / area

        return conservative

    def spectrum(self, state: Array | None = None) -> Spectrum:
        """Real eigenvalues, down to −m λ (ε²λ + max W″) with the largest mobility m and λ of −Δ."""
        if state is None:
            raise ValueError(f"{self!r}: the stable step depends on the state, got none")
        return Spectrum(self._largest * self._laplacian * (self._width**2 * self._laplacian + largest_curvature(state)))

    def splitting(self, state: Array) -> Splitting:
        """A mode with −Δφ = λφ decays by m λ (ε²λ + S) implicitly and by m λ (W″ − S) explicitly."""
        value = self._laplacian * np.logspace(-8, 0, 4 * SHIFTS)
        implicit = self._largest * value * (self._width**2 * value + self._stabilization)
        ends = [-self._largest * value * (w - self._stabilization) for w in (-1.0, largest_curvature(state))]
        return Splitting(np.tile(implicit, 2), np.concatenate(ends).astype(np.complex128))

    @cached_property
    def _spectrum(self) -> Spectrum:
        stiff = self._width**2 * self._laplacian + self._stabilization
        return Spectrum(self._largest * self._laplacian * stiff)

    def _region(self, state: Array) -> Spectrum:
        excess = max(largest_curvature(state) - self._stabilization, 0.0)
        return Spectrum(excess * self._largest * self._laplacian)

    def _explicit(self, time: float, state: Array) -> Array:
        slope = well_slope(state) - self._stabilization * state
        return -(self._flux @ slope) / self.mass[:, None]

    def _dissipating_step(self, method: Dissipation, state: Array) -> float:
        """4 slow fast ε² / (m e²), e = ½ (max W″ − S) − fast S.

        The change of the energy is at most −(slow/dt) |δ|²_{G⁻¹} − fast ε² |∇δ|² + e |δ|² (`Dissipation`, with S in the
        linear part), and |δ|² ≤ √m |δ|_{G⁻¹} |∇δ|.
        """
        excess = 0.5 * (largest_curvature(state) - self._stabilization) - method.fast * self._stabilization
        if excess <= 0 or self._largest == 0:
            return np.inf
        return 4 * method.slow * method.fast * self._width**2 / (self._largest * excess**2)
