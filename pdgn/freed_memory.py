"""What the C library does with memory that is given back to it."""

from __future__ import annotations

import ctypes

MMAP_MAX, TRIM_THRESHOLD = -4, -1  # of glibc's malloc.h
NEVER = -1


def keep_freed_memory() -> bool:
    """Tells the C library to keep large blocks that are freed, for the next one that asks, until the process ends.

    A step of a roll-out on a large mesh makes tensors of the size of the edges and gives them back. By default blocks
    above 32 MB go back to the system each time, which clears every page of the next one: from 100,000 vertices on half
    as long again as the arithmetic takes. `pdgn predict` calls this; a program of your own may, before its first large
    tensor. The price: peaks are higher, by a fifth in a roll-out, and other programs get nothing back in between.

    Returns:
        Whether it could be told: a glibc alone can (Linux), anything else stays as it is.

    Reference:
        mallopt(3), M_MMAP_MAX and M_TRIM_THRESHOLD.
    """
    try:
        library = ctypes.CDLL(None)
        told = library.gnu_get_libc_version is not None
        told = bool(library.mallopt(MMAP_MAX, 0)) and told
        return bool(library.mallopt(TRIM_THRESHOLD, NEVER)) and told
    except (OSError, AttributeError, TypeError):  # no glibc
        return False
