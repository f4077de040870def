"""Choosing sensors among points, never one twice."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh.period import minimal_image
from pdgn.mesh.validation import check_pos


def farthest_point_sample(
    pos: ArrayLike, count: int, *, start: int = 0, period: ArrayLike | None = None
) -> NDArray[np.int64]:
    """Points that lie far apart: each next one is the farthest from those already chosen (ties: the lowest index).

    i_{n+1} = argmax_i min_{m ≤ n} |x_i − x_{i_m}|, Euclidean, on a periodic domain between nearest images.

    Args:
        pos: [N, 2] or [N, 3] positions.
        count: number of points to choose, 1 ≤ count ≤ N.
        start: index of the first point.
        period: None or (Lx, Ly, Lz), 0 where an axis is not periodic.

    Returns:
        [count] int64, distinct indices in the order of choice.

    Raises:
        ValueError: where count or start is out of range.

    Reference: Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985.
    """
    points = check_pos(pos, (2, 3))
    _check_count(count, len(points))
    if not 0 <= start < len(points):
        raise ValueError(f"start must be an index in [0, {len(points)}), got {start}")
    chosen = np.empty(count, dtype=np.int64)
    distance = np.full(len(points), np.inf)
    chosen[0] = start
    for step in range(1, count):
        offset = minimal_image(points - points[chosen[step - 1]], period)
        np.minimum(distance, np.einsum("nd,nd->n", offset, offset), out=distance)
        distance[chosen[step - 1]] = -1.0  # below any distance: points at the same place do not bring it back
        chosen[step] = np.argmax(distance)
    return chosen


def random_sample(num: int, count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Points drawn uniformly without replacement.

    Args:
        num: number of points N to choose from.
        count: number of points to choose, 1 ≤ count ≤ N.
        generator: source of randomness.

    Returns:
        [count] int64, distinct indices in [0, N), in ascending order.

    Raises:
        ValueError: where count is out of range.
    """
    _check_count(count, num)
    return np.sort(generator.choice(num, size=count, replace=False)).astype(np.int64)


def _check_count(count: int, num: int) -> None:
    if not 1 <= count <= num:
        raise ValueError(f"count must lie in [1, {num}] to choose from {num} points without replacement, got {count}")
