"""Geodesic distance from vertices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.geodesics.component import Component, check_solution, check_vertices, library_errors, solvable_components
from pdgn.geodesics.solvers import solver_of
from pdgn.mesh import TriMesh


@library_errors()
def geodesic_distance(mesh: TriMesh, sources: ArrayLike, method: str = "exact") -> NDArray[np.float64]:
    """Length of the shortest path along the surface from each source to every vertex.

    "exact": exact on the polyhedron (Mitchell, Mount & Papadimitriou), second order to the smooth surface's distance.
    "heat": the heat method; faster for many sources, first order, small values near a source may be off by an edge.
    "fast_marching": front propagation, first order.
    Each connected component is solved by itself, without isolated vertices, by one solver for all of its sources.

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
    build = solver_of(method)
    source = check_vertices("sources", sources, mesh.num_vertices)
    result = np.full((len(source), mesh.num_vertices), np.inf)
    result[np.arange(len(source)), source] = 0.0
    for part, rows in _by_component(mesh, source):
        from_one = build(part.pos, part.face).from_one
        for row, local in zip(rows.tolist(), part.local(source[rows]).tolist()):
            result[row, part.place] = check_solution(from_one(local), len(part.vertices), method)
    return result


@library_errors()
def distance_to_set(mesh: TriMesh, sources: ArrayLike, method: str = "exact") -> NDArray[np.float64]:
    """Length of the shortest path along the surface from the nearest of several sources to every vertex, [V].

    As the one row of :func:`distance_to_sets`.
    """
    return distance_to_sets(mesh, [sources], method)[0]


@library_errors()
def distance_to_sets(mesh: TriMesh, sets: Sequence[ArrayLike], method: str = "exact") -> NDArray[np.float64]:
    """Length of the shortest path along the surface from the nearest source of each set to every vertex.

    "exact": min over the sources of their exact distances, in one propagation. "heat": min over the sources of their
    heat distances (the library's joint answer is not zero at the sources). "fast_marching": one front from all of them.

    Args:
        mesh: as for :func:`geodesic_distance`.
        sets: n sets of sources, each one vertex index or several, in [0, V); a vertex may stand there twice.
        method: "exact", "heat" or "fast_marching".

    Returns:
        [n, V] float64, units of pos. +inf at vertices that no path from any source of the set reaches.

    Raises:
        ValueError: as :func:`geodesic_distance` does.
    """
    build = solver_of(method)
    chosen = [np.unique(check_vertices("sources", sources, mesh.num_vertices)) for sources in sets]
    row = np.repeat(np.arange(len(chosen)), [len(sources) for sources in chosen])
    result = np.full((len(chosen), mesh.num_vertices), np.inf)
    source = np.concatenate([np.zeros(0, dtype=np.int64), *chosen])
    result[row, source] = 0.0
    for part, mine in _by_component(mesh, source):
        solver = build(part.pos, part.face)
        for number in np.unique(row[mine]).tolist():
            distance = solver.from_set(part.local(source[mine[row[mine] == number]]))
            result[number, part.place] = check_solution(distance, len(part.vertices), method)
    return result


def _by_component(mesh: TriMesh, source: NDArray[np.int64]) -> Iterator[tuple[Component, NDArray[np.int64]]]:
    """Each component that has faces and sources, and which of the sources lie on it."""
    components = solvable_components(mesh)
    label = components.label[source]
    for number in np.unique(label[~components.isolated[source]]).tolist():
        yield components[number], np.flatnonzero(label == number)
