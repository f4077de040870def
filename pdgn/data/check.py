"""Verifying a dataset file: names, shapes, dtypes, ranges, units, splits, checksums and hashes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from pdgn.data.access import DamagedFileError, children, read_array, read_attributes, reading
from pdgn.data.record_checks import required_arrays
from pdgn.data.schema import NUM_FRAMES, ROOT_ATTRIBUTES, SCHEMA, SCHEMA_VERSION, SPLIT_DTYPE, SPLITS, TIME_OFFSET
from pdgn.data.shards import read_record


class Violation(NamedTuple):
    """One thing that is wrong: the path inside the file, and what was wanted and found."""

    path: str
    message: str


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
        # Finished files never change, so no lock is needed; read-only and network file systems often have none.
        file = h5py.File(path, "r", locking=False, rdcc_nbytes=2**24)
    except OSError as error:
        reason = " ".join(str(error).split())
        if "truncated" in reason:
            raise OSError(f"{path}: truncated HDF5 file ({reason}); copy or generate it again") from error
        if "signature not found" in reason:
            raise OSError(f"{path}: not an HDF5 file") from error
        raise OSError(f"{path}: cannot be opened as an HDF5 file, damaged ({reason[:200]})") from error
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
            f"{path}: has schema version {version}, this pdgn reads {SCHEMA_VERSION}; generate it again, or use the pdgn that wrote it"
        )
    read_attributes(file)


def check_file(path: str | os.PathLike[str]) -> list[Violation]:
    """Verify a whole file: every checksum, hash, name, shape, dtype, index, value and split.

    Args:
        path: a dataset file. Memory stays below a few frames' worth.

    Returns:
        All violations found; empty for a good file.

    Raises:
        FileNotFoundError, OSError, ValueError: the file cannot be opened or is of another schema.
    """
    with open_hdf5(path) as file:
        found = list(structure_violations(file))
        for kind, check in (("meshes", _mesh_content), ("trajectories", _trajectory_content)):
            with_structure = file.get(kind, {})
            for name in with_structure:
                if not any(violation.path.startswith(f"/{kind}/{name}") for violation in found):
                    found.extend(_guarded(f"/{kind}/{name}", check, file, name))
        found.extend(_unread(file))
        return list(dict.fromkeys(found))


def structure_violations(file: h5py.File) -> Iterator[Violation]:
    """What can be seen without reading the large arrays: names, shapes, dtypes, attribute hashes, units, splits."""
    missing = [name for name in ROOT_ATTRIBUTES if name not in file.attrs]
    if missing:
        yield Violation("/", f"wanted the attributes {', '.join(ROOT_ATTRIBUTES)}, missing: {', '.join(missing)}")
    for kind in ("meshes", "trajectories"):
        if not isinstance(file.get(kind), h5py.Group) or not len(file[kind]):
            yield Violation(f"/{kind}", "wanted a group with at least one mesh in it, got none")
            return
    for name in file["meshes"]:
        yield from _guarded(f"/meshes/{name}", _mesh_structure, file, name)
    for name in file["trajectories"]:
        if name not in file["meshes"]:
            yield Violation(
                f"/trajectories/{name}", f"wanted the name of a mesh, available: {', '.join(file['meshes'])}"
            )
        else:
            yield from _guarded(f"/trajectories/{name}", _trajectory_structure, file, name)


def _guarded(path: str, check: Any, file: h5py.File, name: str) -> Iterator[Violation]:
    """The violations of one check, where damage met on the way is one more."""
    try:
        with reading(file.filename, path):
            yield from list(check(file, name))
    except DamagedFileError as error:
        yield Violation(path, str(error).removeprefix(f"{file.filename}: "))


def _array(group: h5py.Group, name: str, dtypes: str, shape: tuple[int | None, ...] | None) -> Iterator[Violation]:
    """Check one array: present, of a dtype kind, of a shape where None stands for any length, with a checksum."""
    path = f"{group.name}/{name}"
    dataset = group.get(name)
    if not isinstance(dataset, h5py.Dataset):
        yield Violation(path, "wanted an array, got nothing")
        return
    if not any(dataset.dtype == np.dtype(code) for code in dtypes.split(",")):
        yield Violation(
            path, f"wanted dtype {' or '.join(str(np.dtype(c)) for c in dtypes.split('|'))}, got {dataset.dtype}"
        )
    if shape is not None and (
        len(dataset.shape) != len(shape) or any(want not in (None, got) for want, got in zip(shape, dataset.shape))
    ):
        yield Violation(path, f"wanted shape {_shape_text(shape)}, got {list(dataset.shape)}")
    if not dataset.fletcher32:
        yield Violation(path, "wanted a Fletcher32 checksum on every chunk, got none")
    read_attributes(dataset)


def _shape_text(shape: tuple[int | None, ...]) -> str:
    return "[" + ", ".join("any" if length is None else str(length) for length in shape) + "]"


_NUMBERS = "f4,f8,i1,i2,i4,i8,u1,u2,u4,u8,bool"


def _rows(group: h5py.Group, kind: str, count: int, dtypes: str = _NUMBERS) -> Iterator[Violation]:
    for name, dataset in children(group[kind]).items() if kind in group else ():
        yield from _array(group, f"{kind}/{name}", dtypes, None)
        if isinstance(dataset, h5py.Dataset) and dataset.shape[:1] != (count,):
            yield Violation(dataset.name, f"wanted {count} rows, got shape {list(dataset.shape)}")


def _unit(dataset: h5py.Dataset, names: tuple[str, ...] = ("unit",)) -> Iterator[Violation]:
    attributes = read_attributes(dataset)
    for name in names:
        if not isinstance(attributes.get(name), str) or (name == "unit" and not attributes[name]):
            yield Violation(dataset.name, f"wanted the attribute {name!r}, got {attributes.get(name)!r}")


def _mesh_structure(file: h5py.File, name: str) -> Iterator[Violation]:
    group = file["meshes"][name]
    basic = [*_array(group, "pos", "f8", (None, 3)), *_array(group, "edge_index", "i8", (2, None))]
    if "face" in group:
        basic.extend(_array(group, "face", "i8", (None, 3)))
    yield from basic
    if basic:
        return
    yield from _unit(group["pos"])
    num_nodes, num_edges = group["pos"].shape[0], group["edge_index"].shape[1]
    yield from _rows(group, "node", num_nodes)
    yield from _rows(group, "edge", num_edges)
    for kind, wanted in zip(("node", "edge"), required_arrays("face" in group)):
        missing = [entry for entry in wanted if entry not in group.get(kind, {})]
        if missing:
            yield Violation(f"{group.name}/{kind}", f"wanted {', '.join(wanted)}, missing: {', '.join(missing)}")
    geodesic = group.get("geodesic", {})
    if len(geodesic):
        yield from _array(group, "geodesic/sources", "i8", (None,))
    for method in geodesic:
        if method != "sources" and "sources" in geodesic:
            yield from _array(group, f"geodesic/{method}", "f8", (geodesic["sources"].shape[0], num_nodes))
            yield from _unit(geodesic[method], ("unit", "method", "library", "library_version"))


def _trajectory_structure(file: h5py.File, name: str) -> Iterator[Violation]:
    group, num_nodes = file["trajectories"][name], file["meshes"][name]["pos"].shape[0]
    basic = [*_array(group, "time", "f8", (None,)), *_array(group, "split", SPLIT_DTYPE.str, (None,))]
    yield from basic
    if not len(group.get("fields", {})):
        yield Violation(f"{group.name}/fields", "wanted at least one field, got none")
    if basic:
        return
    yield from _unit(group["time"])
    count, frames = group["split"].shape[0], group["time"].shape[0]
    for field, dataset in children(group["fields"]).items() if "fields" in group else ():
        yield from _array(group, f"fields/{field}", "f4,f8", (count, frames, num_nodes, 3 if field == "pos" else None))
        yield from _unit(dataset, ("unit", "equation", "boundary"))
    for field in group.get("mask", {}):
        yield from _array(group, f"mask/{field}", "bool", (count, frames, num_nodes))
        if field not in group["fields"]:
            yield Violation(
                f"{group.name}/mask/{field}", f"wanted the name of a field, available: {', '.join(group['fields'])}"
            )
    yield from _rows(group, "parameters", count)
    wrong = sorted(set(read_array(group["split"]).astype(str).tolist()) - set(SPLITS))
    if wrong:
        yield Violation(f"{group.name}/split", f"wanted one of {', '.join(SPLITS)}, got {', '.join(map(repr, wrong))}")


def _mesh_content(file: h5py.File, name: str) -> Iterator[Violation]:
    """Read the mesh as it would be used: the record refuses what is out of range, unsorted or not finite."""
    try:
        read_record(file["meshes"][name])
    except DamagedFileError:
        raise
    except (ValueError, TypeError) as error:
        where, _, message = str(error).partition(": ")
        yield Violation(f"/meshes/{name}/{where}", message)


def _trajectory_content(file: h5py.File, name: str) -> Iterator[Violation]:
    group = file["trajectories"][name]
    time = read_array(group["time"])
    if not np.isfinite(time).all() or (np.diff(time) <= 0).any():
        yield Violation(f"{group.name}/time", "wanted finite and strictly increasing times")
    for field, dataset in children(group["fields"]).items():
        mask = group[f"mask/{field}"] if f"mask/{field}" in group else None
        wrong = sum(_wrong_values(dataset, mask, row) for row in range(dataset.shape[0]))
        if wrong:
            where = "where the mask is true" if mask is not None else "everywhere (there is no mask)"
            yield Violation(dataset.name, f"wanted finite values {where}, got NaN or infinity in {wrong} node frames")
    for parameter, dataset in children(group["parameters"]).items() if "parameters" in group else ():
        for row in range(dataset.shape[0]):
            values = read_array(dataset, row)
            if not np.isfinite(values).all():
                yield Violation(dataset.name, f"wanted finite values, got NaN or infinity in row {row}")
            if parameter == NUM_FRAMES and not 1 <= values <= time.size:
                yield Violation(
                    dataset.name, f"wanted a number of frames in [1, {time.size}], got {values} in row {row}"
                )
            if parameter in (NUM_FRAMES, TIME_OFFSET) and values.ndim != 0:
                yield Violation(dataset.name, f"wanted one number per trajectory, got shape {list(dataset.shape)}")


def _wrong_values(dataset: h5py.Dataset, mask: h5py.Dataset | None, row: int) -> int:
    """Node frames of one trajectory that are not finite though observed, read in windows of whole chunks."""
    frames, window, wrong = dataset.shape[1], dataset.chunks[1] if dataset.chunks else 1, 0
    for start in range(0, frames, window):
        selection = (row, slice(start, start + window))
        bad = ~np.isfinite(read_array(dataset, selection)).all(-1)
        wrong += int((bad if mask is None else bad & read_array(mask, selection)).sum())
    return wrong


def _unread(file: h5py.File) -> Iterator[Violation]:
    """Hashes of all groups, and checksums of the arrays that the checks above do not know (curves, further schemes)."""
    stack: list[h5py.Group] = [file]
    while stack:
        group = stack.pop()
        try:
            read_attributes(group)
            for child in children(group).values():
                if isinstance(child, h5py.Group):
                    stack.append(child)
                elif "curves" in child.name.split("/"):
                    read_array(child)
        except DamagedFileError as error:
            yield Violation(group.name, str(error).removeprefix(f"{file.filename}: "))
