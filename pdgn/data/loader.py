"""Batches of windows, loaded by other processes without sending what all of them share."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, get_worker_info
from torch_geometric.data import Batch, Data

from pdgn.data.dataset import MeshDynamicsDataset

_ALWAYS = ("x", "x_mask", "y", "y_mask", "forcing", "dt", "mesh_id", "trajectory_id", "start")
_CONTEXT = ("node_context", "edge_context")
_PREFETCH = 4
_ALIGNMENT = 64


class Parcel(NamedTuple):
    """A batch on its way from a worker: its meshes, and its tensors themselves or where they lie in which slot."""

    meshes: tuple[int, ...]
    slot: int | None
    tensors: dict[str, Any]


class WindowLoader(DataLoader):
    """Batches of windows, tensor for tensor those of PyG's DataLoader, faster and worth having workers for.

    What belongs to the meshes (edges, reference weights, positions) is joined once per composition of a batch and
    shared by its batches: do not change it in place. Workers write frames into slots of shared memory that are used
    again and again; fresh shared memory for every batch would cost more time than reading the file.

    Args:
        dataset: windows.
        batch_size, shuffle, options: as of `torch.utils.data.DataLoader` (sampler, num_workers, persistent_workers, …).
    """

    def __init__(
        self, dataset: MeshDynamicsDataset, batch_size: int = 1, shuffle: bool = False, **options: Any
    ) -> None:
        options.pop("collate_fn", None)  # Lightning passes it on when it makes a loader anew
        workers = options.get("num_workers", 0)
        if workers and options.get("prefetch_factor") is None:
            options["prefetch_factor"] = _PREFETCH
        keys = _ALWAYS + (_CONTEXT if dataset.context_varies else ())
        self._first = dataset.first_windows()
        self._joined: dict[tuple[int, ...], Batch] = {}
        slots = None
        if workers:
            window = max(_packed_bytes(dataset[index], keys) for index in self._first.values())
            # One more than are under way at a time: the main process may still be copying the one that it took.
            count = workers * (options["prefetch_factor"] + 1)
            slots = torch.empty(count, (batch_size or 1) * window, dtype=torch.uint8).share_memory_()
        self._slots: Tensor | None = slots
        super().__init__(dataset, batch_size, shuffle, collate_fn=Collater(keys, slots), **options)

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        for parcel in super().__iter__():
            yield self._unpack(parcel)

    def _unpack(self, parcel: Parcel) -> Batch:
        batch = copy.copy(self._template(parcel.meshes))
        slot = None if parcel.slot is None or self._slots is None else self._slots[parcel.slot]
        for key, value in parcel.tensors.items():
            batch[key] = value if slot is None else _view(slot, *value).clone()
        return batch

    def _template(self, meshes: tuple[int, ...]) -> Batch:
        """A batch of any windows on these meshes, in this order."""
        if meshes not in self._joined:
            if len(self._joined) >= 8:
                self._joined.clear()
            samples = {mesh: self.dataset[self._first[mesh]] for mesh in set(meshes)}
            self._joined[meshes] = Batch.from_data_list([samples[mesh] for mesh in meshes])
        return self._joined[meshes]


class Collater:
    """Joins what differs between the windows of a batch; in a worker, inside the next of its slots.

    Args:
        keys: names of the tensors that differ.
        slots: shared memory [number, bytes] uint8, or None without workers.
    """

    def __init__(self, keys: tuple[str, ...], slots: Tensor | None) -> None:
        self.keys = keys
        self.slots = slots
        self._turn = 0

    def __call__(self, samples: list[Data]) -> Parcel:
        meshes = tuple(int(sample.mesh_id) for sample in samples)
        parts = {key: [sample[key] for sample in samples] for key in self.keys}
        worker = get_worker_info()
        size = sum(_packed_bytes(sample, self.keys) for sample in samples)
        if worker is None or self.slots is None or size > self.slots.shape[1]:
            return Parcel(meshes, None, {key: torch.cat(values) for key, values in parts.items()})
        each = len(self.slots) // worker.num_workers
        slot = worker.id * each + self._turn % each
        self._turn += 1
        return Parcel(meshes, slot, _write(self.slots[slot], parts))


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _packed_bytes(sample: Data, keys: tuple[str, ...]) -> int:
    return sum(_aligned(sample[key].nbytes) for key in keys)


def _write(slot: Tensor, parts: dict[str, list[Tensor]]) -> dict[str, tuple[int, torch.dtype, torch.Size]]:
    """Join the tensors inside a slot; key → offset, dtype and shape."""
    places, offset = {}, 0
    for key, values in parts.items():
        shape = torch.Size([sum(len(value) for value in values), *values[0].shape[1:]])
        places[key] = (offset, values[0].dtype, shape)
        torch.cat(values, out=_view(slot, *places[key]))
        offset += _aligned(shape.numel() * values[0].itemsize)
    return places


def _view(slot: Tensor, offset: int, dtype: torch.dtype, shape: torch.Size) -> Tensor:
    return slot[offset : offset + shape.numel() * dtype.itemsize].view(dtype).view(shape)
