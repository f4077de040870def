"""Weighted differences and their derivative, slice by slice of the edges."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from pdgn.nn.apart import apart
from pdgn.nn.edge_slices import EdgeSlice, edge_slices
from pdgn.nn.incidence import Incidence
from pdgn.nn.kernels import differences as kernels
from pdgn.nn.kernels.compiled import usable
from pdgn.nn.memory_pool import empty_again
from pdgn.nn.segments import gather_source, gather_target, sum_at_target


def differences(x: Tensor, graph: Incidence, w1: Tensor, w2: Tensor, v1: Tensor, v2: Tensor) -> tuple[Tensor, Tensor]:
    r"""(gradient, laplacian), with the weights and the signal kept for the backward pass and nothing else.

    .. math::
        g_{ij} = w^1_{ij} (f_j - w^2_{ij} f_i), \qquad l_i = \sum_{j \to i} v^1_{ij} (f_i - v^2_{ij} f_j)

    Args:
        x: f, [N, C]. graph: E edges. w1, w2, v1, v2: [E, K, C], or what can be expanded to it.

    Returns:
        ([E, K, C], [N, K, C]), in the dtype that x and the weights have in common.

    Raises:
        ValueError: the weights do not fit the edges, or the channels of the signal.
    """
    weights, rows = (w1, w2, v1, v2), graph.source.size(0)
    try:
        shape = torch.broadcast_shapes(*(weight.shape for weight in weights), (rows, 1, x.size(1)))
    except RuntimeError:
        shape = torch.Size()
    if {weight.dim() for weight in weights} != {3} or shape[::2] != (rows, x.size(1)):
        given = ", ".join(str(list(weight.shape)) for weight in weights)
        raise ValueError(f"weights: wanted [{rows}, K, {x.size(1)}] each, given {given}")
    dtype = functools.reduce(torch.promote_types, (weight.dtype for weight in weights), x.dtype)
    return _Differences.apply(x.to(dtype), graph, *(weight.to(dtype).expand(shape) for weight in weights))


def _plain(x: Tensor, graph: Incidence, w1: Tensor, w2: Tensor, v1: Tensor, v2: Tensor) -> tuple[Tensor, Tensor]:
    """The equations as they stand, for derivatives of second order."""
    source, target = gather_source(x, graph).unsqueeze(1), gather_target(x, graph).unsqueeze(1)
    terms = v1 * (target - v2 * source)
    return w1 * (source - w2 * target), sum_at_target(terms.flatten(1), graph).view(x.size(0), *v1.shape[1:])


class _Differences(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, graph: Incidence, w1: Tensor, w2: Tensor, v1: Tensor, v2: Tensor
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x, w1, w2, v1, v2)
        ctx.graph = graph
        ctx.set_materialize_grads(False)
        if usable(x, w1, w2, v1, v2) and w1.numel() > 0:
            return kernels.forward(x, graph, w1, w2, v1, v2)
        gradient = empty_again(w1.shape, x)
        laplacian = x.new_zeros(x.size(0), *v1.shape[1:])
        for part in edge_slices(graph, w1[:1].numel()):
            source, target = part.at_source(x), part.at_target(x)
            torch.addcmul(source, part.of(w2), target, value=-1, out=part.of(gradient)).mul_(part.of(w1))
            terms = torch.addcmul(target, part.of(v2), source, value=-1).mul_(part.of(v1))
            part.add_at_target(terms, laplacian)
        return gradient, laplacian

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None, laplacian: Tensor | None) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad
        if torch.is_grad_enabled():
            return _derive_again(ctx.graph, ctx.saved_tensors, (gradient, laplacian), needed)
        x, w1, w2, v1, v2 = ctx.saved_tensors
        if usable(x, w1, w2, v1, v2) and w1.numel() > 0:
            grads, wanted = (gradient, laplacian), (needed[0], *needed[2:])
            by_x, *by_weight = kernels.backward(x, ctx.graph, (w1, w2, v1, v2), grads, wanted)
            return by_x, None, *by_weight
        gradient = w1.new_zeros(()).expand(w1.shape) if gradient is None else gradient
        laplacian = x.new_zeros(()).expand(x.size(0), *v1.shape[1:]) if laplacian is None else laplacian
        by_weight = [empty_again(w1.shape, x) if wanted else None for wanted in needed[2:]]
        by_x = x.new_zeros(x.size(0), 1, x.size(1)) if needed[0] else None
        for part in edge_slices(ctx.graph, w1[:1].numel()):
            source, target = part.at_source(x), part.at_target(x)
            arriving = laplacian.index_select(0, part.of(ctx.graph.target))
            along = _by_weights(part, part.of(gradient), (source, target), (w1, w2), by_weight[:2])
            across = _by_weights(part, arriving, (target, source), (v1, v2), by_weight[2:])
            if by_x is not None:
                part.add_at_source(_over_kernels(torch.addcmul(along, across, part.of(v2), value=-1)), by_x)
                part.add_at_target(_over_kernels(across.addcmul_(along, part.of(w2), value=-1)), by_x)
        return None if by_x is None else by_x.squeeze(1), None, *by_weight


def _by_weights(
    part: EdgeSlice,
    grad: Tensor,
    values: tuple[Tensor, Tensor],
    weights: tuple[Tensor, Tensor],
    results: list[Tensor | None],
) -> Tensor:
    """Writes the derivatives of w (a − u b) by w and u, (a, b) the values at two ends, to the results; gives grad w."""
    (first, second), (weight, ratio) = values, (part.of(weight) for weight in weights)
    by_weight, by_ratio = (None if result is None else part.of(result) for result in results)
    through = grad * weight
    if by_weight is not None:
        torch.addcmul(first, ratio, second, value=-1, out=by_weight).mul_(grad)
    if by_ratio is not None:
        torch.mul(through, second, out=by_ratio).neg_()
    return through


def _over_kernels(values: Tensor) -> Tensor:
    return values if values.size(1) == 1 else values.sum(dim=1, keepdim=True)


def _derive_again(graph: Incidence, inputs: Any, grads: Any, needed: Any) -> tuple[Tensor | None, ...]:
    with torch.enable_grad():
        x, *weights = inputs = apart(inputs)
        outs = _plain(x, graph, *weights)
        pairs = [(out, grad) for out, grad in zip(outs, grads) if grad is not None and out.requires_grad]
        wanted = [tensor for tensor, need in zip(inputs, (needed[0], *needed[2:])) if need]
        results = iter(
            torch.autograd.grad(
                [out for out, _ in pairs], wanted, [g for _, g in pairs], create_graph=True, allow_unused=True
            )
        )
    by_x, *by_weight = (next(results) if need else None for need in (needed[0], *needed[2:]))
    return by_x, None, *by_weight
