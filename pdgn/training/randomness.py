"""Random numbers keyed by where they are used, so that an interrupted run draws them again."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import numpy as np
import torch
from torch.utils.data import Sampler

# First parts of the keys. (NumPy pads keys with zeros, so (seed, epoch) and (seed, epoch, 0) would be one stream.)
ORDER, STEP = 1, 2


def keyed_generator(*key: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator whose stream is a function of its key alone.

    Args:
        key: integers of at least 0, for example (STEP, seed, epoch, step).
        device: where the numbers are drawn.

    Returns:
        A fresh `torch.Generator`.
    """
    state = np.random.SeedSequence(key).generate_state(1, np.uint64)[0]
    return torch.Generator(device=device).manual_seed(int(state) >> 1)


class EpochSampler(Sampler[int]):
    """A random order of the data, keyed by (seed, epoch).

    Args:
        data: what has a length.
        seed: first part of the key.
        epoch: second part of the key for the first pass. Reading processes draw an order as soon as they start,
            before `set_epoch`, so a resumed run must name its epoch here.
    """

    def __init__(self, data: Sized, seed: int, epoch: int = 0) -> None:
        self.data = data
        self.seed = seed
        self.epoch = epoch

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch of the next pass (Lightning calls it before every epoch).

        Args:
            epoch: epochs completed before it.
        """
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[int]:
        order = torch.randperm(len(self.data), generator=keyed_generator(ORDER, self.seed, self.epoch))
        return iter(order.tolist())
