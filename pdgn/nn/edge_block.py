"""The edge update of a graph network."""

from __future__ import annotations

from torch import Tensor, nn

from pdgn.nn.edge_linear import EdgeLinear
from pdgn.nn.edge_perceptron import edge_perceptron
from pdgn.nn.incidence import incidence_of


class EdgeBlock(nn.Module):
    r"""Edge update of a graph network, a multilayer perceptron of the edge and its two ends.

    .. math::
        e'_{ij} = \phi_e([x_i, x_j, e_{ij}]) = W_2 \, \mathrm{SiLU}(W_1 [x_i, x_j, e_{ij}] + b_1) + b_2

    SiLU is smooth, so that second derivatives through the block do not vanish.

    Invariances: equivariant under relabelling of nodes and of edges.

    Args:
        node_channels: D. edge_channels: R (may be 0). hidden_channels: width of the hidden layer. out_channels: O.

    Shapes:
        x [N, D], edge_index [2, E], edge [E, R] or None; output [E, O].

    Reference:
        Battaglia et al., "Relational inductive biases, deep learning, and graph networks", 2018.
    """

    def __init__(self, node_channels: int, edge_channels: int, hidden_channels: int, out_channels: int) -> None:
        super().__init__()
        self.hidden = EdgeLinear(node_channels, edge_channels, hidden_channels)
        self.out = nn.Linear(hidden_channels, out_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws both layers anew."""
        self.hidden.reset_parameters()
        self.out.reset_parameters()

    def forward(self, x: Tensor, edge_index: Tensor, edge: Tensor | None = None) -> Tensor:
        """The updated edge features e', [E, O]."""
        edge = x.new_empty(edge_index.size(1), 0) if edge is None else edge
        return edge_perceptron(x, edge, incidence_of(edge_index, x.size(0)), self.hidden, self.out)

    def __repr__(self) -> str:
        hidden = self.hidden
        inputs = f"{hidden.node_channels}, {hidden.edge_channels}, {hidden.out_channels}"
        return f"{type(self).__name__}({inputs}, {self.out.out_features})"
