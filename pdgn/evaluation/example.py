"""One forecast kept for the figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pdgn.evaluation.surface_drawing import Stage


@dataclass(frozen=True)
class Example:
    """One forecast beside its truth, in physical units.

    Args:
        title: what it is, for the figure's heading.
        stage: the geometry to draw on.
        truth: [N, H] one channel. prediction: [N, H]. mask: [N, H] bool.
        time: [H] from the last observed frame.
        channel: name of the channel. unit: its unit. time_unit: unit of ``time``. length_unit: unit of the positions.
    """

    title: str
    stage: Stage
    truth: np.ndarray
    prediction: np.ndarray
    mask: np.ndarray
    time: np.ndarray
    channel: str
    unit: str = "1"
    time_unit: str = "1"
    length_unit: str = "1"
