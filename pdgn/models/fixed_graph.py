"""The one graph that a model with weights for each node belongs to."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data

from pdgn.models.late_tensors import LateTensors
from pdgn.models.sample import graph_index

# Reference weights of the same mesh differ by its rounding to float32, those of another mesh by far more.
TOLERANCE = 1e-3


class FixedGraph(LateTensors):
    """Remembers the edges and the reference weights of a graph, and knows it again.

    Positions are not compared, so that a mesh that was moved as a whole is the same; the order of the edges has no
    part in it either. Surfaces with the same triangles and another shape differ in their reference weights.

    Shapes:
        degree [N] int64, edges into a node; edges [E] int64, N i + j in ascending order; reference [E], the reference
        Laplacian in that order (0 where the sample has none).
    """

    degree: Tensor
    edges: Tensor
    reference: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_late("degree", 1, torch.long)
        self.add_late("edges", 1, torch.long)
        self.add_late("reference", 1)

    @property
    def num_nodes(self) -> int:
        """N; 0 before :meth:`remember`."""
        return self.degree.size(0)

    def remember(self, data: Data) -> None:
        """Takes the first graph of a batch.

        Args:
            data: a sample or a batch.
        """
        batch, _ = graph_index(data)
        nodes = int((batch == 0).sum())
        first = data.edge_index[1] < nodes
        edge_index = data.edge_index[:, first]
        edges, order = (nodes * edge_index[1] + edge_index[0]).sort()
        self.set_late("degree", torch.bincount(edge_index[1], minlength=nodes))
        self.set_late("edges", edges)
        self.set_late("reference", _reference(data)[first][order])

    def copies(self, data: Data, who: str) -> int:
        """How many times a batch holds the graph.

        Args:
            data: a sample or a batch. who: named in the error.

        Raises:
            ValueError: it holds another one.
        """
        _, count = graph_index(data)
        if not self._is(data, count):
            given = f"{data.x.size(0) / count:g} nodes and {data.edge_index.size(1) / count:g} edges"
            raise ValueError(
                f"{who}: wanted the graph that it was fitted on, with {self.num_nodes} nodes and {self.edges.size(0)} "
                f"edges, as its weights belong to nodes, given {'one' if count == 1 else str(count)} with {given} "
                f"or other edges or reference weights"
            )
        return count

    def _is(self, data: Data, count: int) -> bool:
        nodes, size = self.num_nodes, self.edges.size(0)
        if data.x.size(0) != count * nodes or data.edge_index.size(1) != count * size:
            return False
        source, target = data.edge_index
        keys, order = (nodes * target + source % max(nodes, 1)).sort()  # graph after graph, as targets ascend
        offset = nodes * nodes * torch.arange(count, device=keys.device).unsqueeze(1)
        same_graph = source // max(nodes, 1) == target // max(nodes, 1)
        if not torch.equal(keys.view(count, size) - offset, self.edges.expand(count, -1)) or not same_graph.all():
            return False
        difference = _reference(data)[order].view(count, size) - self.reference
        return size == 0 or bool((difference.abs() <= TOLERANCE * self.reference.abs().max()).all())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_nodes} nodes, {self.edges.size(0)} edges)"


def _reference(data: Data) -> Tensor:
    reference = getattr(data, "reference_laplacian", None)
    return data.x.new_zeros(data.edge_index.size(1)) if reference is None else reference
