"""The perceptron of an edge, whose hidden layer exists for one slice of the edges at a time."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from pdgn.nn.apart import apart
from pdgn.nn.autocast import full_precision
from pdgn.nn.edge_linear import EdgeLinear
from pdgn.nn.edge_slices import EdgeSlice, edge_slices
from pdgn.nn.incidence import Incidence
from pdgn.nn.kernels import edge_perceptron as kernels
from pdgn.nn.kernels.compiled import UNIT, usable
from pdgn.nn.memory_pool import empty
from pdgn.nn.node_terms import derive_node_terms, node_terms
from pdgn.nn.segments import gather_source, gather_target

Activation = Literal["relu", "silu"]


def edge_perceptron(
    x: Tensor, edge: Tensor, graph: Incidence, hidden: EdgeLinear, out: nn.Linear, activation: Activation = "silu"
) -> Tensor:
    r"""Two layers of an edge and its two ends.

    .. math::
        y_{ij} = W_2\,\sigma(W_t x_i + W_s x_j + W_e e_{ij} + b_1) + b_2

    The hidden layer is never whole and never kept: x and e alone are kept for the backward pass, which computes it
    again (of a forward pass the cost of W_e e).

    Args:
        x: [N, D]. edge: e, [E, R]; R may be 0. graph: E edges. hidden: W_t, W_s, W_e and b_1. out: W_2 and b_2.
        activation: σ.

    Returns:
        y, [E, O]; under autocast in the lower precision.

    Raises:
        ValueError: edge has not E rows.
    """
    graph.require_rows("edge", edge)
    device = x.device.type
    mixed = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if mixed else x.dtype
    weights = hidden.target, hidden.source, hidden.bias, hidden.edge, out.weight, out.bias
    return _EdgePerceptron.apply(graph, activation, *(tensor.to(dtype) for tensor in (x, edge, *weights)))


class _Layers(NamedTuple):
    """Arguments of the function: x [N, D], edge [E, R], W_t, W_s, b_1, W_e, W_2, b_2."""

    x: Tensor
    edge: Tensor
    target: Tensor
    source: Tensor
    first_bias: Tensor
    first: Tensor
    second: Tensor
    bias: Tensor

    def node_terms(self) -> tuple[Tensor, Tensor]:
        """W_t x + b_1 and W_s x, each [N, H]."""
        return functional.linear(self.x, self.target, self.first_bias), functional.linear(self.x, self.source)

    def fit(self) -> bool:
        """Whether the kernels take them."""
        width = self.first.size(0)
        return width % UNIT == 0 and self.second.size(1) == width and usable(*self)

    def hidden(self, part: EdgeSlice, terms: tuple[Tensor, Tensor]) -> Tensor:
        """The hidden layer of a slice before its activation, [e, H]."""
        out = terms[0].index_select(0, part.of(part.graph.target))
        out += terms[1].index_select(0, part.of(part.graph.source))
        return out.addmm_(part.of(self.edge), self.first.t()) if self.edge.size(1) > 0 else out


class _EdgePerceptron(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, graph: Incidence, activation: Activation, *inputs: Tensor) -> Tensor:
        ctx.save_for_backward(*inputs)
        ctx.graph, ctx.activation = graph, activation
        layers = _Layers(*inputs)
        if layers.fit():
            beside = node_terms(layers.x, layers.target, layers.source, layers.first_bias)
            rest = layers.first, layers.second, layers.bias
            return kernels.forward(graph, activation, layers.edge.contiguous(), beside, *rest)
        activate = functional.relu if activation == "relu" else functional.silu
        with full_precision(layers.x.device.type):
            out, terms = empty((layers.edge.size(0), layers.second.size(0)), layers.x), layers.node_terms()
            for part in edge_slices(graph, max(layers.second.shape)):
                active = activate(layers.hidden(part, terms), inplace=True)
                torch.addmm(layers.bias, active, layers.second.t(), out=part.of(out))
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        layers, graph = _Layers(*ctx.saved_tensors), ctx.graph
        if torch.is_grad_enabled():
            return None, None, *_derive_again(graph, ctx.activation, layers, grad, ctx.needs_input_grad[2:])
        if layers.fit():
            return _backward_in_a_pass(ctx, layers, grad)
        terms = layers.node_terms()
        at_target, at_source = (torch.zeros_like(term) for term in terms)
        by_edge = layers.edge.new_empty(layers.edge.shape) if ctx.needs_input_grad[3] else None
        by_first, by_second = torch.zeros_like(layers.first), torch.zeros_like(layers.second)
        for part in edge_slices(graph, max(layers.second.shape)):
            arriving, hidden = part.of(grad), layers.hidden(part, terms)
            active, through = _activate_back(hidden, arriving @ layers.second, ctx.activation)
            by_second.addmm_(arriving.t(), active)
            part.add_at_target(through, at_target)
            part.add_at_source(through, at_source)
            if layers.edge.size(1) > 0:
                by_first.addmm_(through.t(), part.of(layers.edge))
                if by_edge is not None:
                    torch.mm(through, layers.first, out=part.of(by_edge))
        by_x = (at_target @ layers.target).addmm_(at_source, layers.source) if ctx.needs_input_grad[2] else None
        by_nodes = at_target.t() @ layers.x, at_source.t() @ layers.x, at_target.sum(dim=0)
        return None, None, by_x, by_edge, *by_nodes, by_first, by_second, grad.sum(dim=0)


def _backward_in_a_pass(ctx: Any, layers: _Layers, grad: Tensor) -> tuple[Any, ...]:
    """The same by the kernels."""
    x, target, source, needed = layers.x, layers.target, layers.source, ctx.needs_input_grad
    terms = node_terms(x, target, source, layers.first_bias)
    given = layers.edge.contiguous(), terms, layers.first, layers.second, grad.contiguous(), needed[3]
    found = kernels.backward(ctx.graph, ctx.activation, *given)
    by_x, by_target, by_source = derive_node_terms(found.by_terms, x, target, source, needed[2])
    by_first_layer = by_target, by_source, found.by_first_bias, found.by_first
    return None, None, by_x, found.by_edge, *by_first_layer, found.by_second, found.by_bias


def _activate_back(hidden: Tensor, grad: Tensor, activation: Activation) -> tuple[Tensor, Tensor]:
    """The activation of the hidden layer, and the derivative by what it was before."""
    if activation == "relu":
        active = hidden.relu_()
        return active, torch.ops.aten.threshold_backward(grad, active, 0)
    return functional.silu(hidden), torch.ops.aten.silu_backward(grad, hidden)


def _derive_again(
    graph: Incidence, activation: Activation, layers: _Layers, grad: Tensor, needed: tuple[bool, ...]
) -> list[Tensor | None]:
    """The derivatives such that they can be derived again, from the equation as it stands."""
    with torch.enable_grad():
        layers = _Layers(*apart(layers))
        at_target, at_source = layers.node_terms()
        hidden = gather_target(at_target, graph) + gather_source(at_source, graph)
        hidden = hidden + functional.linear(layers.edge, layers.first)
        out = functional.linear(getattr(functional, activation)(hidden), layers.second, layers.bias)
        wanted = [tensor for tensor, need in zip(layers, needed) if need]
        results = iter(torch.autograd.grad(out, wanted, grad, create_graph=True, allow_unused=True))
    return [next(results) if need else None for need in needed]
