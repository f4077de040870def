"""A graph in parts of equal size with few edges between them."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from pdgn.training.halo_graph import HaloGraph, halo_graphs

_KEPT = 8  # graphs whose parts are remembered


class Partition:
    """Which part owns which node; an edge belongs to the owner of its target.

    Args:
        owner: part of each node, [N] int64, every part with at least one node.
        edge_index: [2, E] int64, source j and target i, in any order.

    Attributes:
        owner: as given, on the CPU.
    """

    def __init__(self, owner: Tensor, edge_index: Tensor) -> None:
        self.owner = owner.cpu()
        self._edge_index = edge_index.cpu().numpy().copy()
        self._graphs: dict[int, tuple[HaloGraph, ...]] = {}

    @classmethod
    def of(cls, edge_index: Tensor, num_nodes: int, parts: int) -> Partition:
        """Cuts a graph by METIS; the parts of the last few graphs are remembered.

        Args:
            edge_index: [2, E] int64. num_nodes: N. parts: P. Parts that METIS leaves empty are dropped.

        Raises:
            ValueError: parts < 1 or parts > N, or pymetis is not installed.
        """
        if not 1 <= parts <= num_nodes:
            raise ValueError(f"parts: wanted an integer from 1 to the number of nodes, {num_nodes}, given {parts}")
        edges = np.ascontiguousarray(edge_index.cpu().numpy())
        key = hashlib.blake2b(edges.tobytes()).digest(), num_nodes, parts
        if key not in _known:
            with torch.inference_mode(False):  # a validation may see a graph first that is trained on later
                _known[key] = cls(_cut(edges, num_nodes, parts), edge_index)
        _known.move_to_end(key)
        while len(_known) > _KEPT:
            _known.popitem(last=False)
        return _known[key]

    def graphs(self, depth: int) -> tuple[HaloGraph, ...]:
        """Every part with the nodes within some hops of it.

        Args:
            depth: hops, in either direction of the edges.

        Returns:
            One for each part.
        """
        if depth not in self._graphs:
            with torch.inference_mode(False):
                self._graphs[depth] = tuple(halo_graphs(self.owner.numpy(), self._edge_index, depth))
        return self._graphs[depth]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({int(self.owner.max()) + 1} parts of {len(self.owner)} nodes)"


_known: OrderedDict[tuple[bytes, int, int], Partition] = OrderedDict()


def require_pymetis() -> None:
    """Raises ValueError where pymetis is not installed."""
    try:
        import pymetis  # noqa: F401
    except ModuleNotFoundError:
        raise ValueError(
            "training.parts: wanted the package pymetis, given none; pip install 'pdgn[distributed]'"
        ) from None


def _cut(edges: np.ndarray, num_nodes: int, parts: int) -> Tensor:
    if parts == 1:
        return torch.zeros(num_nodes, dtype=torch.long)
    links = sparse.csr_array((np.ones(edges.shape[1], bool), (edges[0], edges[1])), (num_nodes, num_nodes))
    links = links + links.T
    links.setdiag(0)
    links.eliminate_zeros()
    if links.nnz == 0:  # METIS wants edges
        owner = np.arange(num_nodes) * parts // num_nodes
    else:
        require_pymetis()
        import pymetis

        # The direct method is quicker for many parts, but leaves some empty where a part is of few nodes.
        recursive = parts <= 8 or num_nodes < 100 * parts
        graph = pymetis.CSRAdjacency(links.indptr, links.indices)
        owner = np.asarray(pymetis.part_graph(parts, graph, recursive=recursive)[1])
    return torch.from_numpy(np.unique(owner, return_inverse=True)[1]).long()
