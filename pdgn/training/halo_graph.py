"""A part of a graph with the halo that it reads but does not own."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch_geometric.data import Data

# Names decide where sizes cannot: a graph may have as many edges or graphs as nodes.
_OF_EDGES = ("edge_context", "reference_gradient", "reference_laplacian")
_OF_GRAPHS = ("increment_scale", "zero", "low", "high", "length_scale", "dt")
_NOT_CARRIED = ("y", "y_mask", "ptr")


class HaloBlock(NamedTuple):
    """The rows of a halo that one other part owns.

    Attributes:
        owner: which part.
        nodes, edges: rows among the owner's own nodes and edges, int64.
    """

    owner: int
    nodes: Tensor
    edges: Tensor

    def rows(self, of_edges: bool) -> Tensor:
        """Those of edges, or of nodes."""
        return self.edges if of_edges else self.nodes


class HaloGraph(NamedTuple):
    """Own nodes and edges first, then the halo, grouped by owner; edges are sorted by local target.

    Attributes:
        nodes: global number of each local node, [n]. edges: of each local edge, [e].
        edge_index: [2, e], local.
        own_nodes, own_edges: how many are own. All edges into an own node are own.
        blocks: the halo, in its order.
    """

    nodes: Tensor
    edges: Tensor
    edge_index: Tensor
    own_nodes: int
    own_edges: int
    blocks: tuple[HaloBlock, ...]

    def of_edges(self, values: Tensor) -> bool:
        """Whether a tensor holds a row for every local edge, and not for every local node; the two differ in number.

        Raises:
            ValueError: neither.
        """
        nodes, edges = self.nodes.numel(), self.edges.numel()
        rows = values.size(0) if values.dim() > 0 else None
        if rows not in (nodes, edges):
            raise ValueError(
                f"training.parts: wanted a state of tensors of nodes or edges, here [{nodes}, …] or [{edges}, …], "
                f"given {list(values.shape)}; set training.parts to 1"
            )
        return rows == edges

    def own_rows(self, of_edges: bool) -> int:
        """How many edges, or nodes, are own."""
        return self.own_edges if of_edges else self.own_nodes

    def cut(self, data: Data) -> Data:
        """The local part of a sample or batch, without the frames to predict and without indices into the whole.

        Args:
            data: the whole; not changed.
        """
        nodes, edges = data.x.size(0), data.edge_index.size(1)
        piece = copy.copy(data)
        for name, value in data.to_dict().items():
            if name == "edge_index" or not isinstance(value, Tensor):
                continue
            if name in _NOT_CARRIED or "index" in name or name == "face":
                del piece[name]
            elif name in _OF_GRAPHS or value.dim() == 0:
                continue
            elif value.size(0) == edges and (nodes != edges or name in _OF_EDGES or "edge" in name):
                piece[name] = value.index_select(0, self.edges)
            elif value.size(0) == nodes:
                piece[name] = value.index_select(0, self.nodes)
        piece.edge_index = self.edge_index
        piece.num_nodes = self.nodes.numel()
        return piece

    def to(self, device: torch.device) -> HaloGraph:
        """The same on a device."""
        blocks = tuple(HaloBlock(b.owner, b.nodes.to(device), b.edges.to(device)) for b in self.blocks)
        nodes, edges, edge_index = (tensor.to(device) for tensor in self[:3])
        return HaloGraph(nodes, edges, edge_index, self.own_nodes, self.own_edges, blocks)


def halo_graphs(owner: np.ndarray, edge_index: np.ndarray, depth: int) -> Iterator[HaloGraph]:
    """Every part with the nodes within `depth` hops of it (at least one), and all edges between these.

    Args:
        owner: part of each node, [N]. edge_index: [2, E]. depth: hops, in either direction of the edges.

    Returns:
        One for each part, in order.
    """
    source, target = edge_index
    incoming = _incidence(target, len(owner))
    links = sparse.csr_array((np.ones(len(source), bool), (target, source)), (len(owner), len(owner)))
    links = links + links.T
    own = np.split(np.argsort(owner, kind="stable"), np.cumsum(np.bincount(owner))[:-1])
    own_edges = [_rows(incoming, nodes) for nodes in own]
    node_row, edge_row = np.empty(len(owner), np.int64), np.empty(len(source), np.int64)
    for nodes, edges in zip(own, own_edges):
        node_row[nodes], edge_row[edges] = np.arange(len(nodes)), np.arange(len(edges))
    local = np.full(len(owner), -1)
    for nodes, edges in zip(own, own_edges):
        halo = _around(links, nodes, max(1, depth))
        halo = halo[np.argsort(owner[halo], kind="stable")]
        local[halo] = 0
        local[nodes] = 0
        halo_edges = _rows(incoming, halo)
        halo_edges = halo_edges[local[source[halo_edges]] == 0]
        if len(nodes) + len(halo) == len(edges) + len(halo_edges):
            # One node twice, without edges: the size of a tensor then tells whether it is of nodes or of edges.
            halo = np.append(halo, nodes[0])
            halo = halo[np.argsort(owner[halo], kind="stable")]
        everything, all_edges = np.concatenate([nodes, halo]), np.concatenate([edges, halo_edges])
        local[halo] = np.arange(len(nodes), len(everything))
        local[nodes] = np.arange(len(nodes))
        blocks = tuple(
            HaloBlock(
                int(part),
                torch.from_numpy(node_row[halo[owner[halo] == part]]),
                torch.from_numpy(edge_row[halo_edges[owner[target[halo_edges]] == part]]),
            )
            for part in np.unique(owner[halo])
        )
        ends = torch.from_numpy(local[edge_index[:, all_edges]])
        numbers = torch.from_numpy(everything), torch.from_numpy(all_edges)
        local[everything] = -1
        yield HaloGraph(*numbers, ends, len(nodes), len(edges), blocks)


def _incidence(end: np.ndarray, num_nodes: int) -> sparse.csr_array:
    """Edges by their end: row i holds the numbers of the edges that end at node i."""
    order = np.argsort(end, kind="stable")
    ptr = np.concatenate([[0], np.cumsum(np.bincount(end, minlength=num_nodes))])
    return sparse.csr_array((np.ones(len(end), bool), order, ptr), (num_nodes, len(end)))


def _rows(matrix: sparse.csr_array, rows: np.ndarray) -> np.ndarray:
    """Column numbers of some rows, row by row."""
    return matrix[rows].indices.astype(np.int64)


def _around(links: sparse.csr_array, nodes: np.ndarray, depth: int) -> np.ndarray:
    """Nodes within some hops of others, without these, in ascending order."""
    seen = np.zeros(links.shape[0], bool)
    seen[nodes] = True
    front, found = nodes, [nodes[:0]]
    for _ in range(depth):
        front = np.unique(links[front].indices)
        front = front[~seen[front]]
        seen[front] = True
        found.append(front)
    return np.sort(np.concatenate(found))
