"""The arrays of stored trajectories: chunks, masks, where NaN may stand, padding, units."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import h5py
import numpy as np

from pdgn.data.access import children, read_array, read_attributes
from pdgn.data.provenance_checks import is_utc_date
from pdgn.data.schema import NUM_FRAMES, SCHEME_SPLITS
from pdgn.data.structure import Violation, guarded

Progress = Callable[[int], None]
_WINDOW_BYTES = 2**24


def trajectory_bytes(file: h5py.File) -> int:
    """Bytes of all fields, which is nearly what a check has to read."""
    groups = file.get("trajectories")
    inside = children(groups).values() if isinstance(groups, h5py.Group) else ()
    return sum(array.nbytes for group in inside for array in _arrays(group, "fields"))


def _arrays(group: h5py.Group, kind: str) -> list[h5py.Dataset]:
    found = group.get(kind) if isinstance(group, h5py.Group) else None
    inside = children(found).values() if isinstance(found, h5py.Group) else ()
    return [array for array in inside if isinstance(array, h5py.Dataset)]


def trajectory_violations(file: h5py.File, name: str, progress: Progress) -> Iterator[Violation]:
    """What is wrong with the content of the trajectories on one mesh; arrays of a wrong shape are passed over.

    Args:
        file: an open file.
        name: of the mesh.
        progress: told after each piece how many bytes of fields were read.

    Yields:
        Violations; a damaged array does not hide another one.
    """
    group = file["trajectories"][name]
    yield from guarded(group.name, _axes, file, name)
    for kind, check in (("fields", partial(_field, progress)), ("parameters", _parameter)):
        for dataset in _arrays(group, kind):
            yield from guarded(dataset.name, partial(check, dataset), file, name)


def _axes(file: h5py.File, name: str) -> Iterator[Violation]:
    group = file["trajectories"][name]
    origin = read_attributes(group["time"]).get("origin") if "time" in group else None
    if origin is not None and not is_utc_date(origin):
        yield Violation(group["time"].name, f"wanted 'origin' to be a date in UTC (ISO 8601), got {origin!r}")
    for scheme, value in read_attributes(group["split"]).items() if "split" in group else ():
        entries = np.asarray(value)
        if entries.ndim and (
            entries.shape != group["split"].shape or not set(entries.astype(str)) <= set(SCHEME_SPLITS)
        ):
            wanted = f"wanted the scheme {scheme!r} to say {', '.join(SCHEME_SPLITS)} for each trajectory"
            yield Violation(group["split"].name, f"{wanted}, got {str(value)[:60]}")


def _field(progress: Progress, dataset: h5py.Dataset, file: h5py.File, name: str) -> Iterator[Violation]:
    group, field = file["trajectories"][name], dataset.name.rpartition("/")[2]
    if dataset.ndim != 4 or dataset.dtype.kind != "f":
        return
    if not dataset.chunks or dataset.chunks[0] != 1:
        yield Violation(dataset.name, f"wanted chunks of one trajectory and some frames, got {dataset.chunks}")
    rest = file.get(f"meshes/{name}/pos")
    if field == "pos" and rest is not None:
        units = [read_attributes(array).get("unit") for array in (rest, dataset)]
        if units[0] != units[1]:
            yield Violation(dataset.name, f"wanted the unit of the mesh's pos, {units[0]!r}, got {units[1]!r}")
    mask = group.get(f"mask/{field}")
    if isinstance(mask, h5py.Dataset) and (mask.dtype != np.bool_ or mask.shape != dataset.shape[:3]):
        return
    yield from _values(dataset, mask, _num_frames(group, dataset), progress)


def _num_frames(group: h5py.Group, dataset: h5py.Dataset) -> np.ndarray:
    """How many frames each trajectory has, the rest being padding."""
    count, frames = dataset.shape[:2]
    stored = group.get(f"parameters/{NUM_FRAMES}")
    known = isinstance(stored, h5py.Dataset) and stored.shape == (count,)
    return read_array(stored) if known else np.full(count, frames)


def _values(
    dataset: h5py.Dataset, mask: h5py.Dataset | None, num_frames: np.ndarray, progress: Progress
) -> Iterator[Violation]:
    """Infinity stands nowhere, NaN where the mask is false, and padding is masked out; windows of frames at a time."""
    infinite = missing = padding = 0
    frames = dataset.shape[1]
    chunk = dataset.chunks[1] if dataset.chunks else 1
    window = chunk * max(1, _WINDOW_BYTES * frames // max(1, dataset.nbytes // dataset.shape[0]) // chunk)
    for row in range(dataset.shape[0]):
        for start in range(0, frames, window):
            selection = (row, slice(start, start + window))
            values = read_array(dataset, selection)
            progress(values.nbytes)
            observed = np.ones(values.shape[:2], dtype=bool) if mask is None else read_array(mask, selection)
            infinite += int(np.isinf(values).any(-1).sum())
            missing += int((np.isnan(values).any(-1) & observed).sum())
            padding += int(observed[max(0, int(num_frames[row]) - start) :].sum())
    where = "where the mask is true" if mask is not None else "everywhere (there is no mask)"
    if infinite:
        yield Violation(dataset.name, f"wanted finite values, got infinity in {infinite} node frames")
    if missing:
        yield Violation(dataset.name, f"wanted finite values {where}, got NaN in {missing} node frames")
    if padding:
        wanted = f"wanted a mask that is false in the padding from frame {NUM_FRAMES} on"
        yield Violation((dataset if mask is None else mask).name, f"{wanted}, got {padding} node frames observed there")


def _parameter(dataset: h5py.Dataset, file: h5py.File, name: str) -> Iterator[Violation]:
    rows = max(1, _WINDOW_BYTES * dataset.shape[0] // max(1, dataset.nbytes)) if dataset.ndim else 1
    for first in range(0, dataset.shape[0] if dataset.ndim else 0, rows):
        values = read_array(dataset, slice(first, first + rows))
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            row = first + int(np.argwhere(~np.isfinite(values))[0, 0])
            yield Violation(dataset.name, f"wanted finite values, got NaN or infinity in row {row}")
            return
