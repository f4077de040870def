"""Linear laws on small graphs, and samples that follow them exactly."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from tests.nn.graphs import normal, random_graph

EDGES = random_graph()  # 7 nodes, the last one isolated
NODES, CHANNELS = 7, 2
Law = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]  # (f(t), f(t − 1), q(t), q(t + 1)) → f(t + 1)


def near(edges: Tensor, nodes: int = NODES) -> Tensor:
    """[N, N], 1 at a node itself and at the sources of its edges."""
    matrix = torch.eye(nodes, dtype=torch.float64)
    matrix[edges[1], edges[0]] = 1
    return matrix


def node_law(edges: Tensor, seed: int = 5) -> Law:
    """Weights of their own for every node, neighbour and channel, on two frames, forcing of width 1 and a constant."""
    reach = near(edges).view(NODES, 1, NODES, 1)
    first, second = (0.15 * reach * normal(NODES, CHANNELS, NODES, CHANNELS, seed=seed + n) for n in range(2))
    constant, forced = normal(NODES, CHANNELS, seed=seed + 2), normal(NODES, CHANNELS, 2, seed=seed + 3)

    def law(now: Tensor, before: Tensor, forcing: Tensor, following: Tensor) -> Tensor:
        mixed = torch.einsum("ncmd,md->nc", first, now) + torch.einsum("ncmd,md->nc", second, before)
        return mixed + 0.1 * constant + forced[..., 0] * forcing + forced[..., 1] * following

    return law


def trajectory(law: Law, edges: Tensor, seed: int, observed: int, horizon: int, forced: bool = True) -> Data:
    """A sample whose first two frames are drawn and whose others follow the law."""
    nodes = int(max(edges.max() + 1, NODES))
    forcing = normal(observed + horizon, 1, seed=seed + 1000).expand(-1, 1) * float(forced)
    frames = [normal(nodes, CHANNELS, seed=2 * seed + 100_000), normal(nodes, CHANNELS, seed=2 * seed + 100_001)]
    for index in range(1, observed + horizon - 1):
        frames.append(law(frames[index], frames[index - 1], forcing[index], forcing[index + 1]))
    x, y = torch.stack(frames, dim=1).split([observed, horizon], dim=1)
    data = Data(x=x, y=y, edge_index=edges)
    data.x_mask, data.y_mask = (torch.ones(part.shape[:2], dtype=torch.bool) for part in (x, y))
    data.forcing = forcing.unsqueeze(0).expand(nodes, -1, -1).clone()
    data.reference_laplacian = laplacian_weights(edges)
    data.reference_gradient = torch.ones(edges.size(1), dtype=torch.float64)
    data.increment_scale = torch.tensor([[0.5, 0.25]], dtype=torch.float64)
    return data


def laplacian_weights(edges: Tensor) -> Tensor:
    """Positive, another one for each edge, the same whatever the order of the edges."""
    return 0.1 + 0.02 * ((7 * edges[0] + 3 * edges[1]) % 5).double()


def fit(model, law: Law, edges: Tensor = EDGES, *, horizon: int = 1, count: int = 60, forced: bool = True):
    """A model fitted on the first frames of many samples, in float64."""
    model.double()
    for first in range(0, count, 20):
        samples = [trajectory(law, edges, seed, 2, horizon, forced) for seed in range(first, first + 20)]
        model.accumulate(Batch.from_data_list(samples))
    model.solve(0.0)
    model.forget()
    return model
