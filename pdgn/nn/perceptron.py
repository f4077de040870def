"""A perceptron of rows, whose hidden layer exists for one block of them at a time where the kernels can be used."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pdgn.nn.apart import apart
from pdgn.nn.kernels import edge_perceptron as kernels
from pdgn.nn.kernels.compiled import UNIT, usable


def relu_perceptron(x: Tensor, hidden: nn.Linear, out: nn.Linear) -> Tensor:
    """W_2 ReLU(W_1 x + b_1) + b_2: [M, R] → [M, O]; the kernels keep x alone for the backward pass."""
    weights = hidden.weight, hidden.bias, out.weight, out.bias
    fits = hidden.out_features % UNIT == 0 and x.dim() == 2 and x.size(1) == hidden.in_features
    if not fits or not usable(x, *weights):
        return out(functional.relu_(hidden(x)))
    return _ReluPerceptron.apply(x, *weights)


class _ReluPerceptron(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Tensor) -> Tensor:
        x, first, first_bias, second, bias = inputs
        ctx.save_for_backward(*inputs)
        return kernels.forward(None, "relu", x.contiguous(), first_bias, first, second, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, first, first_bias, second, bias = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _derive_again(ctx.saved_tensors, grad, ctx.needs_input_grad)
        given = x.contiguous(), first_bias, first, second, grad.contiguous(), ctx.needs_input_grad[0]
        found = kernels.backward(None, "relu", *given)
        return found.by_edge, found.by_first, found.by_first_bias, found.by_second, found.by_bias


def _derive_again(inputs: Any, grad: Tensor, needed: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
    """The derivatives such that they can be derived again, from the equation as it stands."""
    with torch.enable_grad():
        x, first, first_bias, second, bias = inputs = apart(inputs)
        out = functional.linear(functional.linear(x, first, first_bias).relu(), second, bias)
        wanted = [tensor for tensor, need in zip(inputs, needed) if need]
        results = iter(torch.autograd.grad(out, wanted, grad, create_graph=True, allow_unused=True))
    return tuple(next(results) if need else None for need in needed)
