"""A difference across an edge by two coefficients, which keeps nothing of its own size for the backward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def message(a: Tensor, b: Tensor, source: Tensor, target: Tensor) -> Tensor:
    r"""Messages of edges, :math:`m_{ij} = a_{ij} (f_i - b_{ij} f_j)`.

    The difference is made again in the backward pass: a and b, views of what a network gives, are all that is kept of
    the size of the result.

    Args:
        a, b: [E, K, C]. source: f_j, target: f_i, [E, C].

    Returns:
        [E, K, C].
    """
    return _Message.apply(a, b, source.unsqueeze(1), target.unsqueeze(1))


class _Message(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, source: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(a, b, source, target)
        return a * torch.addcmul(target, b, source, value=-1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b, source, target = ctx.saved_tensors
        needed, through = ctx.needs_input_grad, grad * a
        return (
            grad * (target - b * source) if needed[0] else None,
            -through * source if needed[1] else None,
            -(through * b).sum(dim=1, keepdim=True) if needed[2] else None,
            through.sum(dim=1, keepdim=True) if needed[3] else None,
        )
