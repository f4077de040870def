"""Joining finished shards into one file."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from pdgn.data.access import DamagedFileError, read_array, reading
from pdgn.data.schema import LIBRARY_VERSION, SPLIT_DTYPE, set_attributes
from pdgn.data.shards import TimeAxis, block_layout, copy_rows, create_trajectories, read_record, write_record


class Further(NamedTuple):
    """Attributes of arrays that are not fields: parameter → unit; mesh → scheme → split of each trajectory."""

    parameter_units: Mapping[str, str]
    split_schemes: Mapping[str, Mapping[str, Sequence[str]]]


FieldAttributes = Callable[[list[str]], dict[str, dict[str, str]]]


def output_matches(output: Path, manifest: Mapping[str, Any]) -> bool:
    """Whether a finished file came from the run of this manifest."""
    try:
        with h5py.File(output, "r") as file:
            return all(file.attrs.get(key) == manifest[key] for key in ("config_hash", "created", "seed", "name"))
    except OSError:
        return False


def assemble(
    partial: Path,
    target: Path,
    attributes: Mapping[str, Any],
    axis: TimeAxis,
    fields: FieldAttributes,
    further: Further,
) -> None:
    """Write all shards of a folder into one new file, ordered by mesh and block.

    Args:
        partial: folder of finished shards.
        target: path of the new file.
        attributes: those of the root.
        axis: time unit and origin.
        fields: names of fields → their attributes.
        further: attributes of parameters and splits.

    Raises:
        ValueError: a block is missing or does not fit to the others.
        DamagedFileError: a shard is damaged.
        OSError: the disk is full.
    """
    blocks = _blocks_by_mesh(partial)
    _require_space(partial, target)
    with _hdf5_errors(target), h5py.File(target, "w", libver=LIBRARY_VERSION) as file:
        set_attributes(file, attributes)
        for path in sorted(partial.glob("mesh=*.h5")):
            with _shard(path) as shard:
                write_record(file.create_group(f"meshes/{path.stem.removeprefix('mesh=')}"), read_record(shard))
        for mesh, paths in blocks.items():
            num_nodes = file[f"meshes/{mesh}/pos"].shape[0]
            group = file.create_group(f"trajectories/{mesh}")
            _join_blocks(group, paths, num_nodes, axis, fields)
            _describe(group, mesh, further)
        file.flush()


def _blocks_by_mesh(partial: Path) -> dict[str, list[Path]]:
    blocks: dict[str, list[Path]] = {}
    for path in sorted(partial.glob("block=*.h5")):
        _, mesh, index = path.stem.split("=")
        if int(index) != len(blocks.setdefault(mesh, [])):
            raise ValueError(
                f"{partial}: block {len(blocks[mesh])} of mesh {mesh!r} is missing (block {int(index)} is there)"
            )
        blocks[mesh].append(path)
    for mesh in blocks:
        if not (partial / f"mesh={mesh}.h5").exists():
            raise ValueError(f"{partial}: there are trajectories on mesh {mesh!r}, but the mesh itself was not written")
    if not blocks:
        raise ValueError(f"{partial}: no trajectories were written")
    return blocks


def _require_space(partial: Path, reservation: Path) -> None:
    """Take the space of the whole file once before: the HDF5 library meets a full disk or a quota in many places badly.

    Raises:
        OSError: with the errno of what is short.
    """
    needed = sum(path.stat().st_size for path in partial.glob("*.h5"))
    descriptor = os.open(reservation, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.posix_fallocate(descriptor, 0, needed)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # a file system that cannot reserve
            raise
    finally:
        os.close(descriptor)
        reservation.unlink()


@contextmanager
def _hdf5_errors(target: Path) -> Iterator[None]:
    """The library wraps a failed write in OSError or RuntimeError, often without the errno."""
    try:
        yield
    except DamagedFileError:
        raise
    except (OSError, RuntimeError) as error:
        target.unlink(missing_ok=True)  # it only takes the space that is wanted
        number = getattr(error, "errno", None) or _errno_in(str(error))
        raise OSError(number, os.strerror(number), str(target)) from error


def _errno_in(message: str) -> int:
    found = re.search(r"errno = (\d+)", message)
    return int(found[1]) if found else errno.EIO


@contextmanager
def _shard(path: Path) -> Iterator[h5py.File]:
    with reading(str(path), "shard"):
        file = h5py.File(path, "r")
    try:
        yield file
    except DamagedFileError as error:
        raise DamagedFileError(f"{error}; remove this shard and run again to write it anew") from error
    finally:
        file.close()


def _join_blocks(group: h5py.Group, paths: list[Path], num_nodes: int, axis: TimeAxis, fields: FieldAttributes) -> None:
    with _shard(paths[0]) as shard:
        layout, time = block_layout(shard), read_array(shard["time"])
        for name, (_, shape) in layout.items():
            if name.startswith("fields/") and shape[1] != num_nodes:
                raise ValueError(f"{paths[0]}: {name}: wanted {num_nodes} nodes as the mesh has, got {shape[1]}")
    counts = []
    for path in paths:
        with _shard(path) as shard:
            _require_same(path, block_layout(shard), layout)
            if not np.array_equal(read_array(shard["time"]), time):
                raise ValueError(f"{path}: wanted the time axis of the first block of the mesh, got another")
            counts.append(shard["split"].shape[0])
    names = [name.removeprefix("fields/") for name in layout if name.startswith("fields/")]
    with _shard(paths[0]) as shard:
        create_trajectories(group, sum(counts), shard, axis, fields(names))
    for path, first in zip(paths, np.cumsum([0, *counts])):
        with _shard(path) as shard:
            copy_rows(group, shard, int(first), list(layout))


def _describe(group: h5py.Group, mesh: str, further: Further) -> None:
    for name, unit in further.parameter_units.items():
        if f"parameters/{name}" in group:
            set_attributes(group[f"parameters/{name}"], {"unit": unit})
    schemes = further.split_schemes.get(mesh, {})
    for scheme, entries in schemes.items():
        if len(entries) != len(group["split"]):
            wanted = f"wanted an entry for each of {len(group['split'])} trajectories of mesh {mesh!r}"
            raise ValueError(f"split scheme {scheme!r}: {wanted}, got {len(entries)}")
    if schemes:
        set_attributes(group["split"], {name: np.asarray(rows, dtype=SPLIT_DTYPE) for name, rows in schemes.items()})


def _require_same(path: Path, layout: dict[str, Any], wanted: dict[str, Any]) -> None:
    differs = sorted(name for name in layout.keys() | wanted.keys() if layout.get(name) != wanted.get(name))
    if differs:
        name = differs[0]
        raise ValueError(
            f"{path}: {name}: wanted dtype and shape {wanted.get(name)} as in block 0, got {layout.get(name)}"
        )
