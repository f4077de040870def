"""Functions of the values at a node that operator networks are made of."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

SLOPE_STEP = 1e-2  # size of a numerical derivative of normalised values
SOFTPLUS_ONE = math.log(math.e - 1)  # softplus of it is 1


def positive(x: Tensor) -> Tensor:
    """A number > 0 that is 1 at 0."""
    return softplus(x + SOFTPLUS_ONE)


def perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two hidden layers with SiLU."""
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, outputs)
    )


def slope(function: Callable[[Tensor], Tensor], frame: Tensor) -> Tensor:
    """∂(function)/∂f at every node, [N, C, C], by differences; of a function [N, C] → [N, C] of each node apart."""
    base, columns = function(frame), []
    for channel in range(frame.size(1)):
        moved = frame.clone()
        moved[:, channel] += SLOPE_STEP
        columns.append((function(moved) - base) / SLOPE_STEP)
    return torch.stack(columns, dim=2)
