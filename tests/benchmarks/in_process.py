"""Functions that tests call in a process of its own; imports little, so that it starts soon."""

from __future__ import annotations

import os

import torch

from benchmarks.processes import peak_memory


def threads_and_bytes_at_the_peak(megabytes: int) -> tuple[int, int]:
    torch.ones(200_000_000 // 4)  # a higher peak before, which does not count
    return torch.get_num_threads(), peak_memory(lambda: torch.ones(megabytes, 250_000).sum())


def die(code: int) -> None:
    os._exit(code)
