"""The same equations written plainly: gather, subtract, multiply, scatter, and concatenated inputs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.utils import scatter

from pdgn.models import PublishedPADGN
from pdgn.models.forecast_model import ForecastModel
from pdgn.models.published_blocks import CoefficientNetwork
from pdgn.nn import DifferenceWeights, EdgeLinear
from pdgn.nn.gated_stack import GatedStack
from pdgn.nn.gated_update import GatedUpdate


def plain_difference(x: Tensor, edge_index: Tensor, weights: DifferenceWeights) -> tuple[Tensor, Tensor]:
    """Gradient [E, K, C] and Laplacian [N, K, C] of a signal, term by term."""
    source, target = x[edge_index[0]].unsqueeze(1), x[edge_index[1]].unsqueeze(1)
    gradient = weights.gradient * (source - weights.gradient_ratio * target)
    terms = weights.laplacian * (target - weights.laplacian_ratio * source)
    return gradient, scatter(terms, edge_index[1], dim=0, dim_size=x.size(0), reduce="sum")


def edge_linear(layer: EdgeLinear, x: Tensor, edges: Tensor, edge: Tensor | None = None) -> Tensor:
    """W_s x_j + W_t x_i + W_e e + b as one product with the concatenation, [E, O]."""
    parts = [x[edges[0]], x[edges[1]]] + ([] if edge is None else [edge])
    weights = [layer.source, layer.target] + ([] if edge is None else [layer.edge])
    return nn.functional.linear(torch.cat(parts, dim=1), torch.cat(weights, dim=1), layer.bias)


def sums(edge: Tensor, edges: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
    """Sums of edges at the nodes that they leave and at those at which they arrive, each [N, C]."""
    leaving, arriving = (scatter(edge, end, dim=0, dim_size=num_nodes, reduce="sum") for end in edges)
    return leaving, arriving


def _coefficients(network: CoefficientNetwork, x: Tensor, edges: Tensor) -> Tensor:
    edge = torch.relu(edge_linear(network.edge_hidden, x, edges))
    edge = torch.relu(network.edge_norm(network.edge_out(edge)))
    node = torch.relu(network.node_hidden(torch.cat([x, *sums(edge, edges, x.size(0))], dim=1)))
    node = torch.relu(network.node_norm(network.node_out(node)))
    return network.out(torch.relu(edge_linear(network.hidden, node, edges, edge)))


def gated(update: GatedUpdate, gates: Tensor, hidden: Tensor) -> Tensor:
    """The new state of a gated recurrent unit, gate by gate, [M, H]."""
    reset, let, new = gates.chunk(3, dim=1)
    by_reset, by_let, memory = nn.functional.linear(hidden, update.weight).chunk(3, dim=1)
    reset, let = torch.sigmoid(reset + by_reset), torch.sigmoid(let + by_let)
    new = torch.tanh(new + reset * (memory + update.bias))
    return (1 - let) * new + let * hidden


def _gated_stack(stack: GatedStack, gates: Tensor, hidden: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
    states: list[Tensor] = []
    for place, update in enumerate(stack.updates):
        gates = gates if place == 0 else stack.gates[place - 1](states[-1])
        states.append(gated(update, gates, hidden[place]))
    out = stack.decoder(states[-1])
    return (torch.relu(out) if stack.activate else out), tuple(states)


class PlainPublished(ForecastModel):
    """A :class:`~pdgn.models.PublishedPADGN` with the very same weights, computed plainly.

    Args:
        model: whose weights are used, not copied.
    """

    trainable = True
    symmetries = PublishedPADGN.symmetries

    def __init__(self, model: PublishedPADGN) -> None:
        super().__init__()
        self.model = model

    def start(self, data: Data) -> Any:
        """That of the model."""
        return self.model.start(data)

    def step(self, frame: Tensor, state: Any, data: Data, index: int, observed: Tensor) -> tuple[Tensor, Any]:
        """One step of the equations."""
        model, edges, messages, factors = self.model, data.edge_index, [], []
        inputs = torch.cat([frame, data.node_context], dim=1)
        for network in model.coefficients:
            shape = (model.num_kernels, model.per_kernel, frame.size(1))
            a, b, *c = _coefficients(network, inputs, edges).unflatten(1, shape).unbind(2)
            messages.append(a * (frame[edges[1]].unsqueeze(1) - b * frame[edges[0]].unsqueeze(1)))
            factors.append(c)
        if model.variant == "sum":
            total = sum((c[0] * message).sum(dim=1) for c, message in zip(factors, messages))
            return frame + sums(total, edges, frame.size(0))[1], state
        node = torch.cat([frame, sums(messages[1].flatten(1), edges, frame.size(0))[1]], dim=1)
        edge, new_edges, new_nodes = messages[0].flatten(1), (), ()
        for place, layer in enumerate(model.layers):
            own = slice(2 * place, 2 * place + 2)
            edge, states = _gated_stack(
                layer.edge_stack, edge_linear(layer.edge_gates, node, edges, edge), state.edge[own]
            )
            new_edges += states
            gates = layer.node_gates(torch.cat([node, *sums(edge, edges, node.size(0))], dim=1))
            node, states = _gated_stack(layer.node_stack, gates, state.node[own])
            new_nodes += states
        return frame + node, type(state)(new_edges, new_nodes)
