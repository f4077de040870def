"""Long, narrow graphs, on which most parts are far from each other."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data

from pdgn.models import Channels
from tests.nn.graphs import normal

CHANNELS = Channels(signal=2, node_context=3, edge_context=1, forcing=1)
PLAIN = CHANNELS._replace(forcing=0)  # for the variant "sum"


def strip(length: int, width: int = 2) -> Tensor:
    """Triangulated strip of length × width nodes, both directions, sorted by target."""
    node = torch.arange(length * width).view(length, width)
    pairs = [(node[1:], node[:-1]), (node[:, 1:], node[:, :-1]), (node[1:, 1:], node[:-1, :-1])]
    forward = torch.cat([torch.stack([a.flatten(), b.flatten()]) for a, b in pairs], dim=1)
    edges = torch.cat([forward, forward.flip(0)], dim=1)
    return edges[:, torch.argsort(edges[1], stable=True)]


def strip_sample(
    length: int = 40, seed: int = 0, channels: Channels = CHANNELS, observed: int = 2, horizon: int = 4
) -> Data:
    """A sample on two strips that do not touch and a node alone, with missing readings, float64."""
    first, second = strip(length), strip(9)
    nodes = 2 * (length + 9) + 1
    edges = torch.cat([first, second + 2 * length], dim=1)
    count, frames = edges.size(1), observed + horizon
    missing = torch.rand(nodes, frames, generator=torch.Generator().manual_seed(seed)) < 0.3
    return Data(
        x=normal(nodes, observed, channels.signal, seed=seed),
        x_mask=~missing[:, :observed],
        y=normal(nodes, horizon, channels.signal, seed=seed + 1),
        y_mask=~missing[:, observed:],
        forcing=normal(nodes, frames, channels.forcing, seed=seed + 2),
        node_context=normal(nodes, channels.node_context, seed=seed + 3),
        edge_context=normal(count, channels.edge_context, seed=seed + 4),
        edge_index=edges,
        reference_gradient=normal(count, seed=seed + 5).abs(),
        reference_laplacian=normal(count, seed=seed + 6),
        increment_scale=normal(1, channels.signal, seed=seed + 7).abs() + 0.3,
        mass=normal(nodes, seed=seed + 8).abs() + 0.1,
        dt=torch.ones(1),
    )
