"""What the HDF5 file of schema 1.0 is called, how its attributes are hashed and its arrays chunked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

SCHEMA = "pdgn"
SCHEMA_VERSION = "1.0"
SPLITS = ("train", "valid", "test")
# Further schemes, attributes of `split`, may leave trajectories out.
SCHEME_SPLITS = (*SPLITS, "none")
# <field>_observed holds what sensors report of a field: with noise, NaN and a false mask where a report is missing.
OBSERVED = "_observed"
SPLIT_DTYPE = np.dtype("S5")
HASH_ATTRIBUTE = "attribute_hash"
ROOT_ATTRIBUTES = (
    "schema", "schema_version", "pdgn_version", "name", "description", "license",
    "config", "config_hash", "seed", "created",
)  # fmt: skip
# Parameters that the reader understands: trajectory k holds num_frames[k] frames, at time + time_offset[k].
NUM_FRAMES = "num_frames"
TIME_OFFSET = "time_offset"
# Metadata blocks carry their own checksums from this format on; the arrays carry Fletcher32 in every format.
LIBRARY_VERSION = ("v110", "v110")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_CHUNK_BYTES = 2**18
_LARGEST_CHUNK_BYTES = 2**22


def require_name(name: str, kind: str) -> str:
    """Return the name of a mesh, field or array that may be part of a path inside the file.

    Raises:
        ValueError: it is not made of letters, digits and ``_ . + -`` or starts with one of the last three.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(
            f"{kind}: wanted a name of letters, digits and '_.+-' that starts with a letter or digit, got {name!r}"
        )
    return name


def attribute_hash(attributes: Mapping[str, Any]) -> str:
    """SHA-256 of all attributes but the hash itself, independent of their order.

    Args:
        attributes: name → string, number or array.

    Returns:
        64 hexadecimal digits.
    """
    plain = {name: _plain(value) for name, value in attributes.items() if name != HASH_ATTRIBUTE}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value


def set_attributes(target: h5py.Group | h5py.Dataset, attributes: Mapping[str, Any]) -> None:
    """Write the attributes of a group or array together with their hash."""
    for name, value in attributes.items():
        target.attrs[name] = value
    target.attrs[HASH_ATTRIBUTE] = attribute_hash(dict(target.attrs))


def array_chunks(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Chunk shape of an ordinary array: whole rows, about a quarter of a MiB, rows divided only where one exceeds 4
    MiB."""
    row = itemsize * int(np.prod(shape[1:], dtype=np.int64))
    if row <= _LARGEST_CHUNK_BYTES or len(shape) == 1:
        return (min(shape[0], max(1, _CHUNK_BYTES // row)), *shape[1:])
    return (1, *array_chunks(shape[1:], itemsize))


def field_chunks(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Chunk shape of a field [n, T, V, ...]: one trajectory, a window of time, all nodes of a frame up to 4 MiB."""
    return (1, *array_chunks(shape[1:], itemsize))


def create_array(
    group: h5py.Group, name: str, shape: tuple[int, ...], dtype: np.dtype, chunks: tuple[int, ...] | None = None
) -> h5py.Dataset:
    """Create an array with a Fletcher32 checksum on every chunk.

    Raises:
        ValueError: the array has no entries, so that no chunk could hold it.
    """
    if 0 in shape:
        raise ValueError(f"{group.name}/{name}: wanted an array with entries, got shape {shape}")
    chunks = chunks or array_chunks(shape, np.dtype(dtype).itemsize)
    return group.create_dataset(name, shape=shape, dtype=dtype, chunks=chunks, fletcher32=True)


def write_array(group: h5py.Group, name: str, values: np.ndarray, attributes: Mapping[str, Any] | None = None) -> None:
    """Write one whole array, with its attributes and their hash where it has any."""
    dataset = create_array(group, name, values.shape, values.dtype)
    dataset[...] = values
    if attributes:
        set_attributes(dataset, attributes)
