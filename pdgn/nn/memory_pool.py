"""Large tensors that are used again once nothing refers to them: for loops that make the same ones at every step."""

from __future__ import annotations

import math
import mmap
import os
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
# Elsewhere than on Unix there is no such choice.
PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


class _Buffer:
    """Memory and whether it is lent."""

    def __init__(self, count: int) -> None:
        self.memory = mmap.mmap(-1, count, **PRIVATE)
        self._lent: weakref.ref[memoryview] | None = None

    def free(self) -> bool:
        return self._lent is None

    def lend(self, reclaimable: bool) -> memoryview:
        def back(_: object) -> None:
            # Free only after that: another thread might already write what the system may take.
            try:
                if reclaimable:
                    self.memory.madvise(mmap.MADV_FREE)
            except OSError:  # locked memory stays
                pass
            finally:
                self._lent = None

        view = memoryview(self.memory)
        self._lent = weakref.ref(view, back)
        return view


class MemoryPool:
    """Memory of large tensors of a CPU, lent again to others of exactly their size.

    The C library gives blocks above 32 MB back to the system as soon as they are freed, and the system clears every
    page of the next one, which takes longer than computing it. A loop that keeps what it had is spared that.

    Each lent tensor rests on a `memoryview` of its own over a common buffer. PyTorch lets that view go with the last
    tensor that shares the memory; until then the buffer counts as lent.

    Args:
        reclaimable: for a pool that outlives its loop. It never holds more than was lent at one time, free buffers of
            other sizes go first, and what comes back is marked as the system's to take when memory is short (until
            then it still counts as the process's).
    """

    def __init__(self, reclaimable: bool = False) -> None:
        self.reclaimable = reclaimable
        self._buffers: dict[int, list[_Buffer]] = {}
        self._most = 0  # bytes lent at one time
        self._lock = threading.Lock()

    def take(self, count: int) -> memoryview:
        """Memory of `count` bytes that nothing else uses; its content is what was left there.

        Raises:
            OSError: the system has none.
        """
        with self._lock:
            buffer = next((buffer for buffer in self._buffers.get(count, ()) if buffer.free()), None)
            if buffer is None:
                buffer = self._new(count)
                self._buffers.setdefault(count, []).append(buffer)
            return buffer.lend(self.reclaimable)

    def unlock(self) -> None:
        """For the child of a fork: the thread that held the lock is not there to give it back."""
        self._lock = threading.Lock()

    def _new(self, count: int) -> _Buffer:
        if self.reclaimable:
            lent = sum(size for size, kept in self._buffers.items() for buffer in kept if not buffer.free())
            self._most = max(self._most, lent + count)
            self._drop(self._most - count)
        try:
            return _Buffer(count)
        except OSError:
            self._drop(0)
            return _Buffer(count)

    def _drop(self, most: int) -> None:
        """Gives up free buffers, those of the size that was asked for first long ago before others, down to a size."""
        held = sum(size * len(kept) for size, kept in self._buffers.items())
        for size in list(self._buffers):
            while held > most and (free := next((one for one in self._buffers[size] if one.free()), None)):
                self._buffers[size].remove(free)
                held -= size
            if not self._buffers[size]:
                del self._buffers[size]


_pool: ContextVar[MemoryPool | None] = ContextVar("pool", default=None)
_of_process = MemoryPool(reclaimable=True) if hasattr(mmap, "MADV_FREE") else None
if _of_process is not None:
    os.register_at_fork(after_in_child=_of_process.unlock)


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
    Such a tensor cannot be resized in place, as one from numpy cannot.
    """
    pool = _pool.get()
    return _taken(shape, like, *((_of_process, RETURNED) if pool is None else (pool, LEAST)))


def _taken(shape: tuple[int, ...] | torch.Size, like: Tensor, pool: MemoryPool | None, least: int) -> Tensor:
    count = math.prod(shape) * like.element_size()
    if pool is None or count < least or type(like) not in (Tensor, Parameter) or like.device.type != "cpu":
        return like.new_empty(shape)
    try:
        return torch.frombuffer(pool.take(count), dtype=like.dtype).view(shape)
    except OSError:
        return like.new_empty(shape)  # says itself what it wants


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
