"""The networks of PA-DGN as published: coefficients of edges, and one layer of its recurrent graph network."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn.inits import reset

from pdgn.nn import EdgeLinear
from pdgn.nn.edge_perceptron import edge_perceptron
from pdgn.nn.gated_stack import GatedStack
from pdgn.nn.gated_unit import gated_edges, gated_rows
from pdgn.nn.incidence import incidence_of
from pdgn.nn.normalised_pass import Layers, fits, normalised_pass
from pdgn.nn.perceptron import relu_perceptron
from pdgn.nn.segments import sum_at_source, sum_at_target


class CoefficientNetwork(nn.Module):
    r"""Coefficients of every edge from the two ends' inputs and their neighbours: edge → node → edge.

    .. math::
        e_{ij} = \sigma B(W_2 \sigma(W_1 [x_i, x_j])), \quad
        v_i = \sigma B(V_2 \sigma(V_1 [x_i, \textstyle\sum_{i \to j} e_{ji}, \sum_{j \to i} e_{ij}])), \quad
        c_{ij} = U_2 \sigma(U_1 [v_i, v_j, e_{ij}])

    with σ the ReLU and B a batch normalisation, or nothing; biases are not written.

    Args:
        in_channels: D. hidden_channels: H. out_channels: O. batch_norm: whether B is there.

    Shapes:
        x [N, D], edge_index [2, E]; output [E, O].
    """

    def __init__(self, in_channels: int, hidden_channels: int, out_channels: int, batch_norm: bool) -> None:
        super().__init__()
        width = hidden_channels
        self.edge_hidden = EdgeLinear(in_channels, 0, width)
        self.edge_out = nn.Linear(width, width)
        self.edge_norm = nn.BatchNorm1d(width) if batch_norm else nn.Identity()
        self.node_hidden = nn.Linear(in_channels + 2 * width, width)
        self.node_out = nn.Linear(width, width)
        self.node_norm = nn.BatchNorm1d(width) if batch_norm else nn.Identity()
        self.hidden = EdgeLinear(width, width, width)
        self.out = nn.Linear(width, out_channels)

    def reset_parameters(self) -> None:
        """Draws every parameter anew."""
        for part in self.children():
            reset(part)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """The coefficients c, [E, O]."""
        graph, relu = incidence_of(edge_index, x.size(0)), functional.relu_
        if fits(x, graph, layers := self._layers(), self.edge_norm, self.node_norm):
            return normalised_pass(x, graph, layers, self.edge_norm, self.node_norm)
        nothing = x.new_empty(edge_index.size(1), 0)
        edge = relu(self.edge_norm(edge_perceptron(x, nothing, graph, self.edge_hidden, self.edge_out, "relu")))
        inputs = torch.cat([x, sum_at_source(edge, graph), sum_at_target(edge, graph)], dim=1)
        node = relu(self.node_norm(relu_perceptron(inputs, self.node_hidden, self.node_out)))
        return edge_perceptron(node, edge, graph, self.hidden, self.out, "relu")

    def _layers(self) -> Layers:
        first, last = self.edge_hidden, self.hidden
        edge_norm, node_norm = (  # no weights where nothing is normalised
            (getattr(norm, "weight", None), getattr(norm, "bias", None)) for norm in (self.edge_norm, self.node_norm)
        )
        return Layers(
            *(first.target, first.source, first.bias, first.edge),
            *(self.edge_out.weight, self.edge_out.bias, *edge_norm),  # type: ignore[arg-type]
            *(self.node_hidden.weight, self.node_hidden.bias, self.node_out.weight, self.node_out.bias),
            *node_norm,  # type: ignore[arg-type]
            *(last.target, last.source, last.bias, last.edge, self.out.weight, self.out.bias),
        )


class PublishedLayer(nn.Module):
    r"""One layer of the recurrent graph network: two gated units and a decoder on edges, then on nodes.

    .. math::
        e'_{ij}, h^e = \phi_e([z_i, z_j, z_{ij}], h^e), \qquad
        v'_i, h^v = \phi_v([z_i, \textstyle\sum_{i \to j} e'_{ji}, \sum_{j \to i} e'_{ij}], h^v)

    Args:
        node_channels: D. edge_channels: R. hidden_channels: H. out_channels: O of the nodes. last: whether the decoder
        of the nodes ends without a ReLU.

    Shapes:
        node [N, D], edge [E, R], hidden 2 × [E, H] and 2 × [N, H]; output v' [N, O], e' [E, H] and the new states.
    """

    def __init__(
        self, node_channels: int, edge_channels: int, hidden_channels: int, out_channels: int, last: bool
    ) -> None:
        super().__init__()
        width = hidden_channels
        self.edge_gates = EdgeLinear(node_channels, edge_channels, 3 * width)
        self.edge_stack = GatedStack(width, width, read_once=last)  # sums alone read the edges of the last layer
        self.node_gates = nn.Linear(node_channels + 2 * width, 3 * width)
        self.node_stack = GatedStack(width, out_channels, activate=not last)

    def reset_parameters(self) -> None:
        """Draws every parameter anew."""
        for part in self.children():
            reset(part)

    def forward(
        self,
        node: Tensor,
        edge: Tensor,
        edge_index: Tensor,
        hidden_edge: tuple[Tensor, ...],
        hidden_node: tuple[Tensor, ...],
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
        """The outputs (v', e') and the states of edges and nodes."""
        graph = incidence_of(edge_index, node.size(0))
        first = gated_edges(self.edge_gates, self.edge_stack.first, node, edge_index, edge, hidden_edge[0])
        edge, hidden_edge = self.edge_stack.after_first(first, hidden_edge)
        inputs = torch.cat([node, sum_at_source(edge, graph), sum_at_target(edge, graph)], dim=1)
        first = gated_rows(self.node_gates, self.node_stack.first, inputs, hidden_node[0])
        node, hidden_node = self.node_stack.after_first(first, hidden_node)
        return node, edge, hidden_edge, hidden_node
