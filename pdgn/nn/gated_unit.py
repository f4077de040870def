"""A gated recurrent unit and the linear map of its inputs, in one pass over the rows where the kernels can be used."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pdgn.nn.apart import apart
from pdgn.nn.edge_linear import EdgeLinear
from pdgn.nn.gated_update import GatedUpdate
from pdgn.nn.incidence import Incidence, incidence_of
from pdgn.nn.kernels.arguments import run, structure
from pdgn.nn.kernels.compiled import UNIT, usable
from pdgn.nn.memory_pool import empty
from pdgn.nn.node_terms import derive_node_terms, node_terms
from pdgn.nn.segments import gather_source, gather_target

_FORM = structure(
    "GatedUnit",
    "rows width inputs nodes",
    "x hidden at_target at_source target source bias state_bias input_weight state_weight out reset update "
    "grad by_x by_hidden by_target by_source by_input_weight by_state_weight by_bias by_state_bias",
)


def gated_rows(linear: nn.Linear, update: GatedUpdate, x: Tensor, hidden: Tensor) -> Tensor:
    """update(linear(x), hidden): [M, R], [M, H] → [M, H]."""
    if not fits(update, hidden, x) or x.shape != (hidden.size(0), linear.in_features):
        return update(linear(x), hidden)
    weights = linear.weight, linear.bias, update.weight, update.bias
    return _GatedUnit.apply(None, torch.is_grad_enabled(), None, None, None, x, hidden, *weights)


def gated_edges(
    linear: EdgeLinear, update: GatedUpdate, node: Tensor, edge_index: Tensor, edge: Tensor, hidden: Tensor
) -> Tensor:
    """update(linear(node, edge_index, edge), hidden): [N, D], [2, E], [E, R], [E, H] → [E, H].

    Raises:
        ValueError: edge or hidden have not one row for each edge.
    """
    if not fits(update, hidden, node, edge) or edge.size(1) != linear.edge_channels:
        return update(linear(node, edge_index, edge), hidden)
    graph = incidence_of(edge_index, node.size(0))
    graph.require_rows("edge", edge)
    graph.require_rows("hidden", hidden)
    weights = linear.edge, linear.bias, update.weight, update.bias
    return _GatedUnit.apply(graph, torch.is_grad_enabled(), node, linear.target, linear.source, edge, hidden, *weights)


def fits(update: GatedUpdate, hidden: Tensor, *inputs: Tensor) -> bool:
    """Whether the kernels take a unit and its inputs."""
    width = update.hidden_channels
    return (
        width % UNIT == 0 and hidden.dim() == 2 and hidden.size(1) == width and usable(update.weight, hidden, *inputs)
    )


def _plain(graph: Incidence | None, *inputs: Tensor) -> Tensor:
    """The equations as they stand, for derivatives of second order."""
    node, target, source, x, hidden, input_weight, bias, state_weight, state_bias = inputs
    gates, width = functional.linear(x, input_weight, bias), hidden.size(1)
    if graph is not None:
        gates = gates + gather_target(node @ target.t(), graph) + gather_source(node @ source.t(), graph)
    state = functional.linear(hidden, state_weight)
    reset, update = (gates[:, : 2 * width] + state[:, : 2 * width]).sigmoid().chunk(2, dim=1)
    new = torch.tanh(gates[:, 2 * width :] + reset * (state[:, 2 * width :] + state_bias))
    return new + update * (hidden - new)


class _GatedUnit(torch.autograd.Function):
    """h' of gates W x + b or, for edges, W x + terms of both ends; r and z are kept, n follows from h and h'."""

    @staticmethod
    def forward(ctx: Any, graph: Incidence | None, recorded: bool, *inputs: Tensor) -> Tensor:
        node, target, source, x, hidden, input_weight, bias, state_weight, state_bias = inputs
        x, hidden = x.contiguous(), hidden.contiguous()
        terms = None if graph is None else node_terms(node, target, source, bias)
        out = empty(hidden.shape, hidden)
        # Without gradients the inputs still say that they need them.
        keep = recorded and any(ctx.needs_input_grad)
        kept = (torch.empty_like(hidden), torch.empty_like(hidden)) if keep else (None, None)
        run(
            "pdgn_gated_unit_forward",
            _FORM,
            **_given(graph, x, hidden, bias, state_bias),
            **_halves(("at_target", "at_source"), terms),
            input_weight=input_weight.t().contiguous(),
            state_weight=state_weight.t().contiguous(),
            out=out,
            reset=kept[0],
            update=kept[1],
        )
        ctx.graph = graph
        ctx.save_for_backward(node, target, source, x, hidden, *inputs[5:], out, *kept)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, out, reset, update = ctx.saved_tensors
        needed, graph = ctx.needs_input_grad[2:], ctx.graph
        if torch.is_grad_enabled():
            return None, None, *_derive_again(graph, inputs, grad, needed)
        node, target, source, x, hidden, input_weight, bias, state_weight, state_bias = inputs
        padding = -x.size(1) % UNIT
        threads, wide = torch.get_num_threads(), x.size(1) + padding
        sums = [
            x.new_zeros(threads, *shape)
            for shape in ((input_weight.size(0), wide), state_weight.shape, (3 * hidden.size(1),), state_bias.shape)
        ]
        by_terms = None if graph is None else x.new_zeros(node.size(0), 6 * hidden.size(1))
        by_x, by_hidden = (torch.empty_like(tensor) if need else None for tensor, need in zip((x, hidden), needed[3:]))
        run(
            "pdgn_gated_unit_backward",
            _FORM,
            **_given(graph, x, hidden, bias, state_bias),
            input_weight=functional.pad(input_weight, (0, padding)).contiguous(),
            state_weight=state_weight.contiguous(),
            out=out,
            reset=reset,
            update=update,
            grad=grad.contiguous(),
            by_x=by_x,
            by_hidden=by_hidden,
            **_halves(("by_target", "by_source"), by_terms),
            **dict(zip(("by_input_weight", "by_state_weight", "by_bias", "by_state_bias"), sums)),
        )
        by_input, by_state, by_bias, by_state_bias = (total.sum(dim=0) for total in sums)
        by_nodes = (None,) * 3 if by_terms is None else derive_node_terms(by_terms, node, target, source, needed[0])
        return None, None, *by_nodes, by_x, by_hidden, by_input[:, : x.size(1)], by_bias, by_state, by_state_bias


def _given(graph: Incidence | None, x: Tensor, hidden: Tensor, bias: Tensor, state_bias: Tensor) -> dict[str, Any]:
    """The arguments of both passes."""
    return {
        "rows": hidden.size(0),
        "width": hidden.size(1),
        "inputs": x.size(1),
        "x": x,
        "hidden": hidden,
        "target": None if graph is None else graph.target,
        "source": None if graph is None else graph.source,
        "bias": bias,
        "state_bias": state_bias,
    }


def _halves(names: tuple[str, str], terms: Tensor | None) -> dict[str, Tensor]:
    """The terms of targets and of sources, which lie beside each other."""
    return {} if terms is None else dict(zip(names, terms.chunk(2, dim=1)))


def _derive_again(
    graph: Incidence | None, inputs: list[Tensor], grad: Tensor, needed: tuple[bool, ...]
) -> list[Tensor | None]:
    with torch.enable_grad():
        inputs = apart(inputs)
        out = _plain(graph, *inputs)
        wanted = [tensor for tensor, need in zip(inputs, needed) if need]
        results = iter(torch.autograd.grad(out, wanted, grad, create_graph=True, allow_unused=True))
    return [next(results) if need else None for need in needed]
