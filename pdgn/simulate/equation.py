"""What every equation provides to the simulator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh import TriMesh
from pdgn.simulate.system import System

if TYPE_CHECKING:
    from pdgn.simulate.problem import Problem

BOUNDARIES = ("neumann", "dirichlet")

Fields = Mapping[str, NDArray[np.float64]]


class Parameter(NamedTuple):
    """A coefficient of an equation: its value (a number or an array) and its unit in text."""

    value: float | NDArray[np.float64]
    unit: str


class Equation(ABC):
    """A partial differential equation for fields on a mesh; one equation is one final class in a file of its own.

    An equation says what it is (fields, parameters, formula, what it conserves, which energy falls, its exact
    solutions) and turns into a semi-discrete `System` on a mesh. It need not be linear, may have several fields, and a
    field of three columns named "pos" is the place of a mesh that moves.

    Attributes:
        fields: names of the unknowns, in the order in which the system stacks them.
        formula: the equation in one line of text, as it is stored with the data.
        default_method: stepper that `simulate` takes when none is named.
        boundary: "neumann" or "dirichlet".
    """

    fields: ClassVar[tuple[str, ...]]
    default_method: ClassVar[str]
    boundary: str

    @property
    @abstractmethod
    def formula(self) -> str:
        """The equation in one line of text."""

    @property
    @abstractmethod
    def conserved(self) -> tuple[str, ...]:
        """Fields u whose integral Σ m u stays constant."""

    @abstractmethod
    def parameters(self) -> dict[str, Parameter]:
        """The coefficients by name, each with its unit."""

    @abstractmethod
    def discretize(self, mesh: TriMesh) -> System:
        """The semi-discrete system on this mesh.

        Raises:
            ValueError: the mesh cannot carry the equation, or a coefficient does not fit the mesh.
        """

    def energy(self, mesh: TriMesh, fields: Fields) -> NDArray[np.float64] | None:
        """A functional that never rises in time, where the equation has one.

        Args:
            mesh: V vertices.
            fields: name → [V, n].

        Returns:
            [n], or None where the equation (with these boundary values) has none.
        """
        return None

    def start(self, mesh: TriMesh, pattern: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """A sensible initial state from a random pattern: the pattern in the first field, zero in the others.

        Args:
            mesh: V vertices.
            pattern: [V, n], of mean square about 1 (or a sum of bumps, from 0 to about 1).

        Returns:
            Name of field → [V, n].
        """
        return {name: pattern if name == self.fields[0] else np.zeros_like(pattern) for name in self.fields}

    @classmethod
    def problems(cls) -> tuple[Problem, ...]:
        """Exact solutions to which the tests hold this equation; see `Problem`."""
        return ()
