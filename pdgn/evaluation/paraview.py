"""A dataset file as what ParaView opens: one animation per trajectory, with all that is known of the mesh."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pdgn.data import SPLITS, DatasetFile, MeshRecord, TrajectoryTable, open_file
from pdgn.evaluation.drawn_mesh import DrawnMesh, drawn_mesh
from pdgn.evaluation.export_folder import ExportFolder
from pdgn.evaluation.vtp import Cells, collection, polydata
from pdgn.mesh import TriMesh

MOVING = "pos"


class Animation(NamedTuple):
    """One trajectory to export: its mesh, its row there, how many frames it has, and its name in the folder."""

    mesh: str
    row: int
    frames: int

    @property
    def name(self) -> str:
        """Of the .pvd file, without its ending, and of the folder of frames."""
        return f"{self.mesh}_{self.row}"


def export_paraview(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    meshes: Sequence[str] | None = None,
    rows: Sequence[int] | None = None,
    splits: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Path]:
    """Write trajectories, meshes and curves of a dataset file for ParaView.

    ``<mesh>_<row>.pvd`` is the animation of a trajectory at its own times; its frames lie in ``<mesh>_<row>/``. Every
    frame has as point data the fields (NaN where not observed), ``observed_<field>`` where there is a mask, the
    parameters and node arrays with one entry per node, ``geodesic_<method>_from_<vertex>`` and
    ``signed_distance_<curve>``. Distances that are infinite are written as NaN: ParaView then draws these points in
    its colour for NaN, where an infinity would make the range of colours infinite. Other parameters are field data.
    A moving mesh moves by its field "pos". ``<mesh>.vtp`` is a mesh without trajectories,
    ``<mesh>.curve.<name>.vtp`` a curve. Arrays keep dtype and bits; bool becomes UInt8.

    Args:
        path: a dataset file.
        folder: where to write; made where it is missing. All files appear at the end, or none.
        meshes, rows, splits: what to export: names of meshes, rows of trajectories on each, "train", "valid" or
            "test". By default everything.
        overwrite: replace what was exported under the same names.
        progress: called after each frame with how many are written and how many there are.

    Returns:
        The files to open: .pvd and .vtp, without the frames. Memory stays at one mesh and a few frames.

    Raises:
        ValueError: an unknown mesh, row or split; or the selection is empty.
        FileExistsError: a file or folder of the same name is there.
        OSError: the file is damaged, or the folder cannot be written.
    """
    with open_file(path) as file:
        chosen = _require_meshes(file, meshes)
        tables = {mesh: file.trajectories(mesh) for mesh in chosen}
        animations = _animations(file, tables, rows, splits)
        still = [mesh for mesh, table in tables.items() if table is None and rows is None and splits is None]
        if not animations and not still:
            raise ValueError(f"{file.path}: wanted trajectories to export, the selection has none")
        frames = [animation.name for animation in animations]
        files = [f"{mesh}.vtp" for mesh in still]
        files += [_curve_file(mesh, curve) for mesh in _shown(animations, still) for curve in file.record(mesh).curves]
        files += [f"{name}.pvd" for name in frames]
        if len(set(files)) < len(files):
            twice = next(name for name in files if files.count(name) > 1)
            raise ValueError(
                f"{file.path}: wanted names that make different files, got {twice} twice; export --mesh by itself"
            )
        with ExportFolder(Path(folder), [*frames, *files], overwrite=overwrite) as output:
            _write(file, output, animations, still, tables, progress)
    return [Path(folder) / name for name in files]


def _require_meshes(file: DatasetFile, meshes: Sequence[str] | None) -> list[str]:
    if meshes is None:
        return list(file.mesh_names)
    for mesh in meshes:
        if mesh not in file.mesh_names:
            raise ValueError(f"{file.path}: wanted one of the meshes {', '.join(file.mesh_names)}, got {mesh!r}")
    return list(dict.fromkeys(meshes))


def _animations(
    file: DatasetFile,
    tables: Mapping[str, TrajectoryTable | None],
    rows: Sequence[int] | None,
    splits: Sequence[str] | None,
) -> list[Animation]:
    wrong = sorted(set(splits or ()) - set(SPLITS))
    if wrong:
        raise ValueError(f"split: wanted one of {', '.join(SPLITS)}, got {wrong[0]!r}")
    found = []
    most = max((len(table.split) for table in tables.values() if table is not None), default=0)
    for row in rows or ():
        if not 0 <= row < most:
            raise ValueError(f"{file.path}: wanted trajectories in [0, {most}), got {row}")
    for mesh, table in tables.items():
        for row in range(0 if table is None else len(table.split)):
            assert table is not None
            if (rows is None or row in rows) and (splits is None or table.split[row] in splits):
                found.append(Animation(mesh, row, int(table.num_frames[row])))
    return found


def _write(
    file: DatasetFile,
    output: ExportFolder,
    animations: Sequence[Animation],
    still: Sequence[str],
    tables: Mapping[str, TrajectoryTable | None],
    progress: Callable[[int, int], None],
) -> None:
    written, total = itertools.count(1), sum(animation.frames for animation in animations)
    for mesh in _shown(animations, still):
        record = file.record(mesh)
        drawn = drawn_mesh(record)
        for curve, content in _curves(record).items():
            output.write(_curve_file(mesh, curve), content)
        if mesh in still:
            units = {"Points": record.unit}
            data = {name: values[drawn.node] for name, values in static_arrays(record, units, ()).items()}
            output.write(f"{mesh}.vtp", polydata(drawn.points(record.pos), drawn.cells, data, {}, units))
        for animation in (entry for entry in animations if entry.mesh == mesh):
            table, digits, entries = tables[mesh], len(str(animation.frames - 1)), []
            assert table is not None
            for frame, content in enumerate(_frames(file, animation, table, record, drawn)):
                entries.append((_time(table, animation.row, frame), f"{animation.name}/frame_{frame:0{digits}d}.vtp"))
                output.write(entries[-1][1], content)
                progress(next(written), total)
            output.write(f"{animation.name}.pvd", collection(entries))


def _shown(animations: Sequence[Animation], still: Sequence[str]) -> list[str]:
    """The meshes that appear in an export."""
    return list(dict.fromkeys([*still, *(animation.mesh for animation in animations)]))


def _time(table: TrajectoryTable, row: int, frame: int) -> float:
    return float(table.time[frame] + table.time_offset[row])


def _curve_file(mesh: str, curve: str) -> str:
    return f"{mesh}.curve.{curve}.vtp"


def static_arrays(record: MeshRecord, units: dict[str, str], taken: Sequence[str]) -> dict[str, np.ndarray]:
    """What is known of each node and does not change: node arrays, geodesic and signed distances, infinity as NaN.

    Args:
        record: the mesh.
        units: name → unit; those of the distances are added.
        taken: names of other arrays; a node array of such a name gets "node_" in front.

    Returns:
        name → [V] or [V, c].
    """
    found = {}
    for name, values in record.node.items():
        found[f"node_{name}" if name in taken else name] = _columns(values)
    sources = record.geodesic.get("sources", np.zeros(0, dtype=np.int64))
    for method, distance in record.geodesic.items():
        if method != "sources":
            found |= {f"geodesic_{method}_from_{source}": _finite(row) for source, row in zip(sources, distance)}
    for name, curve in record.curves.items():
        found[f"signed_distance_{name}"] = _finite(curve.signed_distance)
    units |= {name: record.unit for name in found if name.startswith(("geodesic_", "signed_distance_"))}
    return found


def _columns(values: np.ndarray) -> np.ndarray:
    return values if values.ndim == 1 else values.reshape(len(values), -1)


def _finite(distance: np.ndarray) -> np.ndarray:
    return np.where(np.isinf(distance), np.nan, distance)


def _frames(
    file: DatasetFile, animation: Animation, table: TrajectoryTable, record: MeshRecord, drawn: DrawnMesh
) -> Iterator[bytes]:
    """The content of the file of each frame."""
    units = {"Points": record.unit}
    # A scalar field first: that is the one which is shown when the file is opened.
    fields = sorted(set(table.fields) - {MOVING}, key=lambda name: (table.fields[name][0] != 1, name))
    units |= {name: str(table.fields[name][1]["unit"]) for name in fields}
    parameters = file.parameters(animation.mesh, animation.row, table.parameters)
    on_nodes = {name: _columns(v) for name, v in parameters.items() if v.shape[:1] == (record.num_nodes,)}
    constants = {name: values for name, values in parameters.items() if name not in on_nodes}
    on_nodes = {f"parameter_{name}" if name in fields else name: values for name, values in on_nodes.items()}
    static = on_nodes | static_arrays(record, units, [*fields, *on_nodes])
    shown = {name: values[drawn.node] for name, values in static.items()}
    for frame in range(animation.frames):
        where = (animation.mesh, animation.row, frame, frame + 1)
        data: dict[str, np.ndarray] = {}
        for name in fields:
            values, mask = file.frames(*where, [name])
            data[name] = values[0][drawn.node] if values.shape[2] > 1 else values[0, drawn.node, 0]
            if mask is not None:
                data[f"observed_{name}"] = mask[0][drawn.node]
        pos = file.frames(*where, [MOVING])[0][0] if MOVING in table.fields else record.pos
        yield polydata(drawn.points(pos), drawn.cells, data | shown, constants, units)


def _curves(record: MeshRecord) -> dict[str, bytes]:
    """The content of a file for each curve of a mesh: a closed polyline, its first point repeated at its end."""
    found = {}
    for name, stored in record.curves.items():
        assert record.face is not None
        points = stored.curve.points(TriMesh(record.pos, record.face, record.period))
        line = np.append(np.arange(len(points)), 0)[None]
        found[name] = polydata(points, Cells(lines=line), {}, {}, {"Points": record.unit})
    return found
