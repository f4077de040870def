"""What a dataset file holds, told from shapes, attributes and a few small arrays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import h5py
import numpy as np

from pdgn.data.access import children, open_hdf5, read_array, read_attributes, reading
from pdgn.data.file import open_file
from pdgn.data.schema import NUM_FRAMES, SPLITS
from pdgn.data.shards import stored_names

Shape = tuple[int, ...]


class MeshContents(NamedTuple):
    """A mesh or sensor network.

    Attributes:
        name: in the file.
        nodes, faces, edges: V, F (None for a network) and E, the directed edges.
        unit: of length.
        area: of the surface, in unit²; None for a network.
        boundary: how many vertices lie on the boundary; None for a network.
        period: lengths of a periodic domain.
        node, edge: names of the arrays with one row per node or edge.
        geodesic: method → (library, version); sources: S.
        curves: name → number of points.
        names: of the nodes (stations); empty where they have none.
    """

    name: str
    nodes: int
    faces: int | None
    edges: int
    unit: str
    area: float | None
    boundary: int | None
    period: tuple[float, ...] | None
    node: tuple[str, ...]
    edge: tuple[str, ...]
    geodesic: dict[str, tuple[str, str]]
    sources: int
    curves: dict[str, int]
    names: tuple[str, ...]

    @property
    def euler_characteristic(self) -> int | None:
        """V − E/2 + F; None for a network."""
        return None if self.faces is None else self.nodes - self.edges // 2 + self.faces


class FieldContents(NamedTuple):
    """A field or parameter.

    Attributes:
        shape: of the values of one trajectory, without frames and nodes; per_node: whether it has a value at each node.
        dtype: of the array. attributes: those of the array. masked: whether a field has a mask.
    """

    shape: Shape
    per_node: bool
    dtype: str
    attributes: dict[str, str]
    masked: bool


class TrajectoryContents(NamedTuple):
    """The trajectories on one mesh.

    Attributes:
        mesh: its name.
        splits: how many of train, valid and test. schemes: further splits: name → the same.
        frames: T; shortest: frames of the shortest trajectory.
        time: first and last time of the axis; steps: least and largest step (0, 0 for one frame).
        unit, origin: of time.
        fields, parameters: by name.
    """

    mesh: str
    splits: tuple[int, ...]
    schemes: dict[str, tuple[int, ...]]
    frames: int
    shortest: int
    time: tuple[float, float]
    steps: tuple[float, float]
    unit: str
    origin: str | None
    fields: dict[str, FieldContents]
    parameters: dict[str, FieldContents]


class FileContents(NamedTuple):
    """All of a file: root attributes, meshes, trajectories, and the bytes that each kind of array takes on the disk."""

    attributes: dict[str, Any]
    meshes: list[MeshContents]
    trajectories: list[TrajectoryContents]
    stored: dict[str, int]


def contents(path: str | os.PathLike[str]) -> FileContents:
    """Look into a file without reading its fields: only times, splits, masses and boundary flags are read.

    Args:
        path: a dataset file.

    Returns:
        What it holds, meshes in the order of their names.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: not HDF5, truncated or damaged.
        ValueError: another schema or version, or the structure is wrong.
    """
    open_file(path).close()  # names, shapes, dtypes, hashes
    with open_hdf5(path) as file, reading(str(path), "/"):
        meshes = [_mesh(name, group) for name, group in sorted(children(file["meshes"]).items())]
        nodes = {mesh.name: mesh.nodes for mesh in meshes}
        groups = sorted(_arrays(file, "trajectories").items())
        trajectories = [_trajectories(name, group, nodes[name]) for name, group in groups]
        return FileContents(read_attributes(file), meshes, trajectories, _stored(file))


def _mesh(name: str, group: h5py.Group) -> MeshContents:
    attributes = read_attributes(group["pos"])
    surface = "face" in group
    geodesic = _arrays(group, "geodesic")
    libraries = {method: read_attributes(array) for method, array in geodesic.items() if method != "sources"}
    period = attributes.get("period")
    return MeshContents(
        name=name,
        nodes=group["pos"].shape[0],
        faces=group["face"].shape[0] if surface else None,
        edges=group["edge_index"].shape[1],
        unit=attributes["unit"],
        area=float(read_array(group["node/mass"]).sum()) if surface else None,
        boundary=int(read_array(group["node/boundary"]).sum()) if surface else None,
        period=None if period is None else tuple(float(length) for length in period),
        node=tuple(_arrays(group, "node")),
        edge=tuple(_arrays(group, "edge")),
        geodesic={method: (own["library"], own["library_version"]) for method, own in libraries.items()},
        sources=geodesic["sources"].shape[0] if "sources" in geodesic else 0,
        curves={curve: array["face"].shape[0] for curve, array in _arrays(group, "curves").items()},
        names=stored_names(attributes) or _numbered(_arrays(group, "node").get("station")),
    )


def _numbered(station: h5py.Dataset | None) -> tuple[str, ...]:
    """Names of stations that are numbers."""
    if station is None or station.ndim != 1 or station.dtype.kind not in "iu":
        return ()
    return tuple(map(str, read_array(station).tolist()))


def _arrays(group: h5py.Group, kind: str) -> dict[str, Any]:
    return children(group[kind]) if kind in group else {}


def _trajectories(mesh: str, group: h5py.Group, nodes: int) -> TrajectoryContents:
    time, split = read_array(group["time"]), read_array(group["split"]).astype(str)
    axis = read_attributes(group["time"])
    schemes = {name: np.asarray(v).astype(str) for name, v in read_attributes(group["split"]).items() if np.ndim(v)}
    parameters, masks = _arrays(group, "parameters"), _arrays(group, "mask")
    lengths = read_array(parameters[NUM_FRAMES]) if NUM_FRAMES in parameters else np.full(1, len(time))
    steps = np.diff(time)
    return TrajectoryContents(
        mesh=mesh,
        splits=_counts(split),
        schemes={name: _counts(values) for name, values in schemes.items()},
        frames=len(time),
        shortest=int(lengths.min()),
        time=(float(time[0]), float(time[-1])),
        steps=(float(steps.min()), float(steps.max())) if steps.size else (0.0, 0.0),
        unit=axis["unit"],
        origin=axis.get("origin"),
        fields={name: _field(array, 2, nodes, name in masks) for name, array in _arrays(group, "fields").items()},
        parameters={name: _field(array, 1, nodes, False) for name, array in parameters.items()},
    )


def _counts(split: np.ndarray) -> tuple[int, ...]:
    return tuple(int((split == name).sum()) for name in SPLITS)


def _field(array: h5py.Dataset, leading: int, nodes: int, masked: bool) -> FieldContents:
    attributes = {name: str(value) for name, value in read_attributes(array).items()}
    shape = array.shape[leading:]
    per_node = shape[:1] == (nodes,)
    return FieldContents(shape[1:] if per_node else shape, per_node, str(array.dtype), attributes, masked)


def _stored(file: h5py.File) -> dict[str, int]:
    """Kind of array → bytes on the disk: meshes, geodesics and curves, fields, masks, parameters."""
    found = dict.fromkeys(("meshes", "geodesics and curves", "fields", "masks", "parameters"), 0)
    kinds = {"geodesic": "geodesics and curves", "curves": "geodesics and curves", "mask": "masks"}
    for path, array in _datasets(file):
        part = path.split("/")[2]
        kind = kinds.get(part, part if part in found else "meshes" if path.startswith("meshes/") else "fields")
        found[kind] += array.id.get_storage_size()
    return found


def _datasets(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    found: list[tuple[str, h5py.Dataset]] = []
    file.visititems(lambda path, item: found.append((path, item)) if isinstance(item, h5py.Dataset) else None)
    return iter(found)
