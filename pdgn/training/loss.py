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
    return increment_error(prediction, data) / reading_count(data).clamp(min=1)


def increment_error(prediction: Tensor, data: Data) -> Tensor:
    """The numerator of `increment_loss`, Σ ((prediction − y)/s)² over readings and channels.

    Args:
        prediction: [N, H, C], normalised.
        data: as there.

    Returns:
        The sum, [].
    """
    error = (prediction - data.y) / increment_scale(data, data.y[:, 0]).unsqueeze(1)
    return torch.where(data.y_mask.unsqueeze(-1), error, 0.0).square().sum()


def reading_count(data: Data) -> Tensor:
    """The denominator of `increment_loss`: how many readings count, times channels.

    Args:
        data: as there.

    Returns:
        The number, [] int64.
    """
    return data.y_mask.sum() * data.y.size(-1)


def error_sums(prediction: Tensor, truth: Tensor, mask: Tensor) -> ErrorSums:
    """Sums of absolute and squared errors, in float64 on the device.

    Args:
        prediction: [N, H, C] in physical units.
        truth: [N, H, C] in physical units.
        mask: [N, H], true where the truth is a reading. A NaN that counts stays NaN.

    Returns:
        The sums.
    """
    error = torch.where(mask.unsqueeze(-1), prediction - truth, 0.0).double()
    return ErrorSums(error.abs().sum((0, 1)), error.square().sum((0, 1)), mask.sum())
