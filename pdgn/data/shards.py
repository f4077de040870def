"""The groups of one mesh and of its trajectories: written to and read from any HDF5 group, a shard's or the file's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

import h5py
import numpy as np

from pdgn.data.access import children, read_array, read_attributes, reading
from pdgn.data.records import CurveRecord, MeshRecord
from pdgn.data.schema import SPLIT_DTYPE, create_array, field_chunks, set_attributes, write_array
from pdgn.data.trajectory_block import TrajectoryBlock

# Which library computes which distance, for the attributes of the arrays.
GEODESIC_LIBRARIES = {
    "exact": "pygeodesic",
    "heat": "potpourri3d",
    "fast_marching": "potpourri3d",
    "signed_heat": "potpourri3d",
}


class TimeAxis(NamedTuple):
    """Unit of ``time`` and, where it counts from a date, that date (UTC, ISO 8601)."""

    unit: str = "1"
    origin: str | None = None

    def attributes(self) -> dict[str, str]:
        """The attributes of the array ``time``."""
        return {"unit": self.unit} if self.origin is None else {"unit": self.unit, "origin": self.origin}


def write_record(group: h5py.Group, record: MeshRecord) -> None:
    """Write all arrays of a mesh into its (empty) group.

    Raises:
        ValueError: a geodesic method whose library is not known.
    """
    attributes: dict[str, Any] = {"unit": record.unit}
    if record.period is not None:
        attributes["period"] = np.asarray(record.period, dtype=np.float64)
    if record.names:
        attributes["names"] = list(record.names)
    write_array(group, "pos", record.pos, attributes)
    if record.face is not None:
        write_array(group, "face", record.face)
    write_array(group, "edge_index", record.edge_index)
    for kind in ("node", "edge"):
        for name, values in sorted(getattr(record, kind).items()):
            write_array(group.require_group(kind), name, values)
    for name, values in sorted(record.geodesic.items()):
        target = group.require_group("geodesic")
        if name == "sources":
            write_array(target, name, values.astype(np.int64))
        else:
            write_array(target, name, values.astype(np.float64), _geodesic_attributes(name, record.unit))
    for name, curve in sorted(record.curves.items()):
        target = group.require_group(f"curves/{name}")
        write_array(target, "face", curve.face.astype(np.int64))
        write_array(target, "barycentric", curve.barycentric.astype(np.float64))
        write_array(target, "signed_distance", curve.signed_distance, _geodesic_attributes("signed_heat", record.unit))


def _geodesic_attributes(method: str, unit: str) -> dict[str, str]:
    library = GEODESIC_LIBRARIES.get(method)
    if library is None:
        raise ValueError(f"geodesic: wanted a method of {', '.join(GEODESIC_LIBRARIES)}, got {method!r}")
    return {"unit": unit, "method": method, "library": library, "library_version": version(library)}


def read_record(group: h5py.Group) -> MeshRecord:
    """The mesh of a group, every checksum verified.

    Raises:
        DamagedFileError: a checksum or hash fails.
        ValueError: the arrays do not make a mesh.
    """
    with reading(group.file.filename, group.name):
        attributes = read_attributes(group["pos"])
        pos, edge_index = read_array(group["pos"]), read_array(group["edge_index"])
        face = read_array(group["face"]) if "face" in group else None
        node, edge, geodesic = (
            _read_all(group[kind]) if kind in group else {} for kind in ("node", "edge", "geodesic")
        )
        stored = children(group["curves"]) if "curves" in group else {}
        curves = {
            name: CurveRecord(*(read_array(item[key]) for key in CurveRecord._fields)) for name, item in stored.items()
        }
    lengths = attributes.get("period")
    period = None if lengths is None else (float(lengths[0]), float(lengths[1]), float(lengths[2]))
    names = stored_names(attributes)
    return MeshRecord(pos, face, edge_index, node, edge, geodesic, period, attributes["unit"], curves, names)


def stored_names(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the nodes, from the attributes of ``pos``; none where there are none."""
    return tuple(str(name) for name in attributes.get("names", ()))


def _read_all(group: h5py.Group) -> dict[str, np.ndarray]:
    return {name: read_array(dataset) for name, dataset in children(group).items()}


def write_block(group: h5py.Group, block: TrajectoryBlock) -> None:
    """Write one block into the group of a shard."""
    write_array(group, "time", block.time)
    write_array(group, "split", np.asarray(block.split, dtype=SPLIT_DTYPE))
    for name, values in block.fields.items():
        dataset = create_array(
            group, f"fields/{name}", values.shape, values.dtype, field_chunks(values.shape, values.itemsize)
        )
        dataset[...] = values
    for kind in ("mask", "parameters"):
        for name, values in getattr(block, kind).items():
            write_array(group, f"{kind}/{name}", values)


def block_layout(group: h5py.Group) -> dict[str, tuple[np.dtype, tuple[int, ...]]]:
    """Path → dtype and shape without the first axis, for all arrays that have one row per trajectory."""
    paths = [
        f"{kind}/{name}" for kind in ("fields", "mask", "parameters") if kind in group for name in sorted(group[kind])
    ]
    return {path: (group[path].dtype, group[path].shape[1:]) for path in ["split", *paths]}


def create_trajectories(
    group: h5py.Group,
    count: int,
    shard: h5py.Group,
    axis: TimeAxis,
    field_attributes: Mapping[str, Mapping[str, str]],
) -> None:
    """Create the arrays of ``count`` trajectories of the same layout as a shard, with attributes but without
    entries."""
    write_array(group, "time", read_array(shard["time"]), axis.attributes())
    for path, (dtype, shape) in block_layout(shard).items():
        shape = (count, *shape)
        kind, _, name = path.partition("/")
        chunks = field_chunks(shape, dtype.itemsize) if kind in ("fields", "mask") else None
        dataset = create_array(group, path, shape, dtype, chunks)
        if kind == "fields":
            set_attributes(dataset, field_attributes[name])


def copy_rows(group: h5py.Group, shard: h5py.Group, first: int, paths: Sequence[str]) -> None:
    """Copy the rows of a shard to ``first`` onwards, one trajectory's worth of memory at a time, checksums verified."""
    for path in paths:
        for row in range(shard[path].shape[0]):
            group[path][first + row] = read_array(shard[path], row)
