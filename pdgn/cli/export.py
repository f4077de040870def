"""`pdgn export FILE.h5 --to DIR`: a dataset file as animations for ParaView."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from tqdm import tqdm

from pdgn.cli.one_line_parser import OneLineParser

SHOWN = 10


def build_parser() -> argparse.ArgumentParser:
    """The options of `pdgn export`.

    Returns:
        The parser.
    """
    parser = OneLineParser(
        prog="pdgn export",
        description="Writes trajectories for ParaView: MESH_ROW.pvd is an animation (its frames lie in MESH_ROW/), "
        "MESH.vtp a mesh without trajectories, MESH.curve.NAME.vtp a curve. Every frame carries the fields, masks, "
        "parameters, node arrays, geodesic and signed distances as point data (infinite distances as NaN); moving "
        "meshes move, sensor networks are points and lines. All files appear at the end, or none.",
    )
    parser.add_argument("file", metavar="FILE.h5", help="a dataset file, as pdgn generate writes it")
    parser.add_argument("--to", required=True, metavar="DIR", help="folder to write to; made where it is missing")
    parser.add_argument("--mesh", nargs="+", metavar="NAME", help="these meshes only")
    parser.add_argument("--trajectory", nargs="+", type=int, metavar="ROW", help="these rows, counted from 0, on each")
    parser.add_argument("--split", nargs="+", metavar="SPLIT", help="trajectories of these splits: train, valid, test")
    parser.add_argument("--overwrite", action="store_true", help="replace files that were exported before")
    return parser


def run(args: argparse.Namespace) -> None:
    """Exports and says which files to open.

    Args:
        args: what `build_parser` parsed.

    Raises:
        ValueError: an unknown mesh, row or split. FileExistsError: a file is there. OSError: the disk is full.
    """
    from pdgn.evaluation.paraview import export_paraview  # torch is loaded only once the options are known to be right

    with tqdm(unit="frame", desc=args.to, disable=None, file=sys.stderr) as bar:
        files = export_paraview(
            args.file, args.to, meshes=args.mesh, rows=args.trajectory, splits=args.split, overwrite=args.overwrite,
            progress=partial(_advance, bar),
        )  # fmt: skip
    print(f"{args.to}: {len(files)} file{'s' * (len(files) > 1)} to open with ParaView")
    for path in files[:SHOWN]:
        print(f"  {path.name}")
    if len(files) > SHOWN:
        print(f"  and {len(files) - SHOWN} more")


def _advance(bar: tqdm, done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)
