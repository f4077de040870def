"""Room for large results."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

# From this size on glibc asks the system for memory anew each time; its pages are cleared as they are first touched.
LARGE = 1 << 45
HUGE_PAGE_ADVICE = 14  # MADV_HUGEPAGE of Linux


def empty(shape: torch.Size | tuple[int, ...], like: Tensor) -> Tensor:
    """A tensor not yet written, of the dtype and on the device of another; large ones on a CPU in huge pages.

    With pages of 4 kB a tensor of 150 MB costs more time to be given by the system than to be written; where the
    system has huge pages of 2 MB on request, less than half of it.

    Args:
        shape: of the tensor. like: gives dtype and device.
    """
    out = like.new_empty(shape)
    size = out.numel() * out.element_size()
    if out.device.type == "cpu" and size >= LARGE:
        advise = _advise()
        if advise is not None:
            first = -(-out.data_ptr() // 4096) * 4096
            advise(first, (out.data_ptr() + size - first) // 4096 * 4096, HUGE_PAGE_ADVICE)
    return out


@lru_cache(maxsize=1)
def _advise() -> Callable[[int, int, int], int] | None:
    """madvise of the C library on Linux; it is advice, so its answer does not matter."""
    if not sys.platform.startswith("linux"):
        return None
    advise = ctypes.CDLL(None).madvise
    advise.argtypes, advise.restype = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int), ctypes.c_int
    return advise
