"""Large tensors that are used again once nothing refers to them: for loops that make the same ones at every step."""

from __future__ import annotations

import math
import mmap
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor
from torch.nn import Parameter, functional

LEAST = 1 << 20  # bytes; below it the C library keeps what is freed by itself
# Elsewhere than on Unix there is no such choice.
PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


class MemoryPool:
    """Memory of large tensors of a CPU, lent again to others of exactly their size.

    The C library gives blocks above 32 MB back to the system as soon as they are freed, and the system clears every
    page of the next one, which takes longer than computing it. A loop that keeps what it had is spared that.

    Each lent tensor rests on a `memoryview` of its own over a common buffer. PyTorch lets that view go with the last
    tensor that shares the memory; until then the buffer counts as lent.
    """

    def __init__(self) -> None:
        self._buffers: dict[int, list[tuple[mmap.mmap, weakref.ref[memoryview]]]] = {}

    def take(self, count: int) -> memoryview:
        """Memory of `count` bytes that nothing else uses; its content is what was left there."""
        kept = self._buffers.setdefault(count, [])
        for place, (buffer, lent) in enumerate(kept):
            if lent() is None:
                view = memoryview(buffer)
                kept[place] = (buffer, weakref.ref(view))
                return view
        buffer = mmap.mmap(-1, count, **PRIVATE)
        view = memoryview(buffer)
        kept.append((buffer, weakref.ref(view)))
        return view


_pool: ContextVar[MemoryPool | None] = ContextVar("pool", default=None)


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
    count, pool = math.prod(shape) * like.element_size(), _pool.get()
    if pool is None or count < LEAST or type(like) not in (Tensor, Parameter) or like.device.type != "cpu":
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
