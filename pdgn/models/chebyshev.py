"""Stabilised explicit time steps that know how stiff they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from torch import Tensor

DAMPING = 2 / 13


class ChebyshevTable(NamedTuple):
    """Coefficients of the Runge–Kutta–Chebyshev method of order 2 with s stages, from T_j and its derivatives at w₀.

    Attributes:
        w0, w1: 1 + damping/s², and the scale that makes the order 2. a, b: of the stages j = 0 … s.
    """

    w0: float
    w1: float
    a: tuple[float, ...]
    b: tuple[float, ...]

    @property
    def bound(self) -> float:
        """The largest decay rate times step that is stable."""
        return 2 * self.w0 / self.w1


@lru_cache(maxsize=256)
def chebyshev_table(stages: int) -> ChebyshevTable:
    """The coefficients for s ≥ 2 stages."""
    w0 = 1 + DAMPING / stages**2
    value, slope, bend = [1.0, w0], [0.0, 1.0], [0.0, 0.0]
    for j in range(2, stages + 1):
        value.append(2 * w0 * value[j - 1] - value[j - 2])
        slope.append(2 * w0 * slope[j - 1] + 2 * value[j - 1] - slope[j - 2])
        bend.append(2 * w0 * bend[j - 1] + 4 * slope[j - 1] - bend[j - 2])
    b = [bend[j] / slope[j] ** 2 for j in range(2, stages + 1)]
    b = [b[0], b[0], *b]
    return ChebyshevTable(w0, slope[-1] / bend[-1], tuple(1 - p * q for p, q in zip(b, value)), tuple(b))


def stages_for(stiffness: float, most: int) -> int:
    """The least number of stages, from 2 to most, that is stable for a decay rate times step."""
    count = min(max(2, math.isqrt(int(min(max(1.5 * stiffness, 1.0), 1e9))) - 1), most)
    while count < most and chebyshev_table(count).bound < stiffness:
        count += 1
    return count


def chebyshev_step(rate: Callable[[Tensor], Tensor], state: Tensor, stages: int) -> Tensor:
    """One step of u_t = rate(u) over unit time; written in differences from u, so that a steady state stays.

    Args:
        rate: change per step, of the shape of the state.
        state: u.
        stages: s ≥ 2.

    Reference:
        Sommeijer, Shampine & Verwer, "RKC: an explicit solver for parabolic PDEs", 1998.
    """
    table = chebyshev_table(stages)
    first = rate(state)
    before, change = None, table.b[1] * table.w1 * first  # of stages j − 2 (none: zero) and j − 1
    for j in range(2, stages + 1):
        ratio, back = table.b[j] / table.b[j - 1], -table.b[j] / table.b[j - 2]
        following = 2 * ratio * table.w0 * change
        if before is not None:
            following = following + back * before
        slope = rate(state + change) - table.a[j - 1] * first
        before, change = change, following + 2 * ratio * table.w1 * slope
    return state + change


def runge_kutta_step(rate: Callable[[Tensor], Tensor], state: Tensor, substeps: int) -> Tensor:
    """Classical Runge–Kutta steps of u_t = rate(u) over unit time.

    Args:
        rate, state: as in :func:`chebyshev_step`. substeps: ≥ 1.
    """
    size = 1 / substeps
    for _ in range(substeps):
        first = rate(state)
        second = rate(state + 0.5 * size * first)
        third = rate(state + 0.5 * size * second)
        fourth = rate(state + size * third)
        state = state + size / 6 * (first + 2 * (second + third) + fourth)
    return state
