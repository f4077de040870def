"""Vertices at one place, and whether a surface is cut open along them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from pdgn.mesh.period import Period

WELD_TOLERANCE = 1e-6  # that with which STL files are read


def coincident(
    pos: NDArray[np.float64],
    tolerance: float = WELD_TOLERANCE,
    period: Period | None = None,
    extent: NDArray[np.float64] | None = None,
) -> NDArray[np.int64]:
    """The lowest vertex at the place of each.

    Args:
        pos: [V, 3] positions.
        tolerance: vertices nearer to each other than this times the diagonal of a bounding box are at one place,
            chains of them too; 0: equal positions only.
        extent: [N, 3], what the box bounds; None: the positions.
        period: lengths of a periodic domain; images of one place are one.

    Returns:
        [V] int64; i where no lower vertex is at the place of i.

    Raises:
        ValueError: a tolerance that is negative or not finite.
    """
    if not (np.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"weld_tolerance: wanted a finite number of at least 0, given {tolerance}")
    box = np.zeros(3) if period is None else np.array(period)
    place = pos + 0.0  # −0 becomes 0
    for axis in np.flatnonzero(box):
        place[:, axis] %= box[axis]
        place[place[:, axis] >= box[axis], axis] = 0.0  # a tiny negative number rounds to the period itself
    distinct, first, inverse = np.unique(place, axis=0, return_index=True, return_inverse=True)
    reach = tolerance * float(np.linalg.norm(np.ptp(distinct if extent is None else extent, axis=0)))
    pairs = cKDTree(distinct, boxsize=box).query_pairs(reach, output_type="ndarray")
    return lowest_joined(pairs, first)[inverse.ravel()]


def lowest_joined(pairs: NDArray[np.integer], number: NDArray[np.int64]) -> NDArray[np.int64]:
    """The lowest number among the items that each is joined to by pairs, itself included.

    Args:
        pairs: [N, 2] indices of items. number: of each item, [V].

    Returns:
        [V] int64.
    """
    graph = coo_matrix((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(number),) * 2)
    count, label = connected_components(graph, directed=False)
    lowest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(lowest, label, number)
    return lowest[label]
