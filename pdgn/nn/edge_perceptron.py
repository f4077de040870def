"""The perceptron of an edge, whose hidden layer exists for one slice of the edges at a time."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from pdgn.nn.edge_slices import EdgeSlice, edge_slices
from pdgn.nn.incidence import Incidence
from pdgn.nn.large_tensor import empty
from pdgn.nn.segments import gather_source, gather_target

Activation = Literal["relu", "silu"]


def edge_perceptron(
    target: Tensor,
    source: Tensor,
    edge: Tensor,
    graph: Incidence,
    first: Tensor,
    second: Tensor,
    bias: Tensor,
    activation: Activation = "silu",
) -> Tensor:
    r"""Two layers of an edge whose node terms are given.

    .. math::
        y_{ij} = W_2\,\sigma(t_i + s_j + W_1 e_{ij}) + b

    The hidden layer is never whole and never kept: of tensors of the size of the edges, e alone is kept for the
    backward pass, which computes it again (of a forward pass the cost of W_1 e).

    Args:
        target, source: t and s, [N, H]. edge: e, [E, R]; R may be 0. graph: E edges. first: W_1, [H, R].
        second: W_2, [O, H]. bias: b, [O]. activation: σ.

    Returns:
        y, [E, O], in the dtype of t.
    """
    dtype = target.dtype  # under autocast all of it in the lower precision, as the node terms come
    tensors = (tensor.to(dtype) for tensor in (target, source, edge, first, second, bias))
    return _EdgePerceptron.apply(graph, activation, *tensors)


def _hidden(part: EdgeSlice, target: Tensor, source: Tensor, edge: Tensor, first: Tensor) -> Tensor:
    """t_i + s_j + W_1 e_ij of a slice, [e, H]."""
    graph = part.graph
    out = target.index_select(0, part.of(graph.target))
    out += source.index_select(0, part.of(graph.source))
    return out.addmm_(part.of(edge), first.t()) if edge.size(1) > 0 else out


class _EdgePerceptron(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, graph: Incidence, activation: Activation, *inputs: Tensor) -> Tensor:
        ctx.save_for_backward(*inputs)
        ctx.graph, ctx.activation = graph, activation
        target, source, edge, first, second, bias = inputs
        activate = functional.relu if activation == "relu" else functional.silu
        out = empty((edge.size(0), second.size(0)), like=target)
        for part in edge_slices(graph, max(second.shape)):
            active = activate(_hidden(part, target, source, edge, first), inplace=True)
            torch.addmm(bias, active, second.t(), out=part.of(out))
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        inputs, graph = ctx.saved_tensors, ctx.graph
        if torch.is_grad_enabled():
            return None, None, *_derive_again(graph, ctx.activation, inputs, grad, ctx.needs_input_grad[2:])
        target, source, edge, first, second, _ = inputs
        results = [torch.zeros_like(tensor) for tensor in (target, source)]
        by_edge = empty(edge.shape, like=edge) if ctx.needs_input_grad[4] else None
        by_first, by_second = torch.zeros_like(first), torch.zeros_like(second)
        for part in edge_slices(graph, max(second.shape)):
            arriving, hidden = part.of(grad), _hidden(part, target, source, edge, first)
            if ctx.activation == "relu":
                active = hidden.relu_()
                through = torch.ops.aten.threshold_backward(arriving @ second, active, 0)
            else:
                active = functional.silu(hidden)
                through = torch.ops.aten.silu_backward(arriving @ second, hidden)
            by_second.addmm_(arriving.t(), active)
            part.add_at_target(through, results[0])
            part.add_at_source(through, results[1])
            if edge.size(1) > 0:
                by_first.addmm_(through.t(), part.of(edge))
                if by_edge is not None:
                    torch.mm(through, first, out=part.of(by_edge))
        return None, None, *results, by_edge, by_first, by_second, grad.sum(dim=0)


def _derive_again(
    graph: Incidence, activation: Activation, inputs: tuple[Tensor, ...], grad: Tensor, needed: tuple[bool, ...]
) -> list[Tensor | None]:
    """The derivatives such that they can be derived again, from the equation as it stands."""
    with torch.enable_grad():
        target, source, edge, first, second, bias = inputs
        hidden = gather_target(target, graph) + gather_source(source, graph) + functional.linear(edge, first)
        out = functional.linear(getattr(functional, activation)(hidden), second, bias)
        wanted = [tensor for tensor, need in zip(inputs, needed) if need]
        results = iter(torch.autograd.grad(out, wanted, grad, create_graph=True, allow_unused=True))
    return [next(results) if need else None for need in needed]
