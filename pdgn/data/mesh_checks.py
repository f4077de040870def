"""The arrays of a stored mesh: each for itself, and whether they tell of one and the same mesh."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import h5py
import numpy as np

from pdgn.data.access import DamagedFileError, children, read_array, read_attributes
from pdgn.data.mesh_relations import relations
from pdgn.data.record_checks import check_curve, check_edges, check_face, check_geodesic, check_positions, check_rows
from pdgn.data.records import CurveRecord
from pdgn.data.shards import read_record
from pdgn.data.structure import Violation


def mesh_violations(file: h5py.File, name: str, *, sound: bool) -> Iterator[Violation]:
    """What is wrong with the content of one mesh.

    Args:
        file: an open file.
        name: of the mesh.
        sound: its structure has no violation. Else each array that is there is verified for itself, no more.

    Yields:
        Violations; an array with a wrong checksum is named and the others are verified nevertheless.
    """
    group = file["meshes"][name]
    found = list(_attribute_violations(group)) if sound else []
    yield from found
    if found or not sound:
        yield from _array_violations(group)
        return
    try:
        record = read_record(group)
    except (OSError, ValueError, TypeError) as error:
        # All of its arrays, so that the first bad one does not hide the others.
        yield from list(_array_violations(group)) or [_violation(group, error)]
    else:
        yield from (Violation(f"{group.name}/{array}", message) for array, message in relations(record))


def _attribute_violations(group: h5py.Group) -> Iterator[Violation]:
    attributes = read_attributes(group["pos"])
    unit, period = attributes["unit"], attributes.get("period")
    if period is not None:
        lengths = np.asarray(period)
        if lengths.shape != (3,) or lengths.dtype.kind != "f" or not (np.isfinite(lengths) & (lengths >= 0)).all():
            wanted = "wanted the attribute 'period' to be 3 finite lengths, 0 along an axis that is not periodic"
            yield Violation(group["pos"].name, f"{wanted}, got {period}")
    fields = [(method, array) for method, array in _inside(group, "geodesic").items() if method != "sources"]
    fields += [("signed_heat", curve["signed_distance"]) for curve in _inside(group, "curves").values()]
    for method, dataset in fields:
        own = read_attributes(dataset)
        if own.get("unit") != unit:
            yield Violation(dataset.name, f"wanted the unit of pos, {unit!r}, got {own.get('unit')!r}")
        if own.get("method") != method:
            yield Violation(dataset.name, f"wanted the attribute 'method' to be {method!r}, got {own.get('method')!r}")


def _inside(group: h5py.Group, kind: str) -> dict[str, h5py.Group | h5py.Dataset]:
    return children(group[kind]) if kind in group else {}


def _violation(group: h5py.Group, error: Exception) -> Violation:
    if isinstance(error, DamagedFileError):
        return Violation(group.name, str(error).removeprefix(f"{group.file.filename}: "))
    where, _, message = str(error).partition(": ")
    return Violation(f"{group.name}/{where}", message)


def _array_violations(group: h5py.Group) -> Iterator[Violation]:
    """Each array for itself: its checksum, and the values that it may hold."""
    arrays: dict[str, np.ndarray] = {}
    for path in _paths(group):
        try:
            arrays[path] = read_array(group[path])
        except DamagedFileError as error:
            yield _violation(group, error)
    for check in _checks(arrays):
        try:
            check()
        except (ValueError, TypeError) as error:
            yield _violation(group, error)


def _paths(group: h5py.Group) -> list[str]:
    paths: list[str] = []
    group.visititems(lambda path, item: paths.append(path) if isinstance(item, h5py.Dataset) else None)
    return paths


def _checks(arrays: Mapping[str, np.ndarray]) -> Iterator[Callable[[], None]]:
    pos, edges = arrays.get("pos"), arrays.get("edge_index")
    if pos is None or edges is None or not pos.ndim:
        return
    yield partial(check_positions, pos)
    yield partial(check_edges, edges, len(pos))
    if "face" in arrays:
        yield partial(check_face, arrays["face"], len(pos))
    geodesic = {path[len("geodesic/") :]: values for path, values in arrays.items() if path.startswith("geodesic/")}
    for path, values in arrays.items():
        kind, _, name = path.partition("/")
        if kind == "node" or (kind == "edge" and edges.ndim == 2):
            yield partial(check_rows, kind, name, values, len(pos) if kind == "node" else edges.shape[1])
        elif kind == "geodesic" and "sources" in geodesic:
            yield partial(check_geodesic, name, geodesic, len(pos))
    for name in sorted({path.split("/")[1] for path in arrays if path.startswith("curves/")}):
        paths = [f"curves/{name}/{part}" for part in CurveRecord._fields]
        if all(path in arrays for path in paths):
            curve = CurveRecord(*(arrays[path] for path in paths))
            yield partial(check_curve, name, curve, arrays.get("face"), len(pos))
