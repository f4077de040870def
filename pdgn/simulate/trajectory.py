"""What a simulation returns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Trajectory(NamedTuple):
    """Frames of every field at equal steps of time.

    Attributes:
        time: [T] float64, starting at 0, in the unit of time of `dt`.
        fields: name → [T, V, C] float64, in the unit of the initial state; frame 0 is the initial state
            (with the boundary values imposed).
        dt: time between two frames.
        method: name of the stepper.
        substeps: steps of the stepper for each step asked for, at the end (fewer before a state outgrew its bound).
    """

    time: NDArray[np.float64]
    fields: dict[str, NDArray[np.float64]]
    dt: float
    method: str
    substeps: int
