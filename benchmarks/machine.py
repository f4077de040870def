"""What is measured on, without which times mean nothing."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NamedTuple

import torch

LIBRARIES = ("numpy", "scipy", "cholespy", "potpourri3d", "pygeodesic", "h5py", "torch", "torch-geometric")
PRODUCT = 2048  # rows of the matrices whose product is timed: as fast as larger ones
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


class Work(NamedTuple):
    """Something that shows a rate of the machine: a function to time, and the operations or bytes of a call."""

    run: Callable[[], object]
    amount: int


def matrix_product(device: str = "cpu", dtype: torch.dtype = torch.float32) -> Work:
    """A product of square matrices, and its floating-point operations."""
    left, right = (torch.randn(PRODUCT, PRODUCT, device=device).to(dtype) for _ in range(2))
    out = torch.empty_like(left)
    return Work(lambda: torch.mm(left, right, out=out), 2 * PRODUCT**3)


def copy(device: str = "cpu") -> Work:
    """A copy of a large tensor, and the bytes that it reads and writes."""
    source = torch.ones(COPIED // 4, device=device)
    out = torch.empty_like(source)
    return Work(lambda: out.copy_(source), 2 * COPIED)


def synchronize(device: str) -> None:
    """Waits until a device has done what it was given."""
    if device != "cpu":
        torch.cuda.synchronize()
