"""Whether bfloat16 is worth while on this processor."""

from __future__ import annotations

import statistics
import time

import torch

SLOW = 3.0  # times as long as in float32: its products are emulated


def bfloat16_ratio(size: int = 256, repeats: int = 5) -> float:
    """How many times as long a product of square matrices takes on the CPU in bfloat16 as in float32.

    Below 1 on processors with instructions for it, 40 on some without.

    Args:
        size: rows of the matrices. repeats: runs of each, in turn; medians are compared.
    """
    single = torch.randn(size, size, generator=torch.Generator().manual_seed(0))
    sides = single, single.bfloat16()
    seconds: list[list[float]] = [[], []]
    for run in range(repeats + 1):
        for side, x in enumerate(sides):
            start = time.perf_counter()
            x @ x
            if run > 0:
                seconds[side].append(time.perf_counter() - start)
    return statistics.median(seconds[1]) / statistics.median(seconds[0])
