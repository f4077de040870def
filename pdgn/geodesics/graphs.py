"""Graphs of sensors on a surface, and how long their edges are along it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from pdgn.geodesics.component import (
    Component,
    Components,
    check_solution,
    check_vertices,
    library_errors,
    solvable_components,
)
from pdgn.geodesics.solvers import solver_of
from pdgn.mesh import TriMesh
from pdgn.mesh.directed_edges import symmetric_edges

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


class GeodesicGraph(NamedTuple):
    """Edges between sensors, edge_index [2, E] int64 in sensor numbers, and their geodesic lengths [E]."""

    edge_index: Indices
    length: Array


@library_errors()
def geodesic_knn_graph(mesh: TriMesh, vertices: ArrayLike, k: int, method: str = "exact") -> GeodesicGraph:
    """Edges between every sensor and its k geodesically nearest ones, in both directions (the union).

    Two sheets of a surface that pass close to each other are far apart here. Among sensors at equal distance the one of
    the lower number comes first.

    Args:
        mesh: as for `geodesic_distance`.
        vertices: [N] different vertices, where the sensors are.
        k: number of neighbours, at least 1.
        method: "exact", "heat" or "fast_marching".

    Returns:
        edge_index [2, E]: row 0 source j, row 1 target i, sorted by target, then source; length [E], units of pos, the
        same in both directions.

    Raises:
        ValueError: where a component has sensors, but no more than k; where a vertex has two sensors; where the mesh,
            a vertex or the method is not as wanted.
    """
    solve, vertex = solver_of(method), _check_sensors(vertices, mesh.num_vertices)
    if not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"k: wanted at least 1 neighbour, got {k!r}")
    components = solvable_components(mesh)
    label = components.label[vertex]
    _require_neighbours(components, vertex, k)
    source, target = [], []
    for number in np.unique(label).tolist():
        part, sensors = components[number], np.flatnonzero(label == number)
        local = part.local(vertex[sensors])
        between = solve(part.pos, part.face).between
        for row, candidates in enumerate(_candidates(part, local, k)):
            distance = check_solution(between(int(local[row]), local[candidates]), len(candidates), method)
            nearest = candidates[np.argsort(distance, kind="stable")[:k]]
            source.append(sensors[nearest])
            target.append(np.full(k, sensors[row]))
    edge_index = symmetric_edges(np.concatenate(source), np.concatenate(target), len(vertex))
    return GeodesicGraph(edge_index, geodesic_edge_length(mesh, vertex, edge_index, method))


@library_errors()
def geodesic_edge_length(
    mesh: TriMesh, vertices: ArrayLike, edge_index: ArrayLike, method: str = "exact"
) -> NDArray[np.float64]:
    """Length of the shortest path along the surface between the two ends of every edge of a graph on it.

    Args:
        mesh: as for `geodesic_distance`.
        vertices: [N] different vertices, where the nodes of the graph are.
        edge_index: [2, E] int64, nodes of the graph.
        method: "exact", "heat" or "fast_marching"; from the end with the lower number.

    Returns:
        [E] float64, units of pos, the same in both directions.

    Raises:
        ValueError: where no path joins the ends of an edge (named); where the mesh, a vertex, an edge or the method is
            not as wanted.
    """
    solve, vertex = solver_of(method), _check_sensors(vertices, mesh.num_vertices)
    edges = np.asarray(edge_index)
    if edges.ndim != 2 or len(edges) != 2 or not np.issubdtype(edges.dtype, np.integer):
        raise ValueError(f"edge_index: wanted integers [2, E], got {edges.dtype} {list(edges.shape)}")
    if edges.size and (edges.min() < 0 or edges.max() >= len(vertex)):
        raise ValueError(f"edge_index: wanted nodes in [0, {len(vertex)}), got {edges.min()} … {edges.max()}")
    components = solvable_components(mesh)
    label = components.label[vertex]
    apart = np.flatnonzero(label[edges[0]] != label[edges[1]])
    if len(apart):
        j, i = edges[:, apart[0]].tolist()
        raise ValueError(
            f"edge_index: no path on the surface joins nodes {j} and {i} of edge {apart[0]} ({len(apart)} such edges)"
        )
    low, high = np.sort(edges, axis=0)
    pair, inverse = np.unique(low * len(vertex) + high, return_inverse=True)
    first, second = np.divmod(pair, len(vertex))
    length = np.zeros(len(pair))
    for number in np.unique(label[first]).tolist():
        part = components[number]
        between = solve(part.pos, part.face).between
        rows = np.flatnonzero(label[first] == number)  # ascending in first, so that its edges follow one another
        starts = np.flatnonzero(np.diff(first[rows], prepend=-1))
        for chunk in np.split(rows, starts[1:]):
            local = part.local(vertex[[first[chunk[0]], *second[chunk]]])
            length[chunk] = check_solution(between(int(local[0]), local[1:]), len(chunk), method)
    return length[inverse.ravel()]


def _check_sensors(vertices: ArrayLike, num_vertices: int) -> Indices:
    vertex = check_vertices("vertices", vertices, num_vertices)
    unique, count = np.unique(vertex, return_counts=True)
    if len(unique) < len(vertex):
        raise ValueError(f"vertices: wanted one sensor per vertex, got vertex {unique[count > 1][0]} more than once")
    return vertex


def _require_neighbours(components: Components, vertex: Indices, k: int) -> None:
    label = components.label[vertex]
    together = np.unique(label, return_inverse=True, return_counts=True)
    count = together[2][together[1].ravel()]
    few = np.flatnonzero(count <= k)
    if len(few):
        raise ValueError(
            f"vertices: wanted more than k = {k} sensors on every component that has any, but sensor {few[0]} at "
            f"vertex {vertex[few[0]]} has {count[few[0]] - 1} others on its own ({len(few)} such sensors)"
        )


def _candidates(part: Component, local: Indices, k: int) -> list[Indices]:
    """For each sensor of a component those that can be among its k nearest ones, itself left out.

    A path along edges bounds the geodesic distance from above, a straight line from below.
    """
    source, other = symmetric_edges(part.face.ravel(), np.roll(part.face, -1, axis=1).ravel(), len(part.pos))
    length = np.linalg.norm(part.pos[source] - part.pos[other], axis=1)
    graph = csr_matrix((length, (other, source)), shape=(len(part.pos), len(part.pos)))
    result = []
    for row, vertex in enumerate(local.tolist()):
        straight = np.linalg.norm(part.pos[local] - part.pos[vertex], axis=1)
        straight[row] = np.inf
        bound, reach = np.inf, 2 * max(np.partition(straight, k - 1)[k - 1], length.mean())
        while np.isinf(bound):  # few sensors have to look far: the component has more than k of them
            along = dijkstra(graph, indices=vertex, limit=reach)[local]
            along[row], reach = np.inf, 2 * reach
            bound = np.partition(along, k - 1)[k - 1]
        # Up to rounding, by which a path along straight edges may seem shorter than the straight line.
        result.append(np.flatnonzero(straight <= bound * (1 + 1e-9)))
    return result
