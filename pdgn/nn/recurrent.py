"""The recurrent graph network."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn.inits import reset

from pdgn.nn.edge_linear import EdgeLinear
from pdgn.nn.edge_slices import ELEMENTS, edge_slices
from pdgn.nn.gated_unit import fits, gated_edges, gated_rows
from pdgn.nn.gated_update import GatedUpdate
from pdgn.nn.incidence import Incidence, incidence_of
from pdgn.nn.memory_pool import empty
from pdgn.nn.segments import sum_at_source, sum_at_target
from pdgn.nn.shapes import require_shape


class RecurrentState(NamedTuple):
    """Hidden states of a recurrent graph network, one tensor per layer: edge [E, H], node [N, H]."""

    edge: tuple[Tensor, ...]
    node: tuple[Tensor, ...]


class RecurrentGraphLayer(nn.Module):
    r"""One layer of a recurrent graph network.

    .. math::
        e'_{ij} = h^{e\prime}_{ij} = \mathrm{GRU}_e([z_{ij}, z_i, z_j], h^e_{ij}), \qquad
        v'_i = h^{v\prime}_i = \mathrm{GRU}_v\Big(\Big[z_i, \sum_{j \to i} e'_{ij}, \sum_{i \to j} e'_{ji}\Big],
        h^v_i\Big)

    Invariances: equivariant under relabelling of nodes; independent of the order of the edges up to round-off.

    Args:
        node_channels: D. edge_channels: R. hidden_channels: H.

    Shapes:
        node [N, D], edge [E, R], edge_index [2, E], hidden_edge [E, H], hidden_node [N, H]; output ([E, H], [N, H]).
    """

    def __init__(self, node_channels: int, edge_channels: int, hidden_channels: int) -> None:
        super().__init__()
        self.node_channels = node_channels
        self.edge_channels = edge_channels
        self.hidden_channels = hidden_channels
        self.edge_gates = EdgeLinear(node_channels, edge_channels, 3 * hidden_channels)
        self.edge_update = GatedUpdate(hidden_channels)
        self.node_gates = nn.Linear(node_channels + 2 * hidden_channels, 3 * hidden_channels)
        self.node_update = GatedUpdate(hidden_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws all parameters anew."""
        for module in (self.edge_gates, self.edge_update, self.node_gates, self.node_update):
            module.reset_parameters()

    def forward(
        self, node: Tensor, edge: Tensor, edge_index: Tensor, hidden_edge: Tensor, hidden_node: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The updated edge and node states (e', v')."""
        graph = incidence_of(edge_index, node.size(0))
        graph.require_rows("edge", edge)
        graph.require_rows("hidden_edge", hidden_edge)
        require_shape("hidden_node", hidden_node, node.size(0), self.hidden_channels)
        if torch.is_grad_enabled() or fits(self.edge_update, hidden_edge, node, edge):
            hidden_edge = gated_edges(self.edge_gates, self.edge_update, node, edge_index, edge, hidden_edge)
        else:
            hidden_edge = self._edges_in_slices(node, edge, hidden_edge, graph)
        return hidden_edge, self._node_states(node, hidden_edge, hidden_node, graph)

    def _node_states(self, node: Tensor, edge: Tensor, hidden: Tensor, graph: Incidence) -> Tensor:
        sums = sum_at_target(edge, graph), sum_at_source(edge, graph)
        if torch.is_grad_enabled():
            return gated_rows(self.node_gates, self.node_update, torch.cat([node, *sums], dim=-1), hidden)
        out, size = empty(hidden.shape, hidden), max(1, ELEMENTS // (3 * self.hidden_channels))
        for first in range(0, node.size(0), size):
            rows = slice(first, first + size)
            inputs = torch.cat([node[rows], *(part[rows] for part in sums)], dim=-1)
            out[rows] = gated_rows(self.node_gates, self.node_update, inputs, hidden[rows])
        return out

    def _edges_in_slices(self, node: Tensor, edge: Tensor, hidden: Tensor, graph: Incidence) -> Tensor:
        """The new states of edges where no derivative is wanted: the gates, three times their size, are never whole."""
        linear, out = self.edge_gates, empty(hidden.shape, hidden)
        target = functional.linear(node, linear.target, linear.bias)
        source = functional.linear(node, linear.source)
        for part in edge_slices(graph, 3 * self.hidden_channels):
            gates = target.index_select(0, part.of(graph.target))
            gates += source.index_select(0, part.of(graph.source))
            if linear.edge_channels > 0:
                gates.addmm_(part.of(edge).to(gates.dtype), linear.edge.t().to(gates.dtype))
            part.of(out).copy_(self.edge_update(gates, part.of(hidden)))
        return out

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.node_channels}, {self.edge_channels}, {self.hidden_channels})"


class RecurrentGraphNetwork(nn.Module):
    r"""Graph network with gated recurrent updates of edges and nodes; state goes in and comes out.

    .. math::
        e'_{ij}, h^e_{ij} = \phi_e([z_{ij}, z_i, z_j], h^e_{ij}), \qquad
        v'_i, h^v_i = \phi_v\Big(\Big[z_i, \sum_{j \to i} e'_{ij}, \sum_{i \to j} e'_{ji}\Big], h^v_i\Big)

    A layer hands (e', v') to the next one as its (z_ij, z_i). Each φ is one gated recurrent unit.

    Invariances: equivariant under relabelling of nodes; independent of the order of the edges up to round-off;
    positions do not enter.

    Args:
        node_channels: D. edge_channels: R. hidden_channels: H. num_layers: how many layers follow each other.

    Shapes:
        node [N, D], edge [E, R], edge_index [2, E], state as from :meth:`initial_state`;
        output (v' [N, H], e' [E, H], new state).

    Raises:
        ValueError: num_layers < 1.

    Reference:
        Seo, Meng, Liu, "Physics-aware Difference Graph Networks for Sparsely-Observed Dynamics", ICLR 2020.
    """

    def __init__(self, node_channels: int, edge_channels: int, hidden_channels: int = 64, num_layers: int = 2) -> None:
        super().__init__()
        if num_layers < 1:
            raise ValueError(f"num_layers: wanted an integer ≥ 1, given {num_layers}")
        self.hidden_channels = hidden_channels
        self.num_layers = num_layers
        first = RecurrentGraphLayer(node_channels, edge_channels, hidden_channels)
        rest = (RecurrentGraphLayer(hidden_channels, hidden_channels, hidden_channels) for _ in range(num_layers - 1))
        self.layers = nn.ModuleList([first, *rest])
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws every layer anew."""
        reset(self.layers)

    def initial_state(
        self,
        num_nodes: int,
        num_edges: int,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> RecurrentState:
        """Hidden states of zero: edge num_layers × [E, H], node num_layers × [N, H]."""
        edge = torch.zeros(num_edges, self.hidden_channels, dtype=dtype, device=device)
        node = torch.zeros(num_nodes, self.hidden_channels, dtype=dtype, device=device)
        return RecurrentState((edge,) * self.num_layers, (node,) * self.num_layers)

    def forward(
        self, node: Tensor, edge: Tensor, edge_index: Tensor, state: RecurrentState
    ) -> tuple[Tensor, Tensor, RecurrentState]:
        """One step in time: (v' [N, H], e' [E, H], state)."""
        edges, nodes = [], []
        for layer, hidden_edge, hidden_node in zip(self.layers, state.edge, state.node):
            edge, node = layer(node, edge, edge_index, hidden_edge, hidden_node)
            edges.append(edge)
            nodes.append(node)
        return node, edge, RecurrentState(tuple(edges), tuple(nodes))

    def __repr__(self) -> str:
        first = self.layers[0]
        widths = f"{first.node_channels}, {first.edge_channels}, {self.hidden_channels}"
        return f"{type(self).__name__}({widths}, num_layers={self.num_layers})"
