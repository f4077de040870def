"""Which windows make up each batch, and which of them a process takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch.utils.data import Sampler

from pdgn.data import MeshDynamicsDataset
from pdgn.training.randomness import ORDER, keyed_generator
from pdgn.training.share import Share


class Span(NamedTuple):
    """Which rows of a batch's tensors are a process's own.

    Args:
        own: its rows.
        total: rows of the whole batch.
    """

    own: slice
    total: int


class BatchPlan:
    """An order of windows cut into batches, each of which is dealt out to the processes.

    The batches are those of a single process, whatever the number of processes. A process whose part of a batch is
    empty (the last batch may have fewer windows than there are processes) takes the batch's first window, to keep step
    with the others; that window must not count.

    Args:
        windows: number of windows there are.
        batch_size: windows per batch, over all processes: a multiple of their number.
        share: the part of this process.
        seed: the order is drawn anew for every epoch, keyed by (seed, epoch); None: always that of the dataset.
        limit: windows per epoch at most: the first ones of the order drawn or, without a seed, evenly spaced ones.
    """

    def __init__(
        self, windows: int, batch_size: int, share: Share, seed: int | None = None, limit: int | None = None
    ) -> None:
        self.available = windows
        self.windows = windows if limit is None else min(windows, limit)
        self.batch_size = batch_size
        self.share = share
        self.seed = seed
        self._drawn: tuple[int, list[int]] | None = None

    def order(self, epoch: int) -> list[int]:
        """The windows of an epoch in their order.

        Args:
            epoch: epochs completed before it.

        Returns:
            Distinct numbers of windows; without a limit all of them.
        """
        if self.seed is None:
            return [position * self.available // self.windows for position in range(self.windows)]
        if self._drawn is None or self._drawn[0] != epoch:
            order = torch.randperm(self.available, generator=keyed_generator(ORDER, self.seed, epoch))
            self._drawn = epoch, order[: self.windows].tolist()
        return self._drawn[1]

    def steps(self) -> int:
        """Batches per epoch, the same for all processes."""
        return -(-self.windows // self.batch_size)

    def counts(self, step: int) -> bool:
        """Whether this process has windows of its own in a batch.

        Args:
            step: number of the batch, from 0.
        """
        return len(self.share.of(self._size(step))) > 0

    def part(self, step: int) -> range:
        """Positions, within a batch, of the windows that this process reads.

        Args:
            step: number of the batch, from 0.

        Returns:
            Its part; the first position where that is empty.
        """
        return self.share.of(self._size(step)) or range(1)

    def spans(self, epoch: int, step: int, nodes: Sequence[int]) -> tuple[Span, Span]:
        """This process's nodes and graphs among those of the whole batch.

        Args:
            epoch: epochs completed before this one.
            step: number of the batch, from 0.
            nodes: number of nodes of every window.

        Returns:
            Nodes and graphs.
        """
        first, part = step * self.batch_size, self.part(step)
        sizes = [nodes[window] for window in self.order(epoch)[first : first + self.batch_size]]
        before, own = sum(sizes[: part.start]), sum(sizes[part.start : part.stop])
        return Span(slice(before, before + own), sum(sizes)), Span(slice(part.start, part.stop), len(sizes))

    def _size(self, step: int) -> int:
        return min(self.batch_size, self.windows - step * self.batch_size)


class PlanSampler(Sampler[int]):
    """The windows that a process reads in an epoch, batch after batch.

    Args:
        plan: the batches.
        epoch: epochs completed before the first pass. Reading processes draw an order as soon as they start, before
            `set_epoch`, so a resumed run must name its epoch here.
    """

    def __init__(self, plan: BatchPlan, epoch: int = 0) -> None:
        self.plan = plan
        self.epoch = epoch

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch of the next pass (Lightning calls it before every epoch).

        Args:
            epoch: epochs completed before it.
        """
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(len(self.plan.part(step)) for step in range(self.plan.steps()))

    def __iter__(self) -> Iterator[int]:
        order, size = self.plan.order(self.epoch), self.plan.batch_size
        for step in range(self.plan.steps()):
            yield from (order[step * size + position] for position in self.plan.part(step))


def window_nodes(windows: MeshDynamicsDataset) -> list[int]:
    """The number of nodes of every window, without reading the windows.

    Args:
        windows: a dataset.

    Returns:
        One number per window.
    """
    return [windows.record(windows.window(index)[0].mesh).num_nodes for index in range(len(windows))]
