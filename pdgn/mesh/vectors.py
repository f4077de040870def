"""Products of many vectors of three components, by component: some times as fast as NumPy's, bit for bit the same.

From components of 1e154 on they overflow to infinity or NaN without a word; who needs them refuses them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def cross(first: FloatArray, second: FloatArray) -> FloatArray:
    """first × second, [n, 3]."""
    (a, b, c), (x, y, z) = first.T, second.T
    result = np.empty(first.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        result[:, 0] = b * z - c * y
        result[:, 1] = c * x - a * z
        result[:, 2] = a * y - b * x
    return result


def length(vector: FloatArray) -> FloatArray:
    """|v| of every vector [n, 3], [n]."""
    x, y, z = vector.T
    with np.errstate(over="ignore", invalid="ignore"):
        return np.sqrt(x * x + y * y + z * z)
