"""Nested dissection: an order of elimination with little fill for the sparse matrices of meshes."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components, dijkstra

LANDMARKS = 6
SMOOTHING = 40
LEAF = 16


def nested_dissection(matrix: sp.spmatrix) -> NDArray[np.int64]:
    """An order of elimination for A: each half of the graph first, then what separates them, recursively.

    The graph is that of A + Aᵀ. It is cut at medians of coordinates that it has by itself, smoothed hop distances from
    far vertices, so that no positions are needed and any number of fields and components may share the matrix.

    Args:
        matrix: sparse [D, D].

    Returns:
        Permutation [D] int64, its entry k the unknown that is eliminated as number k; a function of the pattern alone.

    Reference: George, "Nested dissection of a regular finite element mesh", 1973.
    """
    graph = _graph(matrix)
    depth, part = _dissect(graph, _coordinates(graph))
    # A separator follows the last leaf on either side of it, and the separators inside them.
    height = depth.max(initial=0) - depth
    return np.lexsort((height, (part + 1 << height) - 1))


def _graph(matrix: sp.spmatrix) -> sp.csr_matrix:
    """The symmetrised pattern of a matrix without its diagonal, csr with entries 1."""
    pattern = sp.csr_matrix(matrix, copy=True)
    pattern.data = np.ones(len(pattern.data))
    pattern = (pattern + pattern.T).tocsr()
    pattern.setdiag(0.0)
    pattern.eliminate_zeros()
    pattern.data[:] = 1.0
    return pattern


def _coordinates(graph: sp.csr_matrix) -> NDArray[np.float64]:
    """Coordinates [D, 1 + LANDMARKS]: number of the component, far apart; smoothed hop distances from landmarks.

    Every component has landmarks of its own, each the farthest vertex from those before.
    """
    size = graph.shape[0]
    count, label = connected_components(graph, directed=False)
    end = np.cumsum(np.bincount(label, minlength=count)) - 1
    landmark = np.unique(label, return_index=True)[1]
    nearest = np.full(size, np.inf)
    columns = []
    for number in range(1 + LANDMARKS):
        distance = dijkstra(graph, indices=landmark, min_only=True, unweighted=True)
        if number:  # the first sources are only where the search for far vertices starts
            columns.append(distance)
        nearest = np.minimum(nearest, distance) if number else distance
        landmark = np.lexsort((nearest, label))[end]
        nearest = nearest if number else np.full(size, np.inf)
    hops = np.stack(columns, axis=1)
    neighbours = np.diff(graph.indptr)[:, None] + 1.0
    for _ in range(SMOOTHING):  # hops are integers: ties would make ragged cuts
        hops = (hops + graph @ hops) / neighbours
    return np.column_stack([label * (1.0 + size), hops])


def _dissect(graph: sp.csr_matrix, coordinates: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut all parts in two along their longest coordinate, level by level, until none has more than LEAF vertices.

    Returns:
        depth [D] at which a vertex became a separator, that of the leaves for the others; part [D], its number there.
    """
    tail = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    head = graph.indices.astype(np.int64)
    separator = np.zeros(graph.shape[0], dtype=bool)
    depth, part = np.zeros((2, graph.shape[0]), dtype=np.int64)
    while True:
        active = np.flatnonzero(~separator)
        large = np.bincount(part[active]) > LEAF
        if not large.any():
            return depth, part
        side = _sides(active, part, coordinates)
        inside = ~separator[tail] & ~separator[head] & (part[tail] == part[head])
        tail, head = tail[inside], head[inside]
        crossing = (side[tail] == 1) & (side[head] == 0) & large[part[tail]]
        separator[tail[crossing]] = True
        remaining = ~separator
        part[remaining] = 2 * part[remaining] + side[remaining]
        depth[remaining] += 1


def _sides(active: NDArray[np.int64], part: NDArray[np.int64], coordinates: NDArray[np.float64]) -> NDArray[np.int64]:
    """The half of its part, 0 or 1, in which each active vertex lies: [D], 0 for the others."""
    ordered = active[np.argsort(part[active], kind="stable")]
    numbers, first, count = np.unique(part[ordered], return_index=True, return_counts=True)
    spread = np.maximum.reduceat(coordinates[ordered], first) - np.minimum.reduceat(coordinates[ordered], first)
    group = np.repeat(np.arange(len(numbers)), count)
    value = coordinates[ordered, np.argmax(spread, axis=1)[group]]
    ordered = ordered[np.lexsort((value, group))]
    side = np.zeros(len(part), dtype=np.int64)
    side[ordered] = np.arange(len(ordered)) - first[group] >= count[group] // 2
    return side
