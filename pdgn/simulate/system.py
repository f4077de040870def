"""Semi-discrete systems: an equation on a mesh, discrete in space and not yet in time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from pdgn.simulate.factor import factorize
from pdgn.simulate.spectrum import Spectrum, spectrum_of

# Of the content Σ m |u|, what one implicit step may lose to round-off.
LOST_CONTENT = 1e-9

# Right-hand side [D, n] of (M + τK) x = r → x [D, n].
Solver = Callable[[NDArray[np.float64]], NDArray[np.float64]]


class System(ABC):
    """du/dt = F(t, u) for a state of D degrees of freedom (all fields under one another) in n columns.

    Nothing here assumes that F is linear: explicit steppers need `rate` and `spectrum` alone.

    Attributes:
        remedy: stepper to use where another does not fit, for its message.
        bound_follows_state: whether `spectrum` may be larger for a later state than for the first.
    """

    remedy: ClassVar[str] = "rk4"
    bound_follows_state: ClassVar[bool] = True

    @abstractmethod
    def pack(self, fields: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """The state [D, n] of the fields, each [V, n], with the boundary values imposed; a new array."""

    @abstractmethod
    def unpack(self, state: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The fields, each [V, n], of the state [D, n]."""

    @abstractmethod
    def rate(self, time: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
        """F(t, u) [D, n], the derivative of the state in time; a new array."""

    @abstractmethod
    def spectrum(self, state: NDArray[np.float64]) -> Spectrum:
        """A region that holds the eigenvalues of ∂F/∂u, for every state that should follow from this one."""


class LinearSystem(System):
    """M du/dt = −K u + s, with a diagonal mass M and a constant sparse K: scalar fields on V vertices.

    Rows of K and s at fixed degrees of freedom are zero, so that the values given there stay, and enter their
    neighbours' rows. The columns of a state are independent trajectories.

    Args:
        field: name of the field, or names of several, which share the D = number · V degrees of freedom in this order.
        mass: [D] positive diagonal of M [length²].
        operator: csr [D, D], K [length²/time].
        source: [D], s [field · length²/time]; None for zero.
        fixed: [D] bool, Dirichlet values; None for none.
        fixed_value: [D] values imposed there; None keeps the initial state's.
        coupling: bound of (Im λ)²/(−Re λ) of −M⁻¹K where one is known [1/time].
    """

    bound_follows_state: ClassVar[bool] = False

    def __init__(
        self,
        field: str | tuple[str, ...],
        mass: NDArray[np.float64],
        operator: sp.csr_matrix,
        source: NDArray[np.float64] | None = None,
        fixed: NDArray[np.bool_] | None = None,
        fixed_value: NDArray[np.float64] | None = None,
        coupling: float = np.inf,
    ) -> None:
        self.fields = (field,) if isinstance(field, str) else tuple(field)
        self.mass = mass
        self.fixed = np.zeros(len(mass), dtype=bool) if fixed is None else fixed
        self.fixed_value = fixed_value
        free = sp.diags((~self.fixed).astype(np.float64))
        self.operator = (free @ operator).tocsr() if self.fixed.any() else operator.tocsr()
        self.operator.eliminate_zeros()
        self.source = None if source is None else np.where(self.fixed, 0.0, source)[:, None]
        self.coupling = coupling

    def __repr__(self) -> str:
        vertices = len(self.mass) // len(self.fields)
        return f"{type(self).__name__}({', '.join(self.fields)}, {vertices} vertices, {int(self.fixed.sum())} fixed)"

    def pack(self, fields: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """The state [D, n]: the fields under one another, with the fixed values in their places."""
        state = np.concatenate([np.asarray(fields[name], dtype=np.float64) for name in self.fields])
        if self.fixed_value is not None:
            state[self.fixed] = self.fixed_value[self.fixed, None]
        return state

    def unpack(self, state: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The fields, each [V, n], views of the state."""
        return dict(zip(self.fields, np.split(state, len(self.fields))))

    def rate(self, time: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
        """−M⁻¹K u + M⁻¹s, [D, n]."""
        change = self._generator @ state
        if self._scaled_source is not None:
            change += self._scaled_source
        return change

    def residual(self, state: NDArray[np.float64]) -> NDArray[np.float64]:
        """−K u + s, [D, n], the right-hand side before division by the mass (implicit steppers solve with it)."""
        change = self.operator @ state
        np.negative(change, out=change)
        if self.source is not None:
            change += self.source
        return change

    def solver(self, tau: float) -> Solver:
        """The solver of (M + τK) x = r with x = 0 where fixed, factored once; r and x are [D, n].

        Args:
            tau: τ ≥ 0 [time].

        Raises:
            ValueError: faces so thin, for so long a step, that round-off would spoil what is conserved.
        """
        self._require_digits(tau)
        # Fixed values do not change: solving for the others alone keeps them exactly, and the pattern symmetric.
        free = np.flatnonzero(~self.fixed)
        matrix = sp.csc_matrix(sp.diags(self.mass[free]) + tau * self.operator[free][:, free])
        solve = factorize(matrix, symmetric_definite=_is_symmetric(matrix))
        if len(free) == len(self.mass):
            return solve

        def solve_free(right: NDArray[np.float64]) -> NDArray[np.float64]:
            solution = np.zeros_like(right)
            solution[free] = solve(right[free])
            return solution

        return solve_free

    def _require_digits(self, tau: float) -> None:
        """Refuse a step in which the round-off of τK u, summed, is not small beside Σ m u."""
        lost = np.finfo(float).eps * tau * float(np.abs(self.operator.data).sum()) / float(self.mass.sum())
        if lost > LOST_CONTENT:
            raise ValueError(
                f"implicit steppers: wanted faces on which a step loses at most {LOST_CONTENT:g} of the content to "
                f"round-off, got a loss of {lost:.1e}: thin faces make cotangents up to "
                f"{np.abs(self.operator.data).max():.1e}; take a step shorter than {tau * LOST_CONTENT / lost:.2e}, or "
                "a mesh with better faces"
            )

    def spectrum(self, state: NDArray[np.float64] | None = None) -> Spectrum:
        """The region of the eigenvalues of −M⁻¹K among what is not fixed, whatever the state."""
        return self._spectrum

    @cached_property
    def _spectrum(self) -> Spectrum:
        free = np.flatnonzero(~self.fixed)
        return spectrum_of(self.mass[free], self.operator[free][:, free], self.coupling)

    @cached_property
    def _generator(self) -> sp.csr_matrix:
        return sp.csr_matrix(sp.diags(-1.0 / self.mass) @ self.operator)

    @cached_property
    def _scaled_source(self) -> NDArray[np.float64] | None:
        return None if self.source is None else self.source / self.mass[:, None]


def _is_symmetric(matrix: sp.csc_matrix) -> bool:
    """Whether A = Aᵀ up to the round-off of its assembly."""
    size = np.abs(matrix.data).max(initial=0.0)
    return bool(np.abs((matrix - matrix.T).data).max(initial=0.0) <= 1e-12 * size)
