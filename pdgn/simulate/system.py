"""Semi-discrete systems: an equation on a mesh, discrete in space and not yet in time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from pdgn.simulate.spectrum import Spectrum, spectrum_of


class System(ABC):
    """du/dt = F(t, u) for a state of D degrees of freedom (all fields under one another) in n columns.

    Nothing here assumes that F is linear: explicit steppers need `rate` and `spectrum` alone.
    """

    @abstractmethod
    def pack(self, fields: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """The state [D, n] of the fields, each [V, n], with the boundary values imposed; a new array."""

    @abstractmethod
    def unpack(self, state: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The fields, each [V, n], of the state [D, n]."""

    @abstractmethod
    def rate(self, time: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
        """F(t, u) [D, n], the derivative of the state in time."""

    @abstractmethod
    def spectrum(self) -> Spectrum:
        """A region that holds the eigenvalues of ∂F/∂u, for every state that the system is meant for."""


class LinearSystem(System):
    """M du/dt = −K u + s, with a diagonal mass M and a constant sparse K: one scalar field on V vertices.

    Rows of K and s at fixed vertices are zero, so that the values given there stay, and enter their neighbours' rows.
    The columns of a state are independent trajectories.

    Args:
        field: name of the field.
        mass: [V] positive diagonal of M [length²].
        operator: csr [V, V], K [length²/time].
        source: [V], s [field · length²/time]; None for zero.
        fixed: [V] bool, vertices with Dirichlet values; None for none.
        fixed_value: [V] values imposed there; None keeps the initial state's.
        coupling: bound of (Im λ)²/(−Re λ) of −M⁻¹K where one is known [1/time].
    """

    def __init__(
        self,
        field: str,
        mass: NDArray[np.float64],
        operator: sp.csr_matrix,
        source: NDArray[np.float64] | None = None,
        fixed: NDArray[np.bool_] | None = None,
        fixed_value: NDArray[np.float64] | None = None,
        coupling: float = np.inf,
    ) -> None:
        self.field = field
        self.mass = mass
        self.fixed = np.zeros(len(mass), dtype=bool) if fixed is None else fixed
        self.fixed_value = fixed_value
        free = sp.diags((~self.fixed).astype(np.float64))
        self.operator = (free @ operator).tocsr() if self.fixed.any() else operator.tocsr()
        self.operator.eliminate_zeros()
        self.source = None if source is None else np.where(self.fixed, 0.0, source)[:, None]
        self.coupling = coupling

    def __repr__(self) -> str:
        return f"LinearSystem({self.field}, {len(self.mass)} vertices, {int(self.fixed.sum())} fixed)"

    def pack(self, fields: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """The state [V, n]: the one field, with the fixed values in their places."""
        state = np.array(fields[self.field], dtype=np.float64, order="C")
        if self.fixed_value is not None:
            state[self.fixed] = self.fixed_value[self.fixed, None]
        return state

    def unpack(self, state: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The one field, [V, n]."""
        return {self.field: state}

    def rate(self, time: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
        """−M⁻¹K u + M⁻¹s, [V, n]."""
        change = self._generator @ state
        if self._scaled_source is not None:
            change += self._scaled_source
        return change

    def residual(self, state: NDArray[np.float64]) -> NDArray[np.float64]:
        """−K u + s, [V, n], the right-hand side before division by the mass (implicit steppers solve with it)."""
        change = -(self.operator @ state)
        if self.source is not None:
            change += self.source
        return change

    def spectrum(self) -> Spectrum:
        """The region of the eigenvalues of −M⁻¹K among the vertices that are not fixed."""
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
