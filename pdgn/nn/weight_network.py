"""The graph network that gives every edge its weights from its k-hop neighbourhood."""

from __future__ import annotations

from torch import Tensor, nn
from torch_geometric.nn.inits import reset

from pdgn.nn.edge_block import EdgeBlock
from pdgn.nn.node_block import NodeBlock


class WeightNetwork(nn.Module):
    r"""Weights of each edge from the inputs within k hops of its two ends.

    .. math::
        \text{for } r = 1 \dots k: \quad
        e^{(r)}_{ij} = \phi_e^{(r)}([x^{(r-1)}_i, x^{(r-1)}_j, e^{(r-1)}_{ij}]), \qquad
        x^{(r)}_i = \phi_v^{(r)}\Big([x^{(r-1)}_i, \tfrac{1}{d_i}\sum_{j \to i} e^{(r)}_{ij}]\Big), \qquad
        w_{ij} = \phi_w([x^{(k)}_i, x^{(k)}_j, e^{(k)}_{ij}])

    k = 0 sees the inputs of the two end nodes and of the edge itself; k = 1 is the published edge → node → edge.

    Invariances: equivariant under relabelling of nodes and of edges; whatever leaves node and edge inputs as they are
    leaves the weights as they are.

    Args:
        node_channels: D, inputs of a node; may be 0.
        edge_channels: R, inputs of an edge; may be 0.
        hidden_channels: width of every hidden layer and of the features between blocks.
        out_channels: O, weights of an edge.
        num_hops: k ≥ 0.
        zero_init: start from w = 0 (the last layer is zero).

    Shapes:
        x [N, D], edge_index [2, E], edge [E, R] or None; output [E, O].

    Raises:
        ValueError: num_hops is negative.
    """

    def __init__(
        self,
        node_channels: int,
        edge_channels: int,
        hidden_channels: int,
        out_channels: int,
        num_hops: int,
        zero_init: bool = False,
    ) -> None:
        super().__init__()
        if num_hops < 0:
            raise ValueError(f"num_hops: wanted an integer ≥ 0, given {num_hops}")
        self.node_channels = node_channels
        self.edge_channels = edge_channels
        self.hidden_channels = hidden_channels
        self.num_hops = num_hops
        self.out_channels = out_channels
        self.zero_init = zero_init
        nodes = [node_channels] + [hidden_channels] * num_hops
        edges = [edge_channels] + [hidden_channels] * num_hops
        self.edge_blocks = nn.ModuleList(
            EdgeBlock(nodes[hop], edges[hop], hidden_channels, hidden_channels) for hop in range(num_hops)
        )
        self.node_blocks = nn.ModuleList(
            NodeBlock(nodes[hop], hidden_channels, hidden_channels, hidden_channels) for hop in range(num_hops)
        )
        self.head = EdgeBlock(nodes[-1], edges[-1], hidden_channels, out_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws every block anew; the last layer is zero where zero_init is set."""
        for part in (self.edge_blocks, self.node_blocks, self.head):
            reset(part)
        if self.zero_init:
            nn.init.zeros_(self.head.out.weight)
            nn.init.zeros_(self.head.out.bias)

    def forward(self, x: Tensor, edge_index: Tensor, edge: Tensor | None = None) -> Tensor:
        """The weights w of every edge, [E, O]."""
        for edge_block, node_block in zip(self.edge_blocks, self.node_blocks):
            edge = edge_block(x, edge_index, edge)
            x = node_block(x, edge_index, edge)
        return self.head(x, edge_index, edge)

    def __repr__(self) -> str:
        widths = f"{self.node_channels}, {self.edge_channels}, {self.hidden_channels}, {self.out_channels}"
        return f"{type(self).__name__}({widths}, num_hops={self.num_hops})"
