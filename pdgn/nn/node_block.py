"""The node update of a graph network."""

from __future__ import annotations

from torch import Tensor, nn

from pdgn.nn.incidence import incidence_of
from pdgn.nn.memory_pool import cat, linear
from pdgn.nn.segments import mean_at_target
from pdgn.nn.silu_linear import silu_linear


class NodeBlock(nn.Module):
    r"""Node update of a graph network, a multilayer perceptron of the node and the mean of its incoming edges.

    .. math::
        x'_i = \phi_v\Big([x_i, \tfrac{1}{d_i} \sum_{j \to i} e_{ij}]\Big)
             = W_2 \, \mathrm{SiLU}(W_1 [\cdot] + b_1) + b_2

    The mean keeps the update of the same size on graphs of different degree; for a node without edges it is 0.

    Invariances: equivariant under relabelling of nodes; independent of the order of the edges up to round-off.

    Args:
        node_channels: D. edge_channels: R. hidden_channels: width of the hidden layer. out_channels: O.

    Shapes:
        x [N, D], edge_index [2, E], edge [E, R]; output [N, O].

    Reference:
        Battaglia et al., "Relational inductive biases, deep learning, and graph networks", 2018.
    """

    def __init__(self, node_channels: int, edge_channels: int, hidden_channels: int, out_channels: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(node_channels + edge_channels, hidden_channels)
        self.out = nn.Linear(hidden_channels, out_channels)
        self.node_channels = node_channels
        self.edge_channels = edge_channels
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws both layers anew."""
        self.hidden.reset_parameters()
        self.out.reset_parameters()

    def forward(self, x: Tensor, edge_index: Tensor, edge: Tensor) -> Tensor:
        """The updated node features x', [N, O]."""
        incoming = mean_at_target(edge, incidence_of(edge_index, x.size(0)))
        hidden = linear(cat([x, incoming.to(x.dtype)]), self.hidden.weight, self.hidden.bias)
        return silu_linear(hidden, self.out.weight, self.out.bias)

    def __repr__(self) -> str:
        widths = f"{self.node_channels}, {self.edge_channels}, {self.hidden.out_features}, {self.out.out_features}"
        return f"{type(self).__name__}({widths})"
