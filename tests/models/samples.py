"""Small seeded samples for the tests of models and roll-outs."""

from __future__ import annotations

import torch
from torch_geometric.data import Data

from pdgn.models import Channels
from tests.nn.graphs import normal, random_graph

CHANNELS = Channels(signal=2, node_context=3, edge_context=1, forcing=2)
PLAIN = CHANNELS._replace(forcing=0)  # for the variant "sum"


def sample(
    seed: int = 0, channels: Channels = CHANNELS, observed: int = 3, horizon: int = 4, num_nodes: int = 7
) -> Data:
    """A sample with all that models read, float64; one node is isolated, some readings are missing."""
    edges = random_graph(seed, num_nodes)
    count, frames = edges.size(1), observed + horizon
    missing = torch.rand(num_nodes, frames, generator=torch.Generator().manual_seed(seed)) < 0.2
    return Data(
        x=normal(num_nodes, observed, channels.signal, seed=seed),
        x_mask=~missing[:, :observed],
        y=normal(num_nodes, horizon, channels.signal, seed=seed + 1),
        y_mask=~missing[:, observed:],
        forcing=normal(num_nodes, frames, channels.forcing, seed=seed + 2),
        node_context=normal(num_nodes, channels.node_context, seed=seed + 3),
        edge_context=normal(count, channels.edge_context, seed=seed + 4),
        edge_index=edges,
        reference_gradient=normal(count, seed=seed + 5).abs(),
        reference_laplacian=normal(count, seed=seed + 6),
        increment_scale=normal(1, channels.signal, seed=seed + 7).abs() + 0.1,
    )


def contents(data: Data) -> dict[str, torch.Tensor]:
    """Copies of all tensors of a sample."""
    return {name: value.clone() for name, value in data.to_dict().items() if isinstance(value, torch.Tensor)}
