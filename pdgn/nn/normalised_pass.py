"""Edge → node → edge with batch normalisation, which keeps one tensor of the edges and one of the nodes."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from pdgn.nn.apart import apart
from pdgn.nn.incidence import Incidence
from pdgn.nn.kernels import edge_perceptron as kernels
from pdgn.nn.kernels.compiled import UNIT, usable
from pdgn.nn.node_terms import derive_node_terms, node_terms
from pdgn.nn.segments import gather_source, gather_target, segment_sum, sum_at_source, sum_at_target


class Layers(NamedTuple):
    """Weights of the pass, in the order in which it reads them; W [O, R], b [O]."""

    target: Tensor
    source: Tensor
    first_bias: Tensor
    first: Tensor  # of no inputs, [H, 0]
    second: Tensor
    second_bias: Tensor
    edge_gain: Tensor
    edge_shift: Tensor
    node_first: Tensor
    node_first_bias: Tensor
    node_second: Tensor
    node_second_bias: Tensor
    node_gain: Tensor
    node_shift: Tensor
    last_target: Tensor
    last_source: Tensor
    last_first_bias: Tensor
    last_first: Tensor
    last_second: Tensor
    last_bias: Tensor


def normalised_pass(x: Tensor, graph: Incidence, layers: Layers, edge_norm: nn.Module, node_norm: nn.Module) -> Tensor:
    r"""The coefficients of edges of :class:`~pdgn.models.published_blocks.CoefficientNetwork` with normalisation.

    Of the pass, the two tensors that go into a normalisation are kept, [E, H] and [N, H]; what comes out of it and its
    ReLU, and the sums over edges, are made again in the backward pass. Running statistics are updated as by torch.

    Args:
        x: [N, D]. graph: E edges. layers: the weights. edge_norm, node_norm: see :func:`fits`.

    Returns:
        [E, O].
    """
    return _NormalisedPass.apply(graph, edge_norm, node_norm, x, *layers)


def fits(x: Tensor, graph: Incidence, layers: Layers, *norms: nn.Module) -> bool:
    """Whether the pass takes these: what the kernels take, and normalisations as torch builds them, of ≥ 2 rows."""
    return (
        all(type(norm) is nn.BatchNorm1d and norm.affine and norm.track_running_stats for norm in norms)
        and layers.second.size(0) % UNIT == 0
        and min(x.size(0), graph.source.size(0)) > 1
        and usable(x, *layers)
    )


class _Norm(NamedTuple):
    """What a normalisation takes off and multiplies with, [H] each, and whether these are the rows' own."""

    mean: Tensor
    inverse: Tensor
    own: bool

    def active(self, values: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
        """ReLU of the normalised values."""
        scale = gain * self.inverse
        return torch.addcmul(shift - self.mean * scale, values, scale).relu_()

    def back(self, grad: Tensor, values: Tensor, active: Tensor, gain: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Derivatives by values, gain and shift from that by what is active."""
        grad = torch.ops.aten.threshold_backward(grad, active, 0)
        if self.own:
            mask = [True, True, True]
            given = gain, None, None, self.mean, self.inverse, True, 0.0, mask
            return torch.ops.aten.native_batch_norm_backward(grad, values, *given)
        by_gain = (grad * (values - self.mean)).sum(dim=0) * self.inverse
        return grad * (gain * self.inverse), by_gain, grad.sum(dim=0)


def _normalise(norm: nn.BatchNorm1d, values: Tensor) -> tuple[_Norm, Tensor]:
    """The statistics of a normalisation, whose running ones follow as by torch, and ReLU of what it gives."""
    given = norm.weight, norm.bias, norm.running_mean, norm.running_var
    if not norm.training:
        inverse = (norm.running_var + norm.eps).rsqrt()  # type: ignore[operator, union-attr]
        found = _Norm(norm.running_mean.clone(), inverse, False)  # type: ignore[union-attr]
        return found, found.active(values, norm.weight, norm.bias)
    norm.num_batches_tracked.add_(1)  # type: ignore[union-attr]
    momentum = 1.0 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum  # type: ignore[arg-type]
    out, mean, inverse = torch.native_batch_norm(values, *given, True, momentum, norm.eps)
    return _Norm(mean, inverse, True), out.relu_()


def _node_inputs(x: Tensor, edge: Tensor, graph: Incidence) -> Tensor:
    leaving = segment_sum(edge, graph.source, graph.by_source, graph.source_ptr)
    return torch.cat([x, leaving, segment_sum(edge, graph.target, graph.by_target, graph.target_ptr)], dim=1)


class _NormalisedPass(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, graph: Incidence, edge_norm: nn.BatchNorm1d, node_norm: nn.BatchNorm1d, x: Tensor, *weights: Tensor
    ) -> Tensor:
        w = Layers(*weights)
        nothing = x.new_empty(graph.source.size(0), 0)
        terms = node_terms(x, w.target, w.source, w.first_bias)
        edge = kernels.forward(graph, "relu", nothing, terms, w.first, w.second, w.second_bias)
        edge_stats, active = _normalise(edge_norm, edge)
        inputs = _node_inputs(x, active, graph)
        rows = w.node_first_bias, w.node_first, w.node_second, w.node_second_bias
        node = kernels.forward(None, "relu", inputs, *rows)
        node_stats, active_node = _normalise(node_norm, node)
        ctx.graph, ctx.own = graph, (edge_stats.own, node_stats.own)
        ctx.save_for_backward(x, *weights, edge, *edge_stats[:2], node, *node_stats[:2])
        terms = node_terms(active_node, w.last_target, w.last_source, w.last_first_bias)
        return kernels.forward(graph, "relu", active, terms, w.last_first, w.last_second, w.last_bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        x, *weights, edge, edge_mean, edge_inverse, node, node_mean, node_inverse = ctx.saved_tensors
        w, graph = Layers(*weights), ctx.graph
        norms = _Norm(edge_mean, edge_inverse, ctx.own[0]), _Norm(node_mean, node_inverse, ctx.own[1])
        if torch.is_grad_enabled():
            return None, None, None, *_derive_again(graph, norms, (x, *weights), grad, ctx.needs_input_grad[3:])
        active = norms[0].active(edge, w.edge_gain, w.edge_shift)
        active_node = norms[1].active(node, w.node_gain, w.node_shift)
        terms = node_terms(active_node, w.last_target, w.last_source, w.last_first_bias)
        given = active, terms, w.last_first, w.last_second, grad.contiguous()
        last = kernels.backward(graph, "relu", *given, edge_needed=True)
        by_node, *by_last = derive_node_terms(last.by_terms, active_node, w.last_target, w.last_source, True)
        assert by_node is not None and last.by_edge is not None
        by_node, *by_node_norm = norms[1].back(by_node, node, active_node, w.node_gain)
        given = _node_inputs(x, active, graph), w.node_first_bias, w.node_first, w.node_second, by_node
        rows = kernels.backward(None, "relu", *given, edge_needed=True)
        by_inputs = rows.by_edge
        assert by_inputs is not None
        by_x, leaving, arriving = by_inputs.split([x.size(1), *[w.second.size(0)] * 2], dim=1)
        by_edge = last.by_edge.add_(leaving.index_select(0, graph.source))
        by_edge.add_(arriving.index_select(0, graph.target))
        by_edge, *by_edge_norm = norms[0].back(by_edge, edge, active, w.edge_gain)
        terms = node_terms(x, w.target, w.source, w.first_bias)
        nothing = x.new_empty(edge.size(0), 0)
        first = kernels.backward(graph, "relu", nothing, terms, w.first, w.second, by_edge, edge_needed=False)
        by_x_too, *by_first = derive_node_terms(first.by_terms, x, w.target, w.source, ctx.needs_input_grad[3])
        by_x = None if by_x_too is None else by_x + by_x_too
        return (
            *(None, None, None, by_x),
            *(*by_first, first.by_first_bias, first.by_first, first.by_second, first.by_bias, *by_edge_norm),
            *(rows.by_first, rows.by_first_bias, rows.by_second, rows.by_bias, *by_node_norm),
            *(*by_last, last.by_first_bias, last.by_first, last.by_second, last.by_bias),
        )


def _derive_again(graph: Incidence, norms: Any, inputs: Any, grad: Tensor, needed: Any) -> list[Tensor | None]:
    """The derivatives such that they can be derived again, from the equations as they stand."""

    def relu_norm(values: Tensor, norm: _Norm, gain: Tensor, shift: Tensor) -> Tensor:
        if not norm.own:
            return ((values - norm.mean) * norm.inverse * gain + shift).relu()
        away = values - values.mean(dim=0)
        # The kept statistics hold eps; added as a constant, it leaves the derivative of the variance as it is.
        eps = norm.inverse.pow(-2) - away.detach().square().mean(dim=0)
        return (away * (away.square().mean(dim=0) + eps).rsqrt() * gain + shift).relu()

    with torch.enable_grad():
        inputs = apart(inputs)
        x, w = inputs[0], Layers(*inputs[1:])

        def at_ends(values: Tensor, target: Tensor, source: Tensor, bias: Tensor) -> Tensor:
            return gather_target(values @ target.t() + bias, graph) + gather_source(values @ source.t(), graph)

        hidden = at_ends(x, w.target, w.source, w.first_bias) + x.new_empty(graph.source.size(0), 0) @ w.first.t()
        edge = functional.linear(hidden.relu(), w.second, w.second_bias)
        edge = relu_norm(edge, norms[0], w.edge_gain, w.edge_shift)
        node = torch.cat([x, sum_at_source(edge, graph), sum_at_target(edge, graph)], dim=1)
        node = functional.linear(node, w.node_first, w.node_first_bias).relu()
        node = functional.linear(node, w.node_second, w.node_second_bias)
        node = relu_norm(node, norms[1], w.node_gain, w.node_shift)
        hidden = at_ends(node, w.last_target, w.last_source, w.last_first_bias) + edge @ w.last_first.t()
        out = functional.linear(hidden.relu(), w.last_second, w.last_bias)
        wanted = [tensor for tensor, need in zip(inputs, needed) if need]
        results = iter(torch.autograd.grad(out, wanted, grad, create_graph=True, allow_unused=True))
    return [next(results) if need else None for need in needed]
