"""Differences of positions where some axes are periodic."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Period = tuple[float, float, float]


def check_period(period: ArrayLike | None) -> Period | None:
    """The period as three floats, or None where no axis is periodic.

    Args:
        period: None, or (Lx, Ly, Lz) in units of the positions; 0 means that the axis is not periodic.

    Returns:
        (Lx, Ly, Lz), or None where ``period`` is None or all zeros.

    Raises:
        ValueError: where it is not three finite numbers of at least 0.
    """
    if period is None:
        return None
    lengths = np.asarray(period, dtype=np.float64)
    if lengths.shape != (3,) or not np.isfinite(lengths).all() or (lengths < 0).any():
        raise ValueError(f"period must be None or three finite lengths of at least 0 (0: not periodic), got {period!r}")
    if not lengths.any():
        return None
    return (float(lengths[0]), float(lengths[1]), float(lengths[2]))


def minimal_image(vector: ArrayLike, period: ArrayLike | None) -> NDArray[np.float64]:
    """The shortest representative of a difference vector on a periodic domain.

    d ← d − L·round(d / L) in every periodic axis.

    Args:
        vector: [..., D] difference of two positions; D may be less than 3, the first D periods then count.
        period: None or (Lx, Ly, Lz), 0 where an axis is not periodic.

    Returns:
        [..., D] float64, a new array.
    """
    result = np.array(vector, dtype=np.float64)
    checked = check_period(period)
    for axis, length in enumerate(checked or ()):
        if length > 0 and axis < result.shape[-1]:
            result[..., axis] -= length * np.round(result[..., axis] / length)
    return result
