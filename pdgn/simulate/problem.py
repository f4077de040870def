"""An exact solution, posed so that a test can hold any equation to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh
from pdgn.simulate.equation import Equation
from pdgn.simulate.simulator import simulate

Fields = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Problem:
    """An equation with an initial state and one number whose exact course in time is known.

    Args:
        name: what it is, for people.
        mesh: level of refinement 0, 1, 2 → mesh.
        equation: mesh → equation.
        initial: mesh → initial state, as `simulate` takes it.
        measure: (mesh, fields at the end, each [V, C], time) → the number, for example the amplitude of a mode, or the
            distance to the exact solution.
        exact: time → the number's exact value.
        dt: time of one step [time].
        steps: number of steps.
        slope: order of convergence in the length of edges that theory gives.
        tolerance: bound of the error of the finest level.
        reason: where the tolerance comes from.
        method: stepper; None for the equation's own.
        substeps: as `simulate` takes them.
    """

    name: str
    mesh: Callable[[int], TriMesh]
    equation: Callable[[TriMesh], Equation]
    initial: Callable[[TriMesh], ArrayLike | Mapping[str, ArrayLike]]
    measure: Callable[[TriMesh, Fields, float], float]
    exact: Callable[[float], float]
    dt: float
    steps: int
    tolerance: float
    reason: str
    slope: float = 2.0
    method: str | None = None
    substeps: str | int = "auto"

    def error(self, level: int) -> tuple[float, float]:
        """Mean length of edges, and |measure − exact| at the end, on one level of refinement."""
        mesh = self.mesh(level)
        trajectory = simulate(
            self.equation(mesh), mesh, self.initial(mesh), self.dt, self.steps,
            method=self.method, substeps=self.substeps, record_every=self.steps,
        )  # fmt: skip
        end = float(trajectory.time[-1])
        last = {name: values[-1] for name, values in trajectory.fields.items()}
        return float(mesh.edge_length.mean()), abs(self.measure(mesh, last, end) - self.exact(end))
