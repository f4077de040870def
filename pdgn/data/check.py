"""Verifying a dataset file: names, shapes, dtypes, ranges, units, splits, checksums and hashes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import h5py
import numpy as np

from pdgn.data.access import DamagedFileError, children, open_hdf5, read_array, read_attributes, reading
from pdgn.data.shards import read_record
from pdgn.data.structure import Violation, guarded, structure_violations


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
            for name in file.get(kind, {}):
                if not any(f"{violation.path}/".startswith(f"/{kind}/{name}/") for violation in found):
                    found.extend(guarded(f"/{kind}/{name}", check, file, name))
        found.extend(_unread(file))
        return list(dict.fromkeys(found))


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
    for field, dataset in children(group["fields"]).items():
        mask = group.get(f"mask/{field}")
        wrong = sum(_wrong_values(dataset, mask, row) for row in range(dataset.shape[0]))
        if wrong:
            where = "where the mask is true" if mask is not None else "everywhere (there is no mask)"
            yield Violation(dataset.name, f"wanted finite values {where}, got NaN or infinity in {wrong} node frames")
    for dataset in children(group["parameters"]).values() if "parameters" in group else ():
        for row in range(dataset.shape[0]):
            values = read_array(dataset, row)
            if not np.isfinite(values).all():
                yield Violation(dataset.name, f"wanted finite values, got NaN or infinity in row {row}")


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
    try:  # visits metadata that plain reading never touches
        with reading(file.filename, "/"):
            file.visititems(lambda *_: None)
    except DamagedFileError as error:
        yield Violation("/", str(error).removeprefix(f"{file.filename}: "))
        return
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
