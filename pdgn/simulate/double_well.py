"""The double well W(u) = (1 − u²)²/4 of two phases, −1 and 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Solutions stay within the pure phases, or pass them a little (Cahn–Hilliard, by curvature; a step from a rough state,
# measured up to 1.17): W″ is bounded on |u| ≤ max(this, |u₀|).
LARGEST = 1.2


def well(state: NDArray[np.float64]) -> NDArray[np.float64]:
    """W(u), of the shape of the state."""
    return 0.25 * (1 - state * state) ** 2


def well_slope(state: NDArray[np.float64]) -> NDArray[np.float64]:
    """W′(u) = u³ − u, of the shape of the state."""
    return state * (state * state - 1)


def largest_curvature(state: NDArray[np.float64]) -> float:
    """Bound of W″ = 3u² − 1 on |u| ≤ max(1.2, |u₀|); the least is −1, at u = 0."""
    return 3 * max(LARGEST, float(np.abs(state).max(initial=0.0))) ** 2 - 1
