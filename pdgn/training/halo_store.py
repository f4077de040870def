"""Where the states of parts wait until they are needed again: in memory, or in a file."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import torch
from torch import Tensor


class MemoryBlock:
    """A tensor that waits in the memory of the host.

    Args:
        values: copied.
    """

    def __init__(self, values: Tensor) -> None:
        self._values = values.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)

    def get(self) -> Tensor:
        """The values, on the CPU; not to be changed."""
        return self._values


class FileBlock:
    """A tensor that waits in a file; its place is free again as soon as nothing refers to it.

    Args:
        store: gives the place. values: written.
    """

    def __init__(self, store: BlockStore, values: Tensor) -> None:
        self._store, self._shape, self._dtype = store, values.shape, values.dtype
        self._size = values.numel() * values.element_size()
        self._place = store.write(_bytes(values.detach().cpu().contiguous()), self._size)

    def get(self) -> Tensor:
        """The values, on the CPU."""
        values = torch.empty(self._shape, dtype=self._dtype)
        self._store.read(_bytes(values), self._place)
        return values

    def __del__(self) -> None:
        if hasattr(self, "_place"):
            self._store.release(self._place, self._size)


Block = MemoryBlock | FileBlock


class BlockStore:
    """Makes blocks.

    Args:
        folder: for a temporary file that vanishes with the store, or with the process; None: blocks stay in memory.

    Raises:
        ValueError: folder is no folder.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        if folder is not None and not Path(folder).is_dir():
            raise ValueError(f"training.scratch: wanted an existing folder, given '{folder}'")
        self._folder = folder
        self._file = None if folder is None else tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._end = 0
        self._free: dict[int, list[int]] = {}

    def put(self, values: Tensor) -> Block:
        """A copy of a tensor, to be asked for later.

        Raises:
            OSError: the disk of the folder is full.
        """
        return MemoryBlock(values) if self._file is None else FileBlock(self, values)

    def write(self, values: memoryview, size: int) -> int:
        """Writes bytes to the file.

        Returns:
            Where.
        """
        assert self._file is not None
        free = self._free.get(size)
        place = free.pop() if free else self._end
        self._file.seek(place)
        try:
            while len(values):
                values = values[self._file.write(values) :]
        except OSError as error:
            raise OSError(f"training.scratch: {self._folder}: {error.strerror} at {self._end:,} bytes") from error
        self._end = max(self._end, place + size)
        return place

    def read(self, values: memoryview, place: int) -> None:
        """Fills a buffer from the file."""
        assert self._file is not None
        self._file.seek(place)
        while len(values):
            count = self._file.readinto(values)
            if not count:
                raise OSError(f"training.scratch: {self._folder}: wanted {len(values)} more bytes, given the end")
            values = values[count:]

    def release(self, place: int, size: int) -> None:
        """Lets the bytes of a block be written over."""
        self._free.setdefault(size, []).append(place)


def _bytes(values: Tensor) -> memoryview:
    if math.prod(values.shape) == 0:
        return memoryview(b"")
    return values.view(-1).view(torch.uint8).numpy().data
