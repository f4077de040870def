"""The edges of a graph in slices that are small enough for a processor's cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from pdgn.nn.incidence import Incidence
from pdgn.nn.segments import SEGMENT_TYPES, segment_sum

# Elements of a tensor of one slice, 1 MB in float32: a few of these stay in cache and are used again, where a tensor
# above 32 MB is asked of the system and given back each time, which costs more than the arithmetic.
ELEMENTS = 1 << 18


class EdgeSlice(NamedTuple):
    """Edges first … last − 1.

    Attributes:
        graph: the whole graph.
        first, last: which of its edges.
        nodes: (first, last), the nodes at which these edges arrive and no others do; None where edges are not sorted
            by target or not sliced.
    """

    graph: Incidence
    first: int
    last: int
    nodes: tuple[int, int] | None

    def of(self, values: Tensor) -> Tensor:
        """The rows of these edges, a view."""
        return values[self.first : self.last]

    def at_source(self, x: Tensor) -> Tensor:
        """x_j, [e, 1, C]."""
        return x.index_select(0, self.of(self.graph.source)).unsqueeze(1)

    def at_target(self, x: Tensor) -> Tensor:
        """x_i, [e, 1, C]."""
        return x.index_select(0, self.of(self.graph.target)).unsqueeze(1)

    def add_at_source(self, values: Tensor, out: Tensor) -> None:
        """Adds values [e, ...] at the source of each edge to out [N, ...]."""
        self._add(values, out, self.graph.source, self.graph.by_source, self.graph.source_ptr)

    def add_at_target(self, values: Tensor, out: Tensor) -> None:
        """Adds values [e, ...] at the target of each edge to out [N, ...]."""
        graph = self.graph
        if self.nodes is None or values.dtype not in SEGMENT_TYPES:
            self._add(values, out, graph.target, graph.by_target, graph.target_ptr)
        else:
            first, last = self.nodes
            ptr = graph.target_ptr[first : last + 1] - self.first
            order = graph.by_target[: self.last - self.first]  # 0, 1, 2 …
            rows = segment_sum(values.flatten(1), order, order, ptr)
            out[first:last] += rows.view_as(out[first:last])

    def _add(self, values: Tensor, out: Tensor, end: Tensor, order: Tensor, ptr: Tensor) -> None:
        if self.last - self.first == end.size(0):
            out += segment_sum(values.flatten(1), end, order, ptr).view_as(out)
        else:
            out.view(out.size(0), -1).index_add_(0, self.of(end), values.flatten(1))


def edge_slices(graph: Incidence, width: int) -> Iterator[EdgeSlice]:
    """The edges in slices, cut between two targets where they are sorted by target; whole where they are few, or not
    on a CPU.

    Args:
        graph: E edges. width: elements of an edge.
    """
    count, size = graph.source.size(0), max(1, ELEMENTS // max(1, width))
    if graph.source.device.type != "cpu" or count <= size:
        yield EdgeSlice(graph, 0, count, None)
        return
    if not graph.sorted_by_target:
        for first in range(0, count, size):
            yield EdgeSlice(graph, first, min(count, first + size), None)
        return
    cuts = torch.searchsorted(graph.target_ptr, torch.arange(0, count, size), right=True) - 1
    nodes = [*dict.fromkeys(cuts.tolist()), graph.num_nodes]
    bounds = graph.target_ptr[nodes].tolist()
    for place in range(len(nodes) - 1):
        yield EdgeSlice(graph, bounds[place], bounds[place + 1], (nodes[place], nodes[place + 1]))
