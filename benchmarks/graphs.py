"""Graphs and samples of the sizes that are measured."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor
from torch_geometric.data import Data

NEIGHBOURS = 4


class BatchSize(NamedTuple):
    """A batch of Seo, Meng and Liu: graphs, nodes of each, predicted frames (the first from the second frame)."""

    graphs: int = 16
    nodes: int = 250
    steps: int = 18


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


def training_batch(size: BatchSize | None = None) -> Data:
    """Graphs of random points, symmetrised four nearest neighbours (1,224 directed edges each at 250 points), frames of
    noise: one observed frame before the predicted ones, as the published step has it, and two coordinates as context.

    Args:
        size: of the batch; that of the publication if None, 20 frames of 16 graphs of 250 nodes.

    Returns:
        x [N, 1, 1], y [N, T, 1], frames [N, T + 2, 1], edge_index [2, E], node_context [N, 2], batch [N].
    """
    size = size or BatchSize()
    generator = np.random.default_rng(0)
    edges, points = [], []
    for graph in range(size.graphs):
        place = generator.random((size.nodes, 2))
        _, near = cKDTree(place).query(place, NEIGHBOURS + 1)
        pairs = np.stack([near[:, 1:].reshape(-1), np.repeat(np.arange(size.nodes), NEIGHBOURS)], axis=1)
        pairs = np.unique(np.concatenate([pairs, pairs[:, ::-1]])[:, ::-1], axis=0)[:, ::-1]  # by target
        edges.append(pairs.T + graph * size.nodes)
        points.append(place)
    shape = (size.graphs * size.nodes, size.steps + 2, 1)
    frames = torch.from_numpy(generator.standard_normal(shape).astype(np.float32))
    data = Data(
        x=frames[:, 1:2],
        y=frames[:, 2:],
        frames=frames,
        edge_index=torch.from_numpy(np.ascontiguousarray(np.concatenate(edges, axis=1))),
        node_context=torch.from_numpy(np.concatenate(points).astype(np.float32)),
        batch=torch.arange(size.graphs).repeat_interleave(size.nodes),
    )
    data.num_graphs = size.graphs
    return data
