"""The exchange of halos: parts hand the rows that they own to those who read them, and derivatives come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pdgn.training.halo_graph import HaloGraph
from pdgn.training.halo_store import Block, BlockStore


class Shared(NamedTuple):
    """The own rows of one part in one tensor of a state.

    Attributes:
        own: all of them. copies: by number of the part that reads them, those it reads.
    """

    own: Block
    copies: dict[int, Block]


class Derivative:
    """A derivative by the own rows of one part, from the part itself and from those that read them."""

    def __init__(self) -> None:
        self.own: Block | None = None
        self.returned: list[tuple[Tensor, Block]] = []

    def total(self, device: torch.device) -> Tensor | None:
        """The sum, for the own rows; None where there is none."""
        if self.own is None:
            return None
        total = self.own.get().to(device, copy=True)
        for rows, block in self.returned:
            total.index_add_(0, rows, block.get().to(device))
        return total


class HaloExchange:
    """Takes in the rows of every part, and gives each its own and those of its halo.

    Args:
        graphs: the parts. store: where rows wait. device: where they are used.
    """

    def __init__(self, graphs: Sequence[HaloGraph], store: BlockStore, device: torch.device) -> None:
        self._graphs = graphs
        self._store = store
        self._device = device
        self._readers: list[list[tuple[int, int]]] = [[] for _ in graphs]
        for reader, graph in enumerate(graphs):
            for place, block in enumerate(graph.blocks):
                self._readers[block.owner].append((reader, place))

    def share(self, part: int, values: Any, graph: HaloGraph | None = None) -> Any:
        """Stores the own rows of a tensor for all who read them.

        Args:
            part: whose. values: [n, …] or [e, …], own rows first; what is no tensor is handed on as it is.
            graph: gives n and e where they are not those of the exchange.

        Raises:
            ValueError: a tensor of another size.
        """
        if not isinstance(values, Tensor):
            return values
        of_edges = (graph or self._graphs[part]).of_edges(values)
        own = values[: self._graphs[part].own_rows(of_edges)]
        copies = {
            reader: self._store.put(own.index_select(0, self._graphs[reader].blocks[place].rows(of_edges)))
            for reader, place in self._readers[part]
        }
        return Shared(self._store.put(own), copies)

    def local(self, part: int, shared: Sequence[Any]) -> Any:
        """The rows that a part sees, its own and its halo, [n, …] or [e, …].

        Args:
            part: which. shared: from :meth:`share`, one for each part.
        """
        own = shared[part]
        if not isinstance(own, Shared):
            return own
        halo = [shared[block.owner].copies[part] for block in self._graphs[part].blocks]
        return torch.cat([block.get().to(self._device) for block in (own.own, *halo)])

    def hand_back(self, part: int, derivative: Tensor, into: Sequence[Derivative]) -> None:
        """Gives every owner its rows of a derivative.

        Args:
            part: whose. derivative: by the rows that the part sees. into: of each part; added to.
        """
        graph = self._graphs[part]
        of_edges = graph.of_edges(derivative)
        first = graph.own_rows(of_edges)
        into[part].own = self._store.put(derivative[:first])
        for block in graph.blocks:
            rows = block.rows(of_edges)
            piece = derivative[first : first + rows.numel()]
            into[block.owner].returned.append((rows, self._store.put(piece)))
            first += rows.numel()
