"""Whether losses and gradients stay finite."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Diverged(NamedTuple):
    """The first step that was not finite.

    Args:
        what: "loss" or "norm of the gradient".
        value: NaN or infinity.
        batch: number of the batch in its epoch, from 0.
    """

    what: str
    value: float
    batch: int


class FiniteGuard:
    """Remembers, on the device, the first step whose loss or gradient was not finite; nothing waits for the device.

    Args:
        device: where the losses are.
    """

    def __init__(self, device: torch.device | str) -> None:
        # Batch (-1: none yet), loss and norm; float64 holds any batch number.
        self._first = torch.tensor([-1.0, 0.0, 0.0], dtype=torch.float64, device=device)

    def note(self, loss: Tensor, norm: Tensor, batch: int) -> Tensor:
        """Takes in one step.

        Args:
            loss: [].
            norm: norm of the gradient, [].
            batch: number of the batch in its epoch, from 0.

        Returns:
            1 where the step must change nothing, else 0: [] float32, what torch's fused optimisers call `found_inf`.
        """
        loss, norm = loss.detach().double(), norm.detach().double()
        bad = ~(torch.isfinite(loss) & torch.isfinite(norm))
        step = torch.stack([torch.full_like(loss, batch), loss, norm])
        self._first = torch.where(bad & (self._first[0] < 0), step, self._first)
        return bad.float()

    def first(self) -> Diverged | None:
        """The first step that was not finite; waits for the device.

        Returns:
            It; None where all were finite.
        """
        batch, loss, norm = self._first.tolist()
        if batch < 0:
            return None
        if math.isfinite(loss):
            return Diverged("norm of the gradient", norm, int(batch))
        return Diverged("loss", loss, int(batch))
