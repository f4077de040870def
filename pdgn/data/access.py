"""Reading the HDF5 library's objects so that damage comes out as one line with the path of the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pdgn.data.schema import HASH_ATTRIBUTE, SCHEMA, SCHEMA_VERSION, attribute_hash

# What the HDF5 library is known to raise on damaged bytes (UnicodeDecodeError is a ValueError).
_READ_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError)


class DamagedFileError(OSError):
    """Bytes of the file do not say what was written: a checksum, a hash or the structure of the file is wrong."""


@contextmanager
def reading(file: str, where: str) -> Iterator[None]:
    """Turn what the HDF5 library raises while it reads ``where`` in ``file`` into one line.

    Raises:
        DamagedFileError: the library could not read.
    """
    try:
        yield
    except DamagedFileError:
        raise
    except _READ_ERRORS as error:
        reason = " ".join(str(error).split())[:200]
        kind = "checksum failure" if "checksum" in reason.lower() or "filter returned failure" in reason else "damaged"
        raise DamagedFileError(f"{file}: {where}: cannot be read, {kind} ({reason})") from error


def read_array(dataset: h5py.Dataset, selection: Any = ()) -> np.ndarray:
    """The entries of an array, their checksums verified.

    Args:
        dataset: an open array.
        selection: what to read, as NumPy would index; everything by default.

    Raises:
        DamagedFileError: a checksum fails or the array cannot be read.
    """
    try:  # not reading(): this is the hot path of training
        return np.asarray(dataset[selection])
    except _READ_ERRORS:
        with reading(dataset.file.filename, dataset.name):
            return np.asarray(dataset[selection])


def read_attributes(target: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    """All attributes of a group or array without the hash, after the hash was verified.

    Raises:
        DamagedFileError: the attributes cannot be read or do not match their hash.
    """
    file = target.file.filename
    with reading(file, f"attributes of {target.name}"):
        attributes = dict(target.attrs)
    stored = attributes.pop(HASH_ATTRIBUTE, None)
    if attributes and stored is None:
        raise DamagedFileError(f"{file}: attributes of {target.name}: the hash {HASH_ATTRIBUTE!r} is missing")
    if attributes and stored != attribute_hash(attributes):
        raise DamagedFileError(f"{file}: attributes of {target.name}: do not match their hash, damaged or edited")
    return attributes


def children(group: h5py.Group) -> dict[str, h5py.Group | h5py.Dataset]:
    """Name → object for everything directly inside a group.

    Raises:
        DamagedFileError: the group cannot be listed or an object in it not opened.
    """
    with reading(group.file.filename, group.name):
        return {name: group[name] for name in group}


def open_hdf5(path: str | os.PathLike[str]) -> h5py.File:
    """Open a file of this schema for reading, its root attributes verified.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: the file is not HDF5, truncated or damaged.
        ValueError: the file is of another schema or version.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: wanted an HDF5 file, got a folder")
    try:
        file = h5py.File(path, "r", rdcc_nbytes=2**24)
    except OSError as error:
        reason = " ".join(str(error).split())
        if "truncated" in reason:
            raise OSError(f"{path}: truncated HDF5 file ({reason}); copy or generate it again") from error
        if "signature not found" in reason:
            raise OSError(f"{path}: not an HDF5 file") from error
        raise OSError(f"{path}: cannot be opened as an HDF5 file ({reason[:200]})") from error
    try:
        _require_schema(path, file)
    except BaseException:
        file.close()
        raise
    return file


def _require_schema(path: Path, file: h5py.File) -> None:
    with reading(str(path), "attributes of /"):
        schema, version = file.attrs.get("schema"), file.attrs.get("schema_version")
    if schema != SCHEMA:
        raise ValueError(
            f"{path}: an HDF5 file, but not a pdgn dataset (attribute 'schema': wanted {SCHEMA!r}, got {schema!r})"
        )
    if version != SCHEMA_VERSION:
        raise ValueError(
            f"{path}: has schema version {version}, this pdgn reads {SCHEMA_VERSION}; generate it again, or use the "
            f"pdgn that wrote it"
        )
    read_attributes(file)
