"""Ordinary differential equations over one frame, by torchdiffeq."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

ADAPTIVE = ("dopri5", "bosh3")
FIXED = ("rk4", "midpoint", "euler")
Method = Literal["dopri5", "bosh3", "rk4", "midpoint", "euler"]


def require_torchdiffeq() -> Any:
    """The function odeint of torchdiffeq.

    Raises:
        ValueError: torchdiffeq is not installed.
    """
    try:
        from torchdiffeq import odeint
    except ModuleNotFoundError:
        raise ValueError(
            "model 'fen': wanted the package torchdiffeq, given none; pip install 'pdgn[baselines]'"
        ) from None
    return odeint


def integrate(
    rate: Callable[[Tensor, Tensor], Tensor], frame: Tensor, method: Method, tolerance: tuple[float, float], steps: int
) -> Tensor:
    """u(1) from u(0) and du/dt = rate(t, u), with the derivatives of the steps that were taken.

    Args:
        rate: (t [], u [N, C]) → [N, C]. frame: u(0). method: of torchdiffeq. tolerance: relative and absolute, of the
            adaptive methods. steps: of a fixed method; of an adaptive one the most that it takes: no step is shorter
            than 1/steps, and one of that length is taken whatever its error.

    Returns:
        [N, C]; NaN where an adaptive method meets a value that is not finite.
    """
    adaptive = method in ADAPTIVE
    options = {"min_step": 1 / steps} if adaptive else {"step_size": 1 / steps}
    time = torch.tensor([0.0, 1.0], dtype=frame.dtype, device=frame.device)
    relative, absolute = tolerance
    try:
        result = require_torchdiffeq()(rate, frame, time, rtol=relative, atol=absolute, method=method, options=options)
    except AssertionError:  # how torchdiffeq says that a value is not finite
        return frame * torch.nan
    return result[1]
