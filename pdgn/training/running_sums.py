"""Sums over an epoch that stay on the device until it ends."""

from __future__ import annotations

import torch
from torch import Tensor

from pdgn.training.share import sum_over_processes


class RunningSums:
    """Sums of tensors in float64, by name, over batches and over processes; nothing waits for the device to add."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}

    def add(self, name: str, value: Tensor) -> None:
        """Adds a batch's value.

        Args:
            name: which sum.
            value: any shape, always the same for one name; detached.
        """
        value = value.detach().double()
        self._sums[name] = self._sums[name] + value if name in self._sums else value

    def take(self) -> dict[str, Tensor]:
        """The sums over all batches and processes since the last call, float64; begins again from nothing.

        Returns:
            Name → sum. All processes must have added the same names in the same order.
        """
        names, sums = list(self._sums), list(self._sums.values())
        self._sums = {}
        if not names:
            return {}
        total = sum_over_processes(torch.cat([value.flatten() for value in sums]))
        parts = total.split([value.numel() for value in sums])
        return {name: part.view(value.shape) for name, part, value in zip(names, parts, sums)}
