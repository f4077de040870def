"""Graphs and samples of the sizes that are measured."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor
from torch_geometric.data import Data

GRAPHS, NODES, FRAMES = 16, 250, 20  # a batch of Seo, Meng and Liu
NEIGHBOURS = 4


def mesh_like(num_nodes: int, degree: int = 6) -> Tensor:
    """Random points in the unit square in the order of narrow strips, each with its nearest ones; sorted by target.

    Args:
        num_nodes: N. degree: edges that arrive at a node.

    Returns:
        [2, N · degree] int64.
    """
    points = np.random.default_rng(0).random((num_nodes, 2))
    strip = np.floor(points[:, 0] * np.sqrt(num_nodes))
    points = points[np.lexsort((points[:, 1], strip))]
    _, near = cKDTree(points).query(points, degree + 1)
    target = np.repeat(np.arange(num_nodes), degree)
    return torch.from_numpy(np.stack([near[:, 1:].reshape(-1), target]))


def training_batch() -> Data:
    """Sixteen graphs of 250 random points, symmetrised four nearest neighbours, 20 frames of noise: one observed frame
    before 18 predicted ones, as the published step has it, and two coordinates as context."""
    generator = np.random.default_rng(0)
    edges, points = [], []
    for graph in range(GRAPHS):
        place = generator.random((NODES, 2))
        _, near = cKDTree(place).query(place, NEIGHBOURS + 1)
        pairs = np.stack([near[:, 1:].reshape(-1), np.repeat(np.arange(NODES), NEIGHBOURS)], axis=1)
        pairs = np.unique(np.concatenate([pairs, pairs[:, ::-1]])[:, ::-1], axis=0)[:, ::-1]  # by target
        edges.append(pairs.T + graph * NODES)
        points.append(place)
    frames = torch.from_numpy(generator.standard_normal((GRAPHS * NODES, FRAMES, 1)).astype(np.float32))
    data = Data(
        x=frames[:, 1:2],
        y=frames[:, 2:],
        frames=frames,
        edge_index=torch.from_numpy(np.ascontiguousarray(np.concatenate(edges, axis=1))),
        node_context=torch.from_numpy(np.concatenate(points).astype(np.float32)),
        batch=torch.arange(GRAPHS).repeat_interleave(NODES),
    )
    data.num_graphs = GRAPHS
    return data
