"""One process among those that train together: which part of a batch it takes, and sums over all of them."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, distributed


class Share(NamedTuple):
    """The part of this process.

    Args:
        rank: its number, from 0.
        processes: how many there are.
    """

    rank: int = 0
    processes: int = 1

    @classmethod
    def own(cls) -> Share:
        """That of this process: the only one where no group of processes was joined."""
        return cls(distributed.get_rank(), distributed.get_world_size()) if _joined() else cls()

    def of(self, count: int) -> range:
        """Which of `count` things in a row are this process's own.

        Args:
            count: m.

        Returns:
            ⌊m r/P⌋ … ⌊m (r + 1)/P⌋ − 1; the parts of all processes make up the whole and differ by one in length.
        """
        return range(count * self.rank // self.processes, count * (self.rank + 1) // self.processes)


def sum_over_processes(values: Tensor) -> Tensor:
    """The sum of a tensor over the processes that train together.

    Args:
        values: any shape, the same in all processes; not changed. No gradient flows through the sum.

    Returns:
        The sum, equal in all processes; the tensor itself where there is one process.
    """
    if not _joined():
        return values
    total = values.detach().clone()
    distributed.all_reduce(total)
    return total


def _joined() -> bool:
    return distributed.is_available() and distributed.is_initialized()
