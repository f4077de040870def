"""Geodesic distance from vertices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import potpourri3d
from numpy.typing import ArrayLike, NDArray
from pygeodesic.geodesic import PyGeodesicAlgorithmExact

from pdgn.geodesics.component import DistanceSolver, check_solution, refuse_unsolvable, submesh
from pdgn.mesh import TriMesh

Distance = Callable[[int], NDArray[np.float64]]


def geodesic_distance(mesh: TriMesh, sources: ArrayLike, method: str = "exact") -> NDArray[np.float64]:
    """Length of the shortest path along the surface from each source to every vertex.

    "exact": exact on the polyhedron (Mitchell, Mount & Papadimitriou), second order to the smooth surface's distance.
    "heat": the heat method; faster for many sources, first order, small values near a source may be off by an edge.
    "fast_marching": front propagation, first order.
    Each connected component is solved by itself, without isolated vertices.

    Args:
        mesh: manifold, with or without boundary, not periodic, without degenerate faces.
        sources: one vertex index or [S] of them, in [0, V).
        method: "exact", "heat" or "fast_marching".

    Returns:
        [S, V] float64, units of pos. +inf at vertices that no path reaches: other components and isolated vertices.

    Raises:
        ValueError: where a source is out of range, the method another, the mesh unsuitable, or a solver failed.

    Reference: Mitchell, Mount & Papadimitriou, "The discrete geodesic problem", 1987; Crane, Weischedel & Wardetzky,
    "Geodesics in heat", 2013; Kimmel & Sethian, "Computing geodesic paths on manifolds", 1998.
    """
    if method not in _SOLVERS:
        raise ValueError(f"method must be one of {', '.join(_SOLVERS)}, got {method!r}")
    source = _check_sources(sources, mesh.num_vertices)
    refuse_unsolvable(mesh)
    result = np.full((len(source), mesh.num_vertices), np.inf)
    result[np.arange(len(source)), source] = 0.0
    has_face = np.zeros(mesh.num_vertices, dtype=bool)
    has_face[mesh.face] = True
    for component in np.unique(mesh.component[source[has_face[source]]]):
        vertices, pos, face = submesh(mesh, component)
        distance = _SOLVERS[method](pos, face)
        for row in np.flatnonzero(mesh.component[source] == component):
            local = int(np.searchsorted(vertices, source[row]))
            result[row, vertices] = check_solution(distance(local), len(vertices), method)
    return result


def _exact(pos: NDArray[np.float64], face: NDArray[np.int64]) -> Distance:
    algorithm = PyGeodesicAlgorithmExact(pos, face)
    return lambda source: algorithm.geodesicDistances(np.array([source]))[0]


def _heat(pos: NDArray[np.float64], face: NDArray[np.int64]) -> Distance:
    return potpourri3d.MeshHeatMethodDistanceSolver(pos, face).compute_distance


def _fast_marching(pos: NDArray[np.float64], face: NDArray[np.int64]) -> Distance:
    solver = potpourri3d.MeshFastMarchingDistanceSolver(pos, face)
    return lambda source: solver.compute_distance([[(source, [])]])


_SOLVERS: dict[str, DistanceSolver] = {"exact": _exact, "heat": _heat, "fast_marching": _fast_marching}


def _check_sources(sources: ArrayLike, num_vertices: int) -> NDArray[np.int64]:
    given = np.atleast_1d(np.asarray(sources))
    if given.ndim != 1 or not given.size or not np.issubdtype(given.dtype, np.integer):
        raise ValueError(
            f"sources must be vertex indices, at least one, got shape {list(given.shape)} and dtype {given.dtype}"
        )
    outside = given[(given < 0) | (given >= num_vertices)]
    if len(outside):
        raise ValueError(f"sources must lie in [0, {num_vertices}), got {outside[0]}")
    return given.astype(np.int64)
