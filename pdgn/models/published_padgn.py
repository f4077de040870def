"""PA-DGN as it was published."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn.inits import reset

from pdgn.models.channels import Channels
from pdgn.models.forecast_model import ForecastModel
from pdgn.models.options import require_at_least, require_choice
from pdgn.models.published_blocks import CoefficientNetwork, PublishedLayer
from pdgn.models.sample import node_inputs
from pdgn.nn.incidence import incidence_of
from pdgn.nn.message import message
from pdgn.nn.segments import gather_source, gather_target, sum_at_target

LAYERS, UNITS = 2, 2  # of the recurrent graph network, and gated units in each of its update functions


class PublishedState(NamedTuple):
    """Hidden states, unit by unit and layer by layer: edge [E, H], node [N, H]; empty for the variant "sum"."""

    edge: tuple[Tensor, ...]
    node: tuple[Tensor, ...]


class PublishedPADGN(ForecastModel):
    r"""PA-DGN with the networks and the sizes of the publication, for comparison.

    .. math::
        m^o_{ij} = a^o_{ij} (f_i - b^o_{ij} f_j), \qquad
        f(t + 1) = f(t) + \begin{cases}
            \sum_o \sum_{j \to i} c^o_{ij} m^o_{ij} & \text{"sum"} \\
            \mathrm{RGN}\big([f_i, \sum_{j \to i} m^2_{ij}], [m^1_{ij}], h\big) & \text{"recurrent"} \end{cases}

    with one network of coefficients for each order o ∈ {1, 2}. At H = 64, two coordinates as context and one channel,
    "sum" with one kernel has the published 60,038 parameters. "recurrent" with 16 kernels has 336,513 of the published
    339,617: the others have no effect, as one of the two biases of each gate, or the coefficients c that only "sum"
    reads.

    Symmetries: equivariant under relabelling; positions enter through the context alone.

    Args:
        channels: widths of signal and node context; edge context and forcing have no place in the publication.
        variant: "recurrent" or "sum" (batch normalisation in its coefficient networks, as published).
        hidden_channels: H.
        num_kernels: K; 16 in the publication, and 1 for "sum".

    Raises:
        ValueError: an option outside its range, or forcing.

    Reference:
        Seo, Meng, Liu, "Physics-aware Difference Graph Networks for Sparsely-Observed Dynamics", ICLR 2020.
    """

    trainable = True
    symmetries = frozenset({"relabelling", "translation", "rotation", "reflection"})

    def __init__(
        self,
        channels: Channels,
        variant: Literal["recurrent", "sum"] = "recurrent",
        hidden_channels: int = 64,
        num_kernels: int = 16,
    ) -> None:
        super().__init__()
        require_choice("variant", variant, ("recurrent", "sum"))
        require_at_least("hidden_channels", hidden_channels, 1)
        require_at_least("num_kernels", num_kernels, 1)
        self.channels = Channels(*channels)
        if self.channels.forcing > 0:
            raise ValueError(f"forcing: padgn_published has no input for it, wanted 0, given {self.channels.forcing}")
        self.variant, self.hidden_channels, self.num_kernels = variant, hidden_channels, num_kernels
        signal, context, summed = self.channels.signal, self.channels.node_context, variant == "sum"
        self.per_kernel = 3 if summed else 2  # a, b and, for "sum", c
        outputs = self.per_kernel * num_kernels * signal
        self.coefficients = nn.ModuleList(
            CoefficientNetwork(signal + context, hidden_channels, outputs, batch_norm=summed) for _ in range(2)
        )
        difference = num_kernels * signal
        first = (signal + difference, difference, hidden_channels, hidden_channels)
        self.layers = nn.ModuleList(
            [] if summed else [
                PublishedLayer(*first, last=False),
                PublishedLayer(hidden_channels, hidden_channels, hidden_channels, signal, last=True),
            ]
        )  # fmt: skip

    @property
    def reach(self) -> tuple[int, int]:
        """Hops from which values come to a node in :meth:`start` and in :meth:`step`: the coefficients at a node's
        neighbours see two hops, and each layer one more."""
        return 0, 2 + len(self.layers)

    def reset_parameters(self) -> None:
        """Draws every parameter anew."""
        reset(self.coefficients)
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
        """The next frame [N, C] and the next state; see :class:`ForecastModel`."""
        graph = incidence_of(data.edge_index, frame.size(0))
        inputs = torch.cat([frame, node_inputs(data, self.channels)], dim=1)
        source, target = gather_source(frame, graph), gather_target(frame, graph)
        shape = (self.num_kernels, self.per_kernel, self.channels.signal)
        messages, factors = [], []
        for network in self.coefficients:
            a, b, *c = network(inputs, data.edge_index).unflatten(1, shape).unbind(2)
            messages.append(message(a, b, source, target))
            factors.append(c)
        if self.variant == "sum":
            total = sum((c[0] * message).sum(dim=1) for c, message in zip(factors, messages))
            return frame + sum_at_target(total, graph), state
        node = torch.cat([frame, sum_at_target(messages[1].flatten(1), graph)], dim=1)
        increment, state = self._recurrent(node, messages[0].flatten(1), data.edge_index, state)
        return frame + increment, state

    def _recurrent(
        self, node: Tensor, edge: Tensor, edge_index: Tensor, state: PublishedState
    ) -> tuple[Tensor, PublishedState]:
        edges: tuple[Tensor, ...] = ()
        nodes: tuple[Tensor, ...] = ()
        for place, layer in enumerate(self.layers):
            own = slice(place * UNITS, (place + 1) * UNITS)
            node, edge, hidden_edge, hidden_node = layer(node, edge, edge_index, state.edge[own], state.node[own])
            edges, nodes = edges + hidden_edge, nodes + hidden_node
        return node, PublishedState(edges, nodes)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.channels}, {self.variant!r}, num_kernels={self.num_kernels})"
