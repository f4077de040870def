"""What is optimised, and the errors that are watched."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Data

from pdgn.models.sample import increment_scale


class ErrorSums(NamedTuple):
    """Sums over the readings that count, from which means over many batches are exact.

    Args:
        absolute: Σ |error| per channel, [C], in the field's unit.
        squared: Σ error² per channel, [C], in the field's unit squared.
        readings: number of readings, [].
    """

    absolute: Tensor
    squared: Tensor
    readings: Tensor


def increment_loss(prediction: Tensor, data: Data) -> Tensor:
    """Mean squared error in units of the signal's own change per frame.

    loss = mean over readings and channels of ((prediction − y)/s)², with s the standard deviation of the one-step
    increments of the normalised training signal. An error of one typical step weighs the same in a slow field (s =
    0.01) and in a fast one (s = 1), so the learning rate, the clipping and the patience mean the same in both.

    Args:
        prediction: [N, H, C], normalised.
        data: normalised sample or batch with y [N, H, C], y_mask [N, H] and, per graph, increment_scale [B, C].

    Returns:
        The loss, []; zero where no reading counts.
    """
    error = (prediction - data.y) / increment_scale(data, data.y[:, 0]).unsqueeze(1)
    mask = data.y_mask.unsqueeze(-1)
    total = torch.where(mask, error, 0.0).square().sum()
    return total / (data.y_mask.sum() * prediction.size(-1)).clamp(min=1)


def error_sums(prediction: Tensor, truth: Tensor, mask: Tensor) -> ErrorSums:
    """Sums of absolute and squared errors, in float64 on the CPU.

    Args:
        prediction: [N, H, C] in physical units.
        truth: [N, H, C] in physical units.
        mask: [N, H], true where the truth is a reading. A NaN that counts stays NaN.

    Returns:
        The sums.
    """
    error = torch.where(mask.unsqueeze(-1), prediction - truth, 0.0).cpu().double()
    return ErrorSums(error.abs().sum((0, 1)), error.square().sum((0, 1)), mask.sum().cpu())
