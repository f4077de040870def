"""Graphs of sensors: symmetric, without self-loops, without edges of length zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import Delaunay, QhullError, cKDTree

from pdgn.mesh.directed_edges import symmetric_edges
from pdgn.mesh.period import check_period
from pdgn.mesh.validation import check_pos


def knn_graph(pos: ArrayLike, k: int, *, period: ArrayLike | None = None) -> NDArray[np.int64]:
    """Edges between every point and its k nearest ones, in both directions (the union, so degrees may exceed k).

    Among points at equal distance the choice is deterministic, but depends on their order.

    Args:
        pos: [N, 2] or [N, 3] positions.
        k: number of neighbours, 1 ≤ k < N.
        period: None or (Lx, Ly, Lz), 0 where an axis is not periodic.

    Returns:
        edge_index [2, E] int64: row 0 source j, row 1 target i; sorted by target, then source.

    Raises:
        ValueError: where k is out of range (a sensor would stay without neighbours) or two points coincide (named).
    """
    points = check_pos(pos, (2, 3))
    if not 1 <= k < len(points):
        raise ValueError(
            f"k must lie in [1, {len(points) - 1}] so that each of {len(points)} sensors has k neighbours, got {k}"
        )
    points, box = _wrap(points, period)
    distance, neighbour = cKDTree(points, boxsize=box).query(points, k=k + 1)
    _refuse_coincident(distance[:, 1], neighbour)
    # No two points coincide, so the nearest one of each is itself.
    target = np.repeat(np.arange(len(points)), k)
    return symmetric_edges(neighbour[:, 1:].ravel().astype(np.int64), target, len(points))


def delaunay_graph(pos: ArrayLike) -> NDArray[np.int64]:
    """Edges of the Delaunay triangulation of points in a plane, in both directions.

    Args:
        pos: [N, 2], or [N, 3] of which x and y are used (project longitude and latitude first), N ≥ 3.

    Returns:
        edge_index [2, E] int64: row 0 source j, row 1 target i; sorted by target, then source.

    Raises:
        ValueError: where there are fewer than 3 points, they lie on one line, two coincide, or one is left without a
            neighbour because it almost coincides with another.
    """
    points = check_pos(pos, (2, 3))[:, :2]
    if len(points) < 3:
        raise ValueError(f"a Delaunay graph needs at least 3 points, got {len(points)}")
    _refuse_coincident(*_nearest(points))
    centred = points - points.mean(axis=0)
    spread = np.linalg.svd(centred, compute_uv=False)
    # Below 1e-10 the points leave their line by rounding alone.
    if spread[1] <= 1e-10 * spread[0]:
        raise ValueError(f"a Delaunay graph needs points that span a plane, got {len(points)} points on one line")
    try:
        triangle = Delaunay(centred / spread[0]).simplices.astype(np.int64)
    except QhullError as error:
        raise ValueError(f"no Delaunay triangulation of {len(points)} points: {str(error).splitlines()[0]}") from error
    left = np.setdiff1d(np.arange(len(points)), triangle)
    if len(left):
        raise ValueError(
            f"every sensor needs a neighbour, but {len(left)} almost coincide with others and have none, "
            f"the first is sensor {left[0]}"
        )
    return symmetric_edges(triangle.ravel(), np.roll(triangle, -1, axis=1).ravel(), len(points))


def _wrap(points: NDArray[np.float64], period: ArrayLike | None) -> tuple[NDArray[np.float64], NDArray | None]:
    """Points moved into the box that the tree wants, and the box."""
    checked = check_period(period)
    if checked is None:
        return points, None
    box = np.array(checked[: points.shape[1]])
    for axis in np.flatnonzero(box):
        wrapped = np.mod(points[:, axis], box[axis])
        points[:, axis] = np.where(wrapped < box[axis], wrapped, 0.0)  # mod of −1e-20 rounds up to the period
    return points, box


def _nearest(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    distance, neighbour = cKDTree(points).query(points, k=2)
    return distance[:, 1], neighbour


def _refuse_coincident(nearest: NDArray[np.float64], neighbour: NDArray[np.int64]) -> None:
    same = np.flatnonzero(nearest == 0)
    if len(same):
        other = next(int(j) for j in neighbour[same[0]] if j != same[0])
        pair = sorted((int(same[0]), other))
        raise ValueError(
            f"sensors must lie at different places, but {pair[0]} and {pair[1]} coincide ({len(same)} sensors in all)"
        )
