"""Verifying a dataset file: names, shapes, dtypes, ranges, units, splits, checksums, hashes, and what fits together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial

import h5py

from pdgn.data.access import open_hdf5, reading
from pdgn.data.mesh_checks import mesh_violations
from pdgn.data.provenance_checks import provenance_violations
from pdgn.data.structure import Violation, guarded, structure_violations
from pdgn.data.trajectory_checks import trajectory_bytes, trajectory_violations
from pdgn.data.tree_checks import tree_violations


def check_file(
    path: str | os.PathLike[str], *, progress: Callable[[int, int], None] = lambda read, total: None
) -> list[Violation]:
    """Verify a whole file: every checksum, hash, name, shape, dtype, index, value, unit and split, and that arrays fit.

    Args:
        path: a dataset file. Memory stays below one mesh and a few frames.
        progress: called with the bytes of fields that one step read, and the bytes of all fields.

    Returns:
        All violations found; empty for a good file. A bad array does not hide what is wrong with another.

    Raises:
        FileNotFoundError, OSError, ValueError: the file cannot be opened or is of another schema.
    """
    with open_hdf5(path) as file:
        return list(dict.fromkeys(_violations(file, progress)))


def _violations(file: h5py.File, progress: Callable[[int, int], None]) -> Iterator[Violation]:
    found = list(structure_violations(file))
    yield from found
    yield from guarded("/", lambda file, _: provenance_violations(file), file, "/")
    yield from (tree := list(tree_violations(file)))
    if any(violation.path == "/" for violation in tree):
        return  # the library cannot walk through the file
    for name in _groups(file, "meshes"):
        sound = not any(f"{violation.path}/".startswith(f"/meshes/{name}/") for violation in found)
        yield from guarded(f"/meshes/{name}", partial(mesh_violations, sound=sound), file, name)
    with reading(file.filename, "/trajectories"):
        total = trajectory_bytes(file)
    step = partial(_step, progress, total)
    for name in _groups(file, "trajectories"):
        yield from guarded(f"/trajectories/{name}", partial(trajectory_violations, progress=step), file, name)


def _step(progress: Callable[[int, int], None], total: int, read: int) -> None:
    progress(read, total)


def _groups(file: h5py.File, kind: str) -> list[str]:
    with reading(file.filename, f"/{kind}"):
        group = file.get(kind)
        names = list(group) if isinstance(group, h5py.Group) else []
        return [name for name in names if isinstance(group.get(name), h5py.Group)]
