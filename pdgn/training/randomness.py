"""Random numbers keyed by where they are used, so that an interrupted run draws them again."""

from __future__ import annotations

import numpy as np
import torch

# First parts of the keys. (NumPy pads keys with zeros, so (seed, epoch) and (seed, epoch, 0) would be one stream.)
ORDER, STEP, PUSHED = 1, 2, 3


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
