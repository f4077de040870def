"""Functions whose directional derivatives are learned, with their exact gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Function(NamedTuple):
    """A function and its gradient: value takes points [N, D] to [N], gradient to [N, D]."""

    value: Callable[[Array], Array]
    gradient: Callable[[Array], Array]


def _quadratic(pos: Array) -> Array:
    return 0.1 * pos[:, 0] ** 2 + 0.5 * pos[:, 1] ** 2


def _quadratic_gradient(pos: Array) -> Array:
    return np.stack([0.2 * pos[:, 0], pos[:, 1]], axis=1)


def _waves(pos: Array) -> Array:
    return np.sin(pos[:, 0]) + np.cos(pos[:, 1])


def _waves_gradient(pos: Array) -> Array:
    return np.stack([np.cos(pos[:, 0]), -np.sin(pos[:, 1])], axis=1)


PLANE = {
    "0.1x²+0.5y²": Function(_quadratic, _quadratic_gradient),
    "sin x+cos y": Function(_waves, _waves_gradient),
}


def zonal_cubic(axis: Array) -> Function:
    """The spherical harmonic of degree 3 about an axis, P₃(z) = (5z³ − 3z)/2 with z = x·axis; between −1 and 1.

    Args:
        axis: [3], of unit length.

    Returns:
        The function on the unit sphere and its gradient in the tangent plane, (15z² − 3)/2 (axis − z x).
    """

    def value(pos: Array) -> Array:
        z = pos @ axis
        return (5 * z**3 - 3 * z) / 2

    def gradient(pos: Array) -> Array:
        z = (pos @ axis)[:, None]
        return (15 * z**2 - 3) / 2 * (axis - z * pos)

    return Function(value, gradient)
