"""Which edges begin and end at which node, in the order in which they are summed."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary


class Incidence(NamedTuple):
    """The edges of a graph, and their order by either end.

    Sums over the edges at a node read them as one segment of that order, without atomic additions.

    Attributes:
        source, target: the ends of each edge, [E].
        by_source, by_target: the edges in ascending order of that end, [E] (0 … E−1 where they lie in that order).
        source_ptr, target_ptr: where the segment of each node begins in that order, [N + 1].
        sorted_by_target: whether they lie in that order; looked at on a CPU alone, elsewhere False.
    """

    source: Tensor
    target: Tensor
    by_source: Tensor
    by_target: Tensor
    source_ptr: Tensor
    target_ptr: Tensor
    sorted_by_target: bool = False

    @property
    def num_nodes(self) -> int:
        """N."""
        return self.target_ptr.size(0) - 1

    @classmethod
    def from_edge_index(cls, edge_index: Tensor, num_nodes: int) -> Incidence:
        """Sorts the edges by either end; nothing waits for a GPU.

        Args:
            edge_index: [2, E] int64, source j and target i, in any order.
            num_nodes: N.

        Raises:
            IndexError: an edge begins or ends at no node (looked at on a CPU alone).
        """
        # Its own, as what the caller changes later is not seen; and rows without gaps, also of a transposed tensor.
        source, target = edge_index.detach().clone(memory_format=torch.contiguous_format).unbind(0)
        nodes = torch.arange(num_nodes + 1, device=edge_index.device)
        by_source, source_ptr = _order(source, nodes)
        by_target, target_ptr = _order(target, nodes)
        known = False
        if edge_index.device.type == "cpu":
            ends = source_ptr[[0, -1]].tolist() + target_ptr[[0, -1]].tolist()
            if ends != [0, source.size(0)] * 2:
                given = f"{int(edge_index.min())} to {int(edge_index.max())}"
                raise IndexError(f"edge_index: wanted nodes 0 to {num_nodes - 1}, given {given}")
            known = bool((target.diff() >= 0).all())
        return cls(source, target, by_source, by_target, source_ptr, target_ptr, known)

    def require_rows(self, name: str, values: Tensor) -> None:
        """Raises ValueError where values do not have one row for each edge."""
        if values.size(0) != self.source.size(0):
            raise ValueError(f"{name}: wanted {self.source.size(0)} rows, one for each edge, given {values.size(0)}")


def _order(end: Tensor, nodes: Tensor) -> tuple[Tensor, Tensor]:
    ordered, order = torch.sort(end, stable=True)
    return order, torch.searchsorted(ordered, nodes)


_known: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def incidence_of(edge_index: Tensor, num_nodes: int) -> Incidence:
    """The incidence of an edge_index, computed once for each tensor and kept as long as the tensor lives.

    Args:
        edge_index: [2, E] int64. A change in place is noticed, but not one through `edge_index.numpy()` or `.data`.
        num_nodes: N.

    Raises:
        IndexError: an edge begins or ends at no node (looked at on a CPU alone).
    """
    if edge_index.is_inference():  # has no version that would tell of a change
        return Incidence.from_edge_index(edge_index, num_nodes)
    version, known = edge_index._version, _known.get(edge_index)
    if known is None or known[:2] != (version, num_nodes):
        with torch.inference_mode(False):  # what is kept may be trained with later
            known = (version, num_nodes, Incidence.from_edge_index(edge_index, num_nodes))
        _known[edge_index] = known
    return known[2]
