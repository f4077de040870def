"""What is measured on, without which times mean nothing."""

from __future__ import annotations

import functools
import os
import platform
import statistics
import time
from importlib.metadata import version
from typing import Any

import torch

from benchmarks import processes

LIBRARIES = ("numpy", "scipy", "cholespy", "potpourri3d", "pygeodesic", "h5py", "torch", "torch-geometric")
SIZES = (2048, 4096)  # of the matrices whose product is timed
COPIED = 2**28  # bytes that are copied, more than any cache holds


def machine() -> dict[str, Any]:
    """Processor, cores, graphics processor, system and versions of libraries."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "system": platform.platform(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
    except OSError:
        return platform.processor() or "unknown"


def threads() -> int:
    """Threads of a training step: all cores."""
    return os.cpu_count() or 1


def matrix_product_rate(device: str = "cpu", dtype: str = "float32", repeats: int = 7) -> float:
    """Floating-point operations per second of a square matrix product [1/s]: the best size, the median of its runs."""
    rates = []
    for size in SIZES:
        left, right = (torch.randn(size, size, device=device).to(getattr(torch, dtype)) for _ in range(2))
        out = torch.empty_like(left)
        rates.append(2 * size**3 / _median_seconds(lambda: torch.mm(left, right, out=out), device, repeats))  # noqa: B023
    return max(rates)


def copy_bandwidth(device: str = "cpu", repeats: int = 9) -> float:
    """Bytes per second of a copy of a large tensor, what is read and what is written [byte/s]; the median of runs."""
    source = torch.ones(COPIED // 4, device=device)
    out = torch.empty_like(source)
    return 2 * COPIED / _median_seconds(lambda: out.copy_(source), device, repeats)


def synchronize(device: str) -> None:
    """Waits until a device has done what it was given."""
    if device != "cpu":
        torch.cuda.synchronize()


def _median_seconds(function: Any, device: str, repeats: int) -> float:
    seconds = []
    for _ in range(repeats + 1):
        synchronize(device)
        start = time.perf_counter()
        function()
        synchronize(device)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


@functools.cache
def rates() -> tuple[float, float]:
    """(matrix product [1/s], copy [byte/s]) of the processor with all its cores, measured once in a process of its
    own."""
    return (
        processes.call(matrix_product_rate, threads=threads()),
        processes.call(copy_bandwidth, threads=threads()),
    )
