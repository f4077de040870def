"""Values of nodes at the ends of edges, and sums of edges at nodes; each is the other's derivative."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pdgn.nn.incidence import Incidence
from pdgn.nn.kernels import segments as kernels
from pdgn.nn.kernels.compiled import usable

# On a CPU these have a vectorised kernel that sums segments; for float64 a scatter is faster.
SEGMENT_TYPES = (torch.float32, torch.bfloat16, torch.float16)


def gather_source(x: Tensor, graph: Incidence) -> Tensor:
    """x_j at the source of every edge: [N, C] → [E, C]."""
    return _Gather.apply(x, graph.source, graph.by_source, graph.source_ptr)


def gather_target(x: Tensor, graph: Incidence) -> Tensor:
    """x_i at the target of every edge: [N, C] → [E, C]."""
    return _Gather.apply(x, graph.target, graph.by_target, graph.target_ptr)


def sum_at_source(edge: Tensor, graph: Incidence) -> Tensor:
    """Σ over the edges that leave a node: [E, C] → [N, C], 0 where there is none."""
    graph.require_rows("edge", edge)
    return _Sum.apply(edge, graph.source, graph.by_source, graph.source_ptr)


def sum_at_target(edge: Tensor, graph: Incidence) -> Tensor:
    """Σ over the edges that arrive at a node: [E, C] → [N, C], 0 where there is none."""
    graph.require_rows("edge", edge)
    return _Sum.apply(edge, graph.target, graph.by_target, graph.target_ptr)


def mean_at_target(edge: Tensor, graph: Incidence) -> Tensor:
    """Mean over the edges that arrive at a node: [E, C] → [N, C], 0 where there is none."""
    degree = graph.target_ptr.diff().clamp(min=1).unsqueeze(1)
    return sum_at_target(edge, graph) / degree.to(edge.dtype)


def segment_sum(edge: Tensor, end: Tensor, order: Tensor, ptr: Tensor) -> Tensor:
    """The sums of segments of the edges in a given order, without derivative.

    Args:
        edge: [E, C]. end: node of each edge, [E]. order: [E]. ptr: [N + 1].

    Returns:
        [N, C].
    """
    if edge.size(1) > 0 and usable(edge):
        return kernels.segment_sum(edge.detach(), order, ptr)
    if edge.dtype in SEGMENT_TYPES and edge.size(1) > 0:
        return functional.embedding_bag(order, edge.detach().contiguous(), ptr, mode="sum", include_last_offset=True)
    return edge.new_zeros(ptr.size(0) - 1, edge.size(1)).index_add_(0, end, edge.detach())


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, end: Tensor, order: Tensor, ptr: Tensor) -> Tensor:
        ctx.save_for_backward(end, order, ptr)
        return x.index_select(0, end)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        return _Sum.apply(grad, *ctx.saved_tensors), None, None, None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, edge: Tensor, end: Tensor, order: Tensor, ptr: Tensor) -> Tensor:
        ctx.save_for_backward(end, order, ptr)
        return segment_sum(edge, end, order, ptr)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        return _Gather.apply(grad, *ctx.saved_tensors), None, None, None
