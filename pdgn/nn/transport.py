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
    By the kernels, only the signal and the weights are kept for the backward pass.

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
    x, weight = x.to(dtype), weight.to(dtype)
    return _Transport.apply(x, graph, weight) if usable(x, weight) else _plain(x, graph, weight)


def _plain(x: Tensor, graph: Incidence, weight: Tensor) -> Tensor:
    """The equation as it stands."""
    difference = gather_source(x, graph) - gather_target(x, graph)
    if weight.dim() == 2:
        return sum_at_target(weight * difference, graph)
    return sum_at_target(torch.bmm(weight, difference.unsqueeze(2)).squeeze(2), graph)


class _Transport(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, graph: Incidence, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.graph = graph
        return kernels.forward(x, graph, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        needed, again = (ctx.needs_input_grad[0], ctx.needs_input_grad[2]), torch.is_grad_enabled()
        if usable(grad) and not again:
            by_x, by_weight = kernels.backward(x, ctx.graph, weight, grad, needed)
            return by_x, None, by_weight
        with torch.enable_grad():
            x, weight = inputs = apart((x, weight))
            wanted = [tensor for tensor, need in zip(inputs, needed) if need]
            found = iter(torch.autograd.grad(_plain(x, ctx.graph, weight), wanted, grad, create_graph=again))
        by_x, by_weight = (next(found) if need else None for need in needed)
        return by_x, None, by_weight
