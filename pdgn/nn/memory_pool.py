"""Large tensors that are used again once nothing refers to them: for loops that make the same ones at every step."""

from __future__ import annotations

import math
import mmap
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor
from torch.nn import Parameter, functional

LEAST = 1 << 20  # bytes; below it the C library keeps what is freed by itself
RETURNED = 32 << 20  # bytes; blocks above go back to the system as soon as they are freed
PATIENCE = 64  # takes of a reclaimable pool, after which memory that nobody asked for again is given up
# Elsewhere than on Unix there is no such choice.
PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


class _Buffer:
    """Memory, whether it is lent, and the take at which it was lent last."""

    def __init__(self, count: int) -> None:
        self.memory = mmap.mmap(-1, count, **PRIVATE)
        self.taken = 0
        self._lent: weakref.ref[memoryview] | None = None

    def free(self) -> bool:
        return self._lent is None

    def lend(self, taken: int, reclaimable: bool) -> memoryview:
        def back(_: object) -> None:
            # Free only after that: another thread might already write what the system may take.
            if reclaimable:
                self.memory.madvise(mmap.MADV_FREE)
            self._lent = None

        view = memoryview(self.memory)
        self.taken, self._lent = taken, weakref.ref(view, back)
        return view


class MemoryPool:
    """Memory of large tensors of a CPU, lent again to others of exactly their size.

    The C library gives blocks above 32 MB back to the system as soon as they are freed, and the system clears every
    page of the next one, which takes longer than computing it. A loop that keeps what it had is spared that.

    Each lent tensor rests on a `memoryview` of its own over a common buffer. PyTorch lets that view go with the last
    tensor that shares the memory; until then the buffer counts as lent.

    Args:
        reclaimable: for a pool that outlives its loop. What comes back is marked as the system's to take when memory
            is short (it still counts as the process's until then), and dropped after PATIENCE other takes.
    """

    def __init__(self, reclaimable: bool = False) -> None:
        self.reclaimable = reclaimable
        self._buffers: dict[int, list[_Buffer]] = {}
        self._taken = 0
        self._lock = threading.Lock()

    def take(self, count: int) -> memoryview:
        """Memory of `count` bytes that nothing else uses; its content is what was left there."""
        with self._lock:
            self._taken += 1
            if self.reclaimable:
                self._drop_unasked()
            kept = self._buffers.setdefault(count, [])
            buffer = next((buffer for buffer in kept if buffer.free()), None)
            if buffer is None:
                buffer = _Buffer(count)
                kept.append(buffer)
            return buffer.lend(self._taken, self.reclaimable)

    def _drop_unasked(self) -> None:
        for count, kept in list(self._buffers.items()):
            still = [one for one in kept if not one.free() or self._taken - one.taken <= PATIENCE]
            if still:
                self._buffers[count] = still
            else:
                del self._buffers[count]


_pool: ContextVar[MemoryPool | None] = ContextVar("pool", default=None)
_of_process = MemoryPool(reclaimable=True) if hasattr(mmap, "MADV_FREE") else None


@contextmanager
def pooled(pool: MemoryPool) -> Iterator[None]:
    """Inside, :func:`empty` takes large tensors from this pool, if no gradient is recorded where it begins."""
    token = _pool.set(None if torch.is_grad_enabled() else pool)
    try:
        yield
    finally:
        _pool.reset(token)


def empty(shape: tuple[int, ...] | torch.Size, like: Tensor) -> Tensor:
    """A tensor without content, of the dtype and on the device of another one.

    From the pool in use where there is one and the tensor is large and on a CPU.
    """
    return _taken(shape, like, _pool.get(), LEAST)


def empty_again(shape: tuple[int, ...] | torch.Size, like: Tensor) -> Tensor:
    """As :func:`empty`; above 32 MB and outside :func:`pooled` from a pool of the process, gradients or not.

    For results that are so large, and so cheap to compute, that clearing their pages would take most of the time.
    """
    pool = _pool.get()
    return _taken(shape, like, *((_of_process, RETURNED) if pool is None else (pool, LEAST)))


def _taken(shape: tuple[int, ...] | torch.Size, like: Tensor, pool: MemoryPool | None, least: int) -> Tensor:
    count = math.prod(shape) * like.element_size()
    if pool is None or count < least or type(like) not in (Tensor, Parameter) or like.device.type != "cpu":
        return like.new_empty(shape)
    return torch.frombuffer(pool.take(count), dtype=like.dtype).view(shape)


def cat(parts: list[Tensor]) -> Tensor:
    """[M, …] side by side, as `torch.cat(parts, dim=1)`, in memory as :func:`empty` gives it."""
    if _pool.get() is None or len({part.dtype for part in parts}) > 1:
        return torch.cat(parts, dim=1)
    return torch.cat(parts, dim=1, out=empty((parts[0].size(0), sum(part.size(1) for part in parts)), parts[0]))


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x W^T + b of [M, R], as `functional.linear`, in memory as :func:`empty` gives it."""
    if _pool.get() is None or x.dim() != 2 or torch.is_autocast_enabled(x.device.type):
        return functional.linear(x, weight, bias)
    return torch.addmm(bias, x, weight.t(), out=empty((x.size(0), weight.size(0)), x))
