"""What can be seen of a dataset file without reading its large arrays; verified whenever a file is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import h5py
import numpy as np

from pdgn.data.access import DamagedFileError, children, read_array, read_attributes, reading
from pdgn.data.record_checks import required_arrays
from pdgn.data.schema import NUM_FRAMES, ROOT_ATTRIBUTES, SPLIT_DTYPE, SPLITS, TIME_OFFSET


class Violation(NamedTuple):
    """One thing that is wrong: the path inside the file, and what was wanted and found."""

    path: str
    message: str


def structure_violations(file: h5py.File) -> Iterator[Violation]:
    """What can be seen without reading the large arrays: names, shapes, dtypes, attribute hashes, units, splits."""
    missing = [name for name in ROOT_ATTRIBUTES if name not in file.attrs]
    if missing:
        yield Violation("/", f"wanted the attributes {', '.join(ROOT_ATTRIBUTES)}, missing: {', '.join(missing)}")
    for kind in ("meshes", "trajectories"):
        if not isinstance(file.get(kind), h5py.Group) or not len(file[kind]):
            yield Violation(f"/{kind}", "wanted a group with at least one mesh in it, got none")
            return
    yield from _unknown(file, ("meshes", "trajectories"))
    for name in file["meshes"]:
        yield from guarded(f"/meshes/{name}", _mesh_structure, file, name)
    for name in file["trajectories"]:
        if name not in file["meshes"]:
            yield Violation(
                f"/trajectories/{name}", f"wanted the name of a mesh, available: {', '.join(file['meshes'])}"
            )
        else:
            yield from guarded(f"/trajectories/{name}", _trajectory_structure, file, name)


def guarded(
    path: str, check: Callable[[h5py.File, str], Iterator[Violation]], file: h5py.File, name: str
) -> Iterator[Violation]:
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
            path, f"wanted dtype {' or '.join(str(np.dtype(c)) for c in dtypes.split(','))}, got {dataset.dtype}"
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
    yield from _unknown(group, ("pos", "face", "edge_index", "node", "edge", "geodesic", "curves"))
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
        sources = group.get("geodesic/sources")
        if method != "sources" and isinstance(sources, h5py.Dataset) and sources.ndim == 1:
            yield from _array(group, f"geodesic/{method}", "f8", (sources.shape[0], num_nodes))
            yield from _unit(geodesic[method], ("unit", "method", "library", "library_version"))
    curves = group.get("curves", {})
    for name in curves:
        yield from _curve_structure(curves, name, num_nodes)


def _curve_structure(curves: h5py.Group, name: str, num_nodes: int) -> Iterator[Violation]:
    group = curves[name]
    if not isinstance(group, h5py.Group):
        yield Violation(f"{curves.name}/{name}", "wanted a group with a curve in it, got an array")
        return
    yield from _unknown(group, ("face", "barycentric", "signed_distance"))
    yield from _array(group, "face", "i8", (None,))
    face = group.get("face")
    count = face.shape[0] if isinstance(face, h5py.Dataset) and face.ndim == 1 else None
    yield from _array(group, "barycentric", "f8", (count, 3))
    yield from _array(group, "signed_distance", "f8", (num_nodes,))
    if isinstance(group.get("signed_distance"), h5py.Dataset):
        yield from _unit(group["signed_distance"], ("unit", "method", "library", "library_version"))


def _trajectory_structure(file: h5py.File, name: str) -> Iterator[Violation]:
    group, pos = file["trajectories"][name], file.get(f"meshes/{name}/pos")
    num_nodes = pos.shape[0] if isinstance(pos, h5py.Dataset) and pos.ndim else None
    yield from _unknown(group, ("time", "split", "fields", "mask", "parameters"))
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
    yield from _time_violations(group, count, frames)
    wrong = sorted(set(read_array(group["split"]).astype(str).tolist()) - set(SPLITS))
    if wrong:
        yield Violation(f"{group.name}/split", f"wanted one of {', '.join(SPLITS)}, got {', '.join(map(repr, wrong))}")


def _time_violations(group: h5py.Group, count: int, frames: int) -> Iterator[Violation]:
    """The small arrays that say when and how long a trajectory is: read whenever the file is opened."""
    time = read_array(group["time"])
    if not np.isfinite(time).all() or (np.diff(time) <= 0).any():
        yield Violation(f"{group.name}/time", "wanted finite and strictly increasing times")
    parameters = group.get("parameters", {})
    for name in {NUM_FRAMES, TIME_OFFSET} & set(parameters):
        path, values = f"{group.name}/parameters/{name}", read_array(parameters[name])
        if values.shape != (count,):
            yield Violation(path, f"wanted one number per trajectory, got shape {list(values.shape)}")
        elif name == NUM_FRAMES and not ((values >= 1) & (values <= frames)).all():
            yield Violation(path, f"wanted numbers of frames in [1, {frames}], got {values.min()} … {values.max()}")


def _unknown(group: h5py.Group, known: tuple[str, ...]) -> Iterator[Violation]:
    for name in sorted(set(children(group)) - set(known)):
        path = f"{group.name.rstrip('/')}/{name}"
        yield Violation(path, f"wanted one of {', '.join(known)}, got a name that the schema does not have")
