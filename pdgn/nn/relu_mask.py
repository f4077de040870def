"""A ReLU that keeps one byte a number for the backward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def masked_relu(x: Tensor) -> Tensor:
    """ReLU(x), in place: keeps where it is open, a quarter of x itself. For results that nobody else keeps.

    Args:
        x: of any shape; changed, as by :func:`torch.relu_`, whether or not a derivative is wanted.

    Returns:
        x.
    """
    return _MaskedRelu.apply(x)


class _MaskedRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.mark_dirty(x)
        x.relu_()
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(x > 0)
        return x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (is_open,) = ctx.saved_tensors
        return torch.where(is_open, grad, 0)
