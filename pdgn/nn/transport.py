"""Sums of weighted differences to the neighbours: what a linear operator brings to each node."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pdgn.nn.apart import apart
from pdgn.nn.incidence import Incidence
from pdgn.nn.kernels import transport as kernels
from pdgn.nn.kernels.compiled import usable
from pdgn.nn.segments import gather_source, gather_target, sum_at_target


def transport(x: Tensor, graph: Incidence, weight: Tensor) -> Tensor:
    r"""What the neighbours bring to each node.

    .. math::
        o_i = \sum_{j \to i} w_{ij} (f_j - f_i)

    A positive w is a diffusion (the sign of Δ, opposite to that of the stiffness matrix); constants give 0 always.
    Only the signal and the weights are kept for the backward pass.

    Args:
        x: f, [N, C]. graph: E edges. weight: w, [E, C], or [E, C, C] with the row of the channel that changes.

    Returns:
        [N, C], in the dtype that x and the weights have in common.

    Raises:
        ValueError: the weights do not fit the edges, or the channels of the signal.
    """
    edges, channels = graph.source.size(0), x.size(1)
    if list(weight.shape) not in ([edges, channels], [edges, channels, channels]):
        shapes = f"[{edges}, {channels}] or [{edges}, {channels}, {channels}]"
        raise ValueError(f"weight: wanted {shapes}, given {list(weight.shape)}")
    dtype = torch.promote_types(x.dtype, weight.dtype)
    return _Transport.apply(x.to(dtype), graph, weight.to(dtype))


def _plain(x: Tensor, graph: Incidence, weight: Tensor) -> Tensor:
    return sum_at_target(_moved(weight, gather_source(x, graph) - gather_target(x, graph)), graph)


def _moved(weight: Tensor, difference: Tensor) -> Tensor:
    return weight * difference if weight.dim() == 2 else torch.bmm(weight, difference.unsqueeze(2)).squeeze(2)


class _Transport(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, graph: Incidence, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.graph = graph
        return kernels.forward(x, graph, weight) if usable(x, weight) else _plain(x, graph, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad[0], ctx.needs_input_grad[2]
        x, weight = ctx.saved_tensors
        if torch.is_grad_enabled():
            with torch.enable_grad():
                inputs = apart((x, weight))
                wanted = [tensor for tensor, need in zip(inputs, needed) if need]
                out = _plain(inputs[0], ctx.graph, inputs[1])
                found = iter(torch.autograd.grad(out, wanted, grad, create_graph=True))
            by_x, by_weight = (next(found) if need else None for need in needed)
            return by_x, None, by_weight
        if usable(x, weight, grad):
            by_x, by_weight = kernels.backward(x, ctx.graph, weight, grad, needed)
            return by_x, None, by_weight
        arriving = gather_target(grad, ctx.graph)
        by_x = by_weight = None
        if needed[0]:
            across = _moved(weight if weight.dim() == 2 else weight.transpose(1, 2), arriving)
            ends = ctx.graph.source, ctx.graph.target
            by_x = torch.zeros_like(x).index_add_(0, ends[0], across).index_add_(0, ends[1], across, alpha=-1)
        if needed[1]:
            difference = gather_source(x, ctx.graph) - gather_target(x, ctx.graph)
            by_weight = arriving * difference if weight.dim() == 2 else torch.einsum("ed,ec->edc", arriving, difference)
        return by_x, None, by_weight
