"""The distance solvers of the libraries, behind one face."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import potpourri3d
from numpy.typing import NDArray
from pygeodesic.geodesic import PyGeodesicAlgorithmExact

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


class DistanceSolver(NamedTuple):
    """What one solver answers on one component; vertices in the component's own numbers.

    Attributes:
        from_one: source → distances [n].
        from_set: sources [S] → distance [n] to the nearest of them.
        between: source, targets [T] → distances [T], the same numbers as from_one(source)[targets].
    """

    from_one: Callable[[int], Array]
    from_set: Callable[[Indices], Array]
    between: Callable[[int, Indices], Array]


def _exact(pos: Array, face: Indices) -> DistanceSolver:
    solver = PyGeodesicAlgorithmExact(pos, face)

    def from_set(sources: Indices) -> Array:
        return solver.geodesicDistances(sources)[0]

    def between(source: int, targets: Indices) -> Array:
        # With targets and no distance to go at least, propagation ends as soon as all targets have their distance.
        return solver.geodesicDistances(np.array([source]), targets, 0.0)[0]

    return DistanceSolver(lambda source: from_set(np.array([source])), from_set, between)


def _heat(pos: Array, face: Indices) -> DistanceSolver:
    from_one = potpourri3d.MeshHeatMethodDistanceSolver(pos, face).compute_distance

    def from_set(sources: Indices) -> Array:
        # The library's own answer for several sources is not zero at them, and negative at some.
        return np.min([from_one(source) for source in sources.tolist()], axis=0)

    return DistanceSolver(from_one, from_set, lambda source, targets: from_one(source)[targets])


def _fast_marching(pos: Array, face: Indices) -> DistanceSolver:
    solver = potpourri3d.MeshFastMarchingDistanceSolver(pos, face)

    def from_set(sources: Indices) -> Array:
        return solver.compute_distance([[(source, [])] for source in sources.tolist()])

    def from_one(source: int) -> Array:
        return solver.compute_distance([[(source, [])]])

    return DistanceSolver(from_one, from_set, lambda source, targets: from_one(source)[targets])


SOLVERS: dict[str, Callable[[Array, Indices], DistanceSolver]] = {
    "exact": _exact,
    "heat": _heat,
    "fast_marching": _fast_marching,
}


# Extents between which the libraries answer rightly: the exact solver compares with lengths of its own, and gave
# zeros and 1e-47 without a word at an extent of 1e-30.
ORDINARY = (1e-9, 1e9)


def solver_of(method: str) -> Callable[[Array, Indices], DistanceSolver]:
    """The solver of a method: (pos [n, 3], face [m, 3]) → `DistanceSolver`.

    Meshes of an ordinary extent, 1e-9 to 1e9, are handed to the library as they are; others are scaled by a power of
    two, and their distances back.

    Raises:
        ValueError: where the method is another.
    """
    if method not in SOLVERS:
        raise ValueError(f"method must be one of {', '.join(SOLVERS)}, got {method!r}")
    make = SOLVERS[method]

    def solver(pos: Array, face: Indices) -> DistanceSolver:
        extent = float(np.ptp(pos, axis=0).max())
        if ORDINARY[0] < extent < ORDINARY[1]:
            return make(pos, face)
        scale = 2.0 ** np.round(np.log2(extent))
        unit = make(pos / scale, face)
        return DistanceSolver(
            lambda source: np.asarray(unit.from_one(source)) * scale,
            lambda sources: np.asarray(unit.from_set(sources)) * scale,
            lambda source, targets: np.asarray(unit.between(source, targets)) * scale,
        )

    return solver
