"""Systems of a linear, stiff part and a nonlinear one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pdgn.simulate.spectrum import SAMPLES, Spectrum
from pdgn.simulate.system import LinearSystem

# (time, state [D, n]) → change per time [D, n].
Nonlinear = Callable[[float, NDArray[np.float64]], NDArray[np.float64]]

SHIFTS = 60
OUTLINE_STRIDE = 20


class Splitting(NamedTuple):
    """Pairs of eigenvalues that an implicit–explicit stepper must hold, one pair per entry.

    Attributes:
        implicit: [P] decay −Re λ ≥ 0 of the linear part [1/time].
        explicit: [P] complex eigenvalues of the nonlinear part's derivative [1/time].
    """

    implicit: NDArray[np.float64]
    explicit: NDArray[np.complex128]


class Dissipation(NamedTuple):
    """Two numbers of an implicit–explicit method on which it depends whether an energy falls in every step.

    For a gradient flow du/dt = −G(K u + M W′(u)), with K implicit and W′ explicit, the energy ½ uᵀK u + Σ m W(u)
    changes in a step by at most Σ_i −(slow/dt) |δ_i|²_{G⁻¹} − fast |δ_i|²_K + ½ max W″ |δ_i|²_M over the increments δ_i
    from stage to stage, in the norms of their subscripts.

    Attributes:
        slow: smallest eigenvalue of the symmetric part of Â⁻¹E, E the lower triangle of ones.
        fast: that of Â⁻¹AE − E + ½ I; where it is negative, nothing is promised at any step.

    Reference: Fu, Tang & Yang, "Energy diminishing implicit-explicit Runge–Kutta methods for gradient flows", 2024.
    """

    slow: float
    fast: float


# (numbers of the method, state) → largest dt for which the energy is known to fall.
EnergyStep = Callable[[Dissipation, NDArray[np.float64]], float]


class SemilinearSystem(LinearSystem):
    """M du/dt = −K u + s + M N(t, u): K stiff and linear, N what is left.

    N is zero where the state is fixed. Explicit steppers take the sum; implicit–explicit ones solve with K and
    evaluate N.

    Args:
        linear: arguments of `LinearSystem` (field, mass, operator, source, fixed, fixed_value, coupling).
        nonlinear: N(t, u) [D, n] of a state [D, n].
        bound: state → region of the eigenvalues of ∂N/∂u for every state that should follow from this one.
        energy_step: for gradient flows, the largest step at which the energy of an implicit–explicit method falls.
    """

    bound_follows_state = True

    def __init__(
        self,
        *linear: Any,
        nonlinear: Nonlinear,
        bound: Callable[[NDArray[np.float64]], Spectrum],
        energy_step: EnergyStep | None = None,
        **more: Any,
    ) -> None:
        super().__init__(*linear, **more)
        self._nonlinear = nonlinear
        self._bound = bound
        self._energy_step = energy_step

    def energy_step(self, method: Dissipation, state: NDArray[np.float64]) -> float:
        """Largest step [time] at which the energy falls by proof; infinite where there is no energy or no proof."""
        if self._energy_step is None or method.slow <= 0 or method.fast < 0:
            return np.inf
        return self._energy_step(method, state)

    def nonlinear(self, time: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
        """N(t, u) [D, n], zero where fixed; a new array."""
        change = self._nonlinear(time, state)
        if self.fixed.any():
            change[self.fixed] = 0.0
        return change

    def rate(self, time: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
        """−M⁻¹K u + M⁻¹s + N(t, u), [D, n]."""
        return super().rate(time, state) + self.nonlinear(time, state)

    def spectrum(self, state: NDArray[np.float64] | None = None) -> Spectrum:
        """The sum of both regions: decay adds to decay, oscillation to oscillation."""
        if state is None:
            raise ValueError(f"{self!r}: the stable step depends on the state, got none")
        linear, other = self._spectrum, self._bound(state)
        coupling = linear.coupling if other.oscillation == 0 and other.decay == 0 else np.inf
        return Spectrum(linear.decay + other.decay, linear.oscillation + other.oscillation, coupling)

    def splitting(self, state: NDArray[np.float64]) -> Splitting:
        """Every decay of the linear part with every eigenvalue on the outline of the nonlinear one.

        Growth of the nonlinear part that the linear part holds is not among them: R(−a, b) ≤ 1 for 0 ≤ b ≤ a with all
        the implicit–explicit methods here, at any step.
        """
        outline = self._bound(state).boundary()
        corners = np.flatnonzero(np.arange(1, len(outline) + 1) % SAMPLES == 0)  # the end of each side
        outline = np.concatenate([outline[::OUTLINE_STRIDE], outline[corners]])
        decay = self._spectrum.decay * np.concatenate([[0.0], np.logspace(-6, 0, SHIFTS)])
        first, second = np.meshgrid(decay, outline, indexing="ij")
        return Splitting(first.ravel(), second.ravel())
