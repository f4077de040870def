"""The spatial difference layer and PADGN written plainly, with the very weights of our modules."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import silu
from torch_geometric.data import Data
from torch_geometric.utils import scatter

from benchmarks.plain import edge_linear, gated, plain_difference, sums
from pdgn.models import PADGN, PADGNState
from pdgn.models.forecast_model import ForecastModel
from pdgn.models.recurrent_core import RecurrentCore
from pdgn.models.sample import increment_scale, reference_weights
from pdgn.nn import DifferenceWeights, EdgeBlock, RecurrentState, SpatialDifferenceLayer, WeightNetwork


def _edge_block(block: EdgeBlock, x: Tensor, edges: Tensor, edge: Tensor | None) -> Tensor:
    return block.out(silu(edge_linear(block.hidden, x, edges, edge)))


def _mean(edge: Tensor, edges: Tensor, num_nodes: int) -> Tensor:
    return scatter(edge, edges[1], dim=0, dim_size=num_nodes, reduce="mean")


def _network(network: WeightNetwork, x: Tensor, edges: Tensor, edge: Tensor | None) -> Tensor:
    for edge_block, node_block in zip(network.edge_blocks, network.node_blocks):
        edge = _edge_block(edge_block, x, edges, edge)
        x = node_block.out(silu(node_block.hidden(torch.cat([x, _mean(edge, edges, x.size(0))], dim=1))))
    return _edge_block(network.head, x, edges, edge)


def plain_weights(
    layer: SpatialDifferenceLayer,
    node: Tensor,
    edges: Tensor,
    edge: Tensor | None = None,
    reference: tuple[Tensor, Tensor] | None = None,
) -> DifferenceWeights:
    """The weights of a spatial difference layer from the inputs of nodes and edges; see there."""
    network = layer.free if reference is None else layer.anchored
    assert network is not None
    parts = 4 if reference is None else 2
    out = _network(network, node, edges, edge).unflatten(1, (parts, layer.num_kernels, layer.in_channels)).unbind(1)
    if reference is None:
        return DifferenceWeights(*out)
    sizes = (_mean(weight.abs().unsqueeze(1), edges, node.size(0))[edges[1]].unsqueeze(2) for weight in reference)
    gradient, laplacian = (weight.view(-1, 1, 1) + size * g for weight, size, g in zip(reference, sizes, out))
    return DifferenceWeights(gradient, torch.ones_like(gradient), laplacian, torch.ones_like(laplacian))


def plain_layer(
    layer: SpatialDifferenceLayer, x: Tensor, edges: Tensor, context: Tensor, edge_context: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Both differences of a layer with free weights that see the signal."""
    return plain_difference(x, edges, plain_weights(layer, torch.cat([x, context], dim=1), edges, edge_context))


class PlainPADGN(ForecastModel):
    """A recurrent :class:`~pdgn.models.PADGN` with the very same weights, computed plainly.

    Args:
        model: whose weights are used, not copied: weights "anchored" that do not see the signal, nothing limited or
            conserved.
    """

    trainable = True
    symmetries = PADGN.symmetries

    def __init__(self, model: PADGN) -> None:
        super().__init__()
        given = model.variant, model.weights, model.signal_in_weights, model.conservative, model.core.limited
        if given != ("recurrent", "anchored", False, False, False):
            raise ValueError(f"model: wanted a recurrent, anchored PADGN without further options, given {model}")
        self.model = model

    def start(self, data: Data) -> PADGNState:
        """The state before the first frame, with the weights."""
        model, edges, nothing = self.model, data.edge_index, torch.zeros_like(data.x[:, 0])
        reference = reference_weights(data)
        weights = plain_weights(model.differences, data.node_context, edges, data.edge_context, reference)
        scale = increment_scale(data, nothing)
        size = -model.core.operator(weights.laplacian)
        rows = scale * sums(size.abs(), edges, nothing.size(0))[1]
        width = model.core.network.hidden_channels
        states = (nothing.new_zeros(count, width) for count in (edges.size(1), nothing.size(0)))
        core = RecurrentState(*((state,) * model.core.network.num_layers for state in states))
        known = torch.zeros(nothing.size(0), dtype=torch.bool)
        return PADGNState(weights, core, scale, nothing, known, size / rows.clamp(min=1)[edges[1]])

    def step(
        self, frame: Tensor, state: PADGNState, data: Data, index: int, observed: Tensor
    ) -> tuple[Tensor, PADGNState]:
        """One step of the equations."""
        model, edges = self.model, data.edge_index
        gradient, laplacian = plain_difference(frame, edges, state.weights)
        context = model._core_context(frame, state, data, index, observed)
        node = torch.cat([frame, laplacian.flatten(1), context], dim=1)
        edge = torch.cat([gradient.flatten(1), data.edge_context], dim=1)
        increment, core = _recurrent(model.core, node, edge, edges, state.core)
        moved = sums(state.transport * (frame[edges[0]] - frame[edges[1]]), edges, frame.size(0))[1]
        following = frame + state.scale * (increment + moved)
        return following, state._replace(core=core, previous=frame, known=state.known | observed)


def _recurrent(
    core: RecurrentCore, node: Tensor, edge: Tensor, edges: Tensor, state: RecurrentState
) -> tuple[Tensor, RecurrentState]:
    """The decoded increment [N, C] and the new state."""
    new_edges, new_nodes = [], []
    for layer, hidden_edge, hidden_node in zip(core.network.layers, state.edge, state.node):
        edge = gated(layer.edge_update, edge_linear(layer.edge_gates, node, edges, edge), hidden_edge)
        leaving, arriving = sums(edge, edges, node.size(0))
        gates = layer.node_gates(torch.cat([node, arriving, leaving], dim=1))
        node = gated(layer.node_update, gates, hidden_node)
        new_edges.append(edge)
        new_nodes.append(node)
    return core.decoder(silu(core.hidden(node))), RecurrentState(tuple(new_edges), tuple(new_nodes))
