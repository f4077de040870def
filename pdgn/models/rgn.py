"""Recurrent graph networks, without physics or on fixed operators: the baselines of PA-DGN's publication."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn.inits import reset

from pdgn.models.channels import Channels
from pdgn.models.forecast_model import ForecastModel
from pdgn.models.options import require_at_least
from pdgn.models.published_blocks import PublishedLayer
from pdgn.models.published_padgn import UNITS, PublishedState
from pdgn.models.sample import edge_inputs, forcing_inputs, increment_scale, node_inputs, reference_weights
from pdgn.nn.incidence import Incidence, incidence_of
from pdgn.nn.segments import gather_source, gather_target, sum_at_target


class RGN(ForecastModel):
    r"""The recurrent graph network of PA-DGN on the signal itself.

    .. math::
        f(t + 1) &= f(t) + s \odot \mathrm{RGN}\big([f_i, (\Delta_a f)_i, c_i], [(\nabla_w f)_{ij}, c_{ij}], h\big), \\
        (\nabla_w f)_{ij} &= w_{ij} (f_j - f_i), \qquad (\Delta_a f)_i = \textstyle\sum_{j \to i} a_{ij} (f_i - f_j)

    with c the context (of nodes also the forcing of this and the next frame) and s the usual increment of
    data.increment_scale. The differences are those of :class:`StandardRGN` and :class:`MeshRGN`; here there are none.
    Layers and sizes are those of :class:`~pdgn.models.PublishedPADGN`: two layers with two gated units of width 64.

    Symmetries: equivariant under relabelling; positions enter through context and reference weights alone.

    Args:
        channels: widths of signal, node context, edge context and forcing.
        hidden_channels: H. num_layers: of the recurrent graph network.

    Raises:
        ValueError: an option outside its range.

    Reference:
        Seo, Meng, Liu, "Physics-aware Difference Graph Networks for Sparsely-Observed Dynamics", ICLR 2020, section 4:
        the rows RGN, RGN (StandardOP) and RGN (MeshOP).
    """

    trainable = True
    symmetries = frozenset({"relabelling", "translation", "rotation", "reflection"})
    operators: ClassVar[Literal["none", "standard", "mesh"]] = "none"

    def __init__(self, channels: Channels, hidden_channels: int = 64, num_layers: int = 2) -> None:
        super().__init__()
        require_at_least("hidden_channels", hidden_channels, 1)
        require_at_least("num_layers", num_layers, 1)
        self.channels = Channels(*channels)
        self.hidden_channels = hidden_channels
        signal, node, edge, forcing = self.channels
        difference = 0 if self.operators == "none" else signal
        widths = [signal + difference + node + 2 * forcing] + [hidden_channels] * (num_layers - 1)
        edges = [difference + edge] + [hidden_channels] * (num_layers - 1)
        outputs = [hidden_channels] * (num_layers - 1) + [signal]
        self.layers = nn.ModuleList(
            PublishedLayer(width, edge_width, hidden_channels, out, last=place == num_layers - 1)
            for place, (width, edge_width, out) in enumerate(zip(widths, edges, outputs))
        )

    @property
    def reach(self) -> tuple[int, int]:
        """Hops from which values come to a node in :meth:`start` and in :meth:`step`: one for each layer, and one for
        the Laplacian at a neighbour."""
        return 0, len(self.layers) + (self.operators != "none")

    def reset_parameters(self) -> None:
        """Draws every parameter anew."""
        reset(self.layers)

    def start(self, data: Data) -> PublishedState:
        """Hidden states of zero."""
        count = len(self.layers) * UNITS
        edge, node = (
            data.x.new_zeros(rows, self.hidden_channels) for rows in (data.edge_index.size(1), data.x.size(0))
        )
        return PublishedState((edge,) * count, (node,) * count)

    def step(
        self, frame: Tensor, state: PublishedState, data: Data, index: int, observed: Tensor
    ) -> tuple[Tensor, PublishedState]:
        """The next frame [N, C] and the next state; see :class:`ForecastModel`.

        Raises:
            ValueError: data lacks what the model was built for.
        """
        graph = incidence_of(data.edge_index, frame.size(0))
        nodes, edges = self._differences(frame, graph, data)
        nodes = [frame, *nodes, node_inputs(data, self.channels)]
        if self.channels.forcing > 0:
            nodes.append(forcing_inputs(data, self.channels, index))
        node, edge = torch.cat(nodes, dim=1), torch.cat([*edges, edge_inputs(data, self.channels)], dim=1)
        edge_states: tuple[Tensor, ...] = ()
        node_states: tuple[Tensor, ...] = ()
        for place, layer in enumerate(self.layers):
            own = slice(place * UNITS, (place + 1) * UNITS)
            node, edge, of_edges, of_nodes = layer(node, edge, data.edge_index, state.edge[own], state.node[own])
            edge_states, node_states = edge_states + of_edges, node_states + of_nodes
        return frame + increment_scale(data, frame) * node, PublishedState(edge_states, node_states)

    def _differences(self, frame: Tensor, graph: Incidence, data: Data) -> tuple[list[Tensor], list[Tensor]]:
        """Laplacians of the nodes and differences of the edges, or neither."""
        if self.operators == "none":
            return [], []
        difference = gather_source(frame, graph) - gather_target(frame, graph)
        if self.operators == "standard":
            return [-sum_at_target(difference, graph)], [difference]
        gradient, laplacian = (weight.to(frame.dtype).unsqueeze(1) for weight in reference_weights(data))
        return [-sum_at_target(laplacian * difference, graph)], [gradient * difference]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.channels}, {self.hidden_channels}, num_layers={len(self.layers)})"


class StandardRGN(RGN):
    """RGN + StandardOP: the differences of a graph with all weights 1, w = a = 1.

    Args:
        channels, hidden_channels, num_layers: as of :class:`RGN`.
    """

    operators = "standard"


class MeshRGN(RGN):
    """RGN + MeshOP: w is data.reference_gradient and a data.reference_laplacian.

    On meshes these are 1/|x_j − x_i| and the signed cotangent weights over the lumped mass; the published program takes
    the absolute value of a cosine in its cotangents, so that obtuse angles come out wrong there. On sensor graphs,
    which have no faces, they are the finite differences that the data hold.

    Args:
        channels, hidden_channels, num_layers: as of :class:`RGN`.
    """

    operators = "mesh"
