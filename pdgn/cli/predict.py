"""`pdgn predict`: a checkpoint, a mesh and observations to a file of predicted frames."""

from __future__ import annotations

import argparse
import csv
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pdgn.cli.one_line_parser import OneLineParser
from pdgn.cli.progress import Progress

if TYPE_CHECKING:
    from pdgn.cli.user_meshes import OwnMesh
    from pdgn.data import MeshRecord
    from pdgn.mesh import TriMesh
    from pdgn.mesh.repair import RepairReport
    from pdgn.prediction import Predictor


class Given(NamedTuple):
    """What the model is given: a mesh with V nodes, observed frames [T0, V, C] on it, mask [T0, V], parameters.

    Args:
        target: [V'] int64, the node that each vertex of the file became, -1 for none; None: nodes are as given.
    """

    mesh: TriMesh | MeshRecord
    observed: np.ndarray
    mask: np.ndarray | None
    parameters: dict[str, np.ndarray] | None
    target: np.ndarray | None = None


def build_parser() -> argparse.ArgumentParser:
    """The options of `pdgn predict`.

    Returns:
        The parser.
    """
    parser = OneLineParser(
        prog="pdgn predict",
        description="Continues observed frames on a mesh, in physical units. The output holds prediction "
        "[steps, V, C], time [steps] since the last observed frame, channel_names, channel_units and time_unit. A mesh "
        "file is repaired as pdgn generate --mesh does; V stays the number of its vertices, NaN where no face has one.",
    )
    parser.add_argument("--checkpoint", required=True, metavar="FILE", help="best.ckpt of a run")
    parser.add_argument(
        "--mesh", required=True, metavar="FILE",
        help="OBJ, PLY, OFF or STL; or DATASET.h5:NAME, a mesh or the sensors of a dataset",
    )  # fmt: skip
    parser.add_argument("--weld", action="store_true", help="join vertices of the mesh file that are at one place")
    parser.add_argument(
        "--observed", required=True, metavar="FILE",
        help="frames [T0, V, C] or [T0, V]: .npy, .npz (array 'observed', perhaps 'mask'), or .csv with one row per "
        "frame and one column per node; NaN or an empty cell: not reported",
    )  # fmt: skip
    parser.add_argument("--steps", required=True, type=int, help="frames to predict")
    parser.add_argument("--output", required=True, metavar="FILE.npz", help="where to write")
    parser.add_argument("--parameters", metavar="FILE.npz", help="arrays of the model's context, by name")
    parser.add_argument("--time", metavar="DATE", help="ISO date (UTC) of the first frame, if the model has a clock")
    parser.add_argument("--device", default="auto", help="auto (a GPU where there is one), cpu or cuda")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output")
    return parser


def run(args: argparse.Namespace) -> None:
    """Predicts and writes the result, whole or not at all.

    Args:
        args: what `build_parser` parsed.

    Raises:
        FileExistsError: the output exists and ``--overwrite`` is not given.
        ValueError, OSError: an option is wrong or a file cannot be read.
    """
    output = Path(args.output)
    if output.suffix != ".npz":
        raise ValueError(f"--output: wanted a file name ending in .npz, given {args.output!r}")
    if output.is_dir():
        raise IsADirectoryError(f"--output: wanted the path of a file, given the folder {output}")
    if output.exists() and not args.overwrite:
        raise FileExistsError(f"{output}: exists; give --overwrite to replace it")
    if not output.parent.is_dir():
        raise FileNotFoundError(f"--output: wanted an existing folder, given {output.parent}, which does not exist")
    observed, mask = read_observed(Path(args.observed))
    parameters = read_arrays(Path(args.parameters)) if args.parameters else None
    from pdgn.cli.prediction_file import write_prediction
    from pdgn.prediction import load

    predictor = load(args.checkpoint, args.device)
    given = _given(args.mesh, args.weld, observed, mask, parameters)
    frames = predictor.frames(
        given.mesh, given.observed, args.steps, parameters=given.parameters, mask=given.mask, time=args.time
    )
    if given.target is not None:
        frames = _at_vertices_of_the_file(frames, given.target)
    with Progress("predict", total=args.steps, done=0, stream=sys.stderr, unit="frames") as progress:
        write_prediction(output, progress.over(frames), args.steps, _labels(predictor, args.steps))
    print(f"{output}: {args.steps} frames of {', '.join(predictor.channel_names)}")


