"""Datasets in which nothing happens."""

from __future__ import annotations

import numpy as np

from pdgn.cli.attributes import parameter_units
from pdgn.cli.draws import specimen
from pdgn.cli.recipe import Recipe
from pdgn.cli.tasks import Result, Surface

_LEAST = 0.01  # of the standard deviation over nodes and frames


class Changes:
    """How much the fields of a recipe change on each mesh.

    Args:
        recipe: the recipe.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        moves = recipe.geodesics is None and recipe.trajectories.frames > 1
        names = recipe.equation.fields if moves else ()
        self._names = [name for name in names if name != "pos"]  # a position is no signal about a mean
        self._change: dict[str, float] = {}
        self._size: dict[str, float] = {}

    def see(self, result: Result) -> None:
        """Takes note of a finished surface or block."""
        if isinstance(result, Surface):
            self._size[result.mesh] = float(np.linalg.norm(np.ptp(result.record.pos, axis=0)))
            return
        found = {name: result.fields[name] for name in self._names if name in result.fields}
        if found:
            largest = max(_change(values) for values in found.values())
            self._change[result.mesh] = max(self._change.get(result.mesh, 0.0), largest)

    def warnings(self) -> list[str]:
        """One line for each mesh on which no field of any trajectory changes by 1 % of its standard deviation."""
        still = {mesh: change for mesh, change in self._change.items() if change < _LEAST}
        return [
            f"warning: mesh '{mesh}': the fields hardly change, by {change:.2g} of their standard deviation at most: "
            f"{self._across(mesh)}, {_coefficients(self._recipe)}; scale the mesh or change the coefficients or "
            "trajectories.dt"
            for mesh, change in sorted(still.items())
        ]

    def _across(self, mesh: str) -> str:
        if mesh not in self._size:
            return f"lengths are in units of {self._recipe.unit}"
        unit = "" if self._recipe.unit == "1" else f" {self._recipe.unit}"
        return f"the mesh is {self._size[mesh]:.3g}{unit} across"


def _change(values: np.ndarray) -> float:
    """The largest change of one trajectory from its first frame, by its standard deviation: [n, T, V, C] → number."""
    largest = 0.0
    for trajectory in values:
        size = float(trajectory.std(dtype=np.float64))
        if size > 0:
            moved = max(float(np.sqrt(np.square(frame - trajectory[0]).mean(dtype=np.float64))) for frame in trajectory)
            largest = max(largest, moved / size)
    return largest


def _coefficients(recipe: Recipe) -> str:
    units, lasting = parameter_units(recipe), (recipe.trajectories.frames - 1) * recipe.trajectories.dt
    numbers = [
        (name, value) for name, (value, _) in specimen(recipe.equation).parameters().items() if np.ndim(value) == 0
    ]
    known = [*((name, value, units[name]) for name, value in numbers), ("time", lasting, recipe.trajectories.time_unit)]
    return ", ".join(f"{name} {value:.3g}{'' if unit == '1' else f' {unit}'}" for name, value, unit in known)
