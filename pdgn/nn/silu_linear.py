"""A linear layer behind a SiLU, which keeps one tensor for the backward pass and not two."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pdgn.nn.memory_pool import linear


def silu_linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    r"""The second half of a perceptron, :math:`y = W\,\mathrm{SiLU}(x) + b`.

    SiLU(x) is computed again in the backward pass; x is the only tensor of its size that is kept.

    Args:
        x: [M, H], before the activation. weight: W, [O, H]. bias: b, [O].

    Returns:
        [M, O].
    """
    return _SiluLinear.apply(x, weight, bias)


class _SiluLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return linear(functional.silu(x), weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        active, matrix = functional.silu(x), weight.to(grad.dtype)
        by_weight = grad.t() @ active.to(grad.dtype)
        by_x = _silu_backward((grad @ matrix).to(x.dtype), x)
        return by_x, by_weight.to(weight.dtype), grad.sum(dim=0).to(weight.dtype)


def _silu_backward(grad: Tensor, x: Tensor) -> Tensor:
    if not torch.is_grad_enabled():
        return torch.ops.aten.silu_backward(grad, x)
    sigmoid = torch.sigmoid(x)
    return grad * sigmoid * (1 + x * (1 - sigmoid))