def read_observed(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Observed frames from a file, and the mask where the file has one.

    Raises:
        ValueError: an unknown kind of file, a file that cannot be read as one, or a cell that is no number.
        FileNotFoundError: there is no such file.
    """
    if path.suffix == ".csv":
        try:
            return _read_csv(path), None
        except UnicodeDecodeError:
            raise ValueError(f"{path}: wanted a .csv file, given bytes that are no text") from None
    if path.suffix == ".npy":
        try:
            return np.load(path, allow_pickle=False), None
        except (ValueError, EOFError):
            raise ValueError(f"{path}: wanted a .npy file of numbers, given one that cannot be read as such") from None
    if path.suffix != ".npz":
        raise ValueError(f"--observed: wanted a .npy, .npz or .csv file, given {path}")
    arrays = read_arrays(path)
    if "observed" not in arrays and len(arrays) != 1:
        raise ValueError(f"{path}: wanted an array 'observed', given {', '.join(arrays) or 'none'}")
    return arrays.get("observed", next(iter(arrays.values()))), arrays.get("mask")


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a .npz file by name.

    Raises:
        ValueError: not a .npz file of numbers. FileNotFoundError: there is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, EOFError, zipfile.BadZipFile, AttributeError, TypeError):
        raise ValueError(f"{path}: wanted a .npz file of arrays, given one that cannot be read as such") from None


def _read_csv(path: Path) -> np.ndarray:
    rows: list[list[float]] = []
    with open(path, newline="", encoding="utf-8-sig") as file:
        for number, cells in enumerate(csv.reader(file), 1):
            if not cells:
                continue
            try:
                rows.append([float(cell) if cell.strip() else np.nan for cell in cells])
            except ValueError:
                wrong = next(cell for cell in cells if cell.strip() and not _is_number(cell))
                raise ValueError(f"{path}, line {number}: wanted numbers and no heading, given {wrong!r}") from None
            if len(rows[-1]) != len(rows[0]):
                raise ValueError(f"{path}, line {number}: wanted {len(rows[0])} cells as in line 1, given {len(cells)}")
    return np.array(rows, dtype=np.float64)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _given(
    name: str, weld: bool, observed: np.ndarray, mask: np.ndarray | None, parameters: dict[str, np.ndarray] | None
) -> Given:
    """A mesh file, repaired, or a mesh of a dataset, given as DATASET.h5:NAME, and what is given on it."""
    file, separator, mesh = name.rpartition(":")
    if separator and file.endswith((".h5", ".hdf5")):
        if weld:
            raise ValueError(f"--weld: wanted with a mesh file, given with {name}, whose mesh is as it was generated")
        from pdgn.data import open_file

        with open_file(file) as dataset:
            return Given(dataset.record(mesh), observed, mask, parameters)
    from pdgn.cli.user_meshes import own_mesh

    own = own_mesh(name, weld=weld)
    for line in own.lines:
        print(line)
    return _on_repaired(own, name, Given(own.mesh, observed, mask, parameters))


def _on_repaired(own: OwnMesh, name: str, given: Given) -> Given:
    """What is given on a mesh file, or on it repaired, on it repaired; each array by its own shape."""
    before, now, columns = own.given.num_vertices, own.mesh.num_vertices, np.shape(given.observed)[1:2]
    if own.mesh is own.given:
        return given
    if columns not in ((before,), (now,)):
        raise ValueError(
            f"observed: wanted [T0, {before}, C], the vertices of {name}, or [T0, {now}, C], those of it repaired, "
            f"given {list(np.shape(given.observed))}"
        )
    report, faces = own.report, own.given.num_faces

    def carried(name: str, values: np.ndarray) -> np.ndarray:
        if values.shape[:1] == (faces,) and (faces != before or name.endswith("_faces")):
            return values[report.face_source]
        return values[report.vertex_source] if values.shape[:1] == (before,) else values

    parameters = given.parameters and {key: carried(key, values) for key, values in given.parameters.items()}
    if columns == (now,) and now != before:
        return given._replace(mesh=own.mesh, parameters=parameters)
    lost = int((report.vertex_target < 0).sum())
    print(f"observed and prediction are at the {before} vertices of the file, {lost} NaN")
    observed, mask = _reported(given.observed, given.mask, report)
    return Given(own.mesh, observed, mask, parameters, report.vertex_target)


def _reported(
    observed: np.ndarray, mask: np.ndarray | None, report: RepairReport
) -> tuple[np.ndarray, np.ndarray | None]:
    """Observations [T0, V, ...] and mask [T0, V] at the repaired vertices; where the vertex that one was did not report
    and another that it became one with did, what that one reported."""
    source, target = report.vertex_source, report.vertex_target
    masked = mask is not None and mask.shape == observed.shape[:2]
    there = np.isfinite(observed).reshape(*observed.shape[:2], -1).all(axis=2)
    if masked and mask is not None:
        there &= mask.astype(bool)
    values, reported = observed[:, source], there[:, source]
    for vertex in np.flatnonzero(target >= 0):
        place = target[vertex]
        if source[place] != vertex:
            frames = there[:, vertex] & ~reported[:, place]
            values[frames, place] = observed[frames, vertex]
            reported[frames, place] = True
    return values, reported if masked else mask


def _at_vertices_of_the_file(frames: Iterator[np.ndarray], target: np.ndarray) -> Iterator[np.ndarray]:
    """Frames [V, C] of the repaired mesh at the vertices of the file [V', C]; NaN where one was removed."""
    for frame in frames:
        values = frame[target]
        values[target < 0] = np.nan
        yield values


def _labels(predictor: Predictor, steps: int) -> dict[str, np.ndarray]:
    return {
        "time": predictor.dt * np.arange(1, steps + 1),
        "channel_names": np.array(predictor.channel_names),
        "channel_units": np.array(predictor.channel_units),
        "time_unit": np.array(predictor.time_unit),
    }
