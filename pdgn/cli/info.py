"""`pdgn info FILE`: what is in a dataset file, and how to make it again; what a mesh file is."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pdgn.cli.families import families
from pdgn.cli.one_line_parser import OneLineParser

if TYPE_CHECKING:
    from pdgn.data.contents import FieldContents, FileContents, MeshContents, TrajectoryContents

_MOST_NAMES = 60


def build_parser() -> argparse.ArgumentParser:
    """The options of `pdgn info`.

    Returns:
        The parser.
    """
    parser = OneLineParser(
        prog="pdgn info",
        description="Prints what a dataset file holds: where it comes from, its meshes (those that are alike on one "
        "line), geodesic fields and curves, trajectories by split, fields and parameters with their units, sizes on "
        "the disk, and the commands that make it again. Fields are not read; pdgn check does that. Of a mesh file: its "
        "size, topology, defects and what to do about them.",
    )
    parser.add_argument("file", metavar="FILE", help="a dataset, as pdgn generate writes it, or OBJ, PLY, OFF or STL")
    parser.add_argument("--config", action="store_true", help="print the stored recipe (YAML) and nothing else")
    return parser


def run(args: argparse.Namespace) -> None:
    """Prints the report or the recipe.

    Args:
        args: what `build_parser` parsed.

    Raises:
        OSError, ValueError: the file cannot be opened, is of another schema or broken.
    """
    if Path(args.file).suffix.lower() in (".obj", ".ply", ".off", ".stl"):
        if args.config:
            raise ValueError(f"--config: wanted with a dataset, given with the mesh {args.file}, which has no recipe")
        from pdgn.cli.mesh_report import mesh_report

        print("\n".join(mesh_report(Path(args.file))))
        return
    from pdgn.data.contents import contents  # loaded only once the options are known to be right

    found = contents(args.file)
    if args.config:
        print(found.attributes["config"].rstrip("\n"))
    else:
        print("\n".join(report(Path(args.file), found)))


def report(path: Path, found: FileContents) -> Iterator[str]:
    """The lines that `pdgn info` prints.

    Args:
        path: of the file. found: what it holds.
    """
    about = found.attributes
    yield f"{path}: {about['name']} (schema {about['schema_version']}, {size(path.stat().st_size)})"
    for key, value in (
        ("", about["description"]),
        ("licence", about["license"]),
        ("made by", f"pdgn {about['pdgn_version']} on {about['created']}, seed {about['seed']}"),
        ("on disk", ", ".join(f"{kind} {size(count)}" for kind, count in found.stored.items() if count)),
    ):
        if value:
            yield f"  {key:<8} {value}" if key else f"  {value}"
    yield from ("", *_meshes(found.meshes), "", *_trajectories(found.trajectories), "", *_again(path, about))


def size(count: int) -> str:
    """Bytes for people: "31.2 MB"."""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if count >= 10**power:
            return f"{count / 10**power:.1f} {unit}"
    return f"{count} B"


def span(values: Iterable[float | int | None]) -> str:
    """A number, or the least and the largest: "642", "642–2562"; "–" where there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    texts = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in (min(known), max(known))]
    return texts[0] if texts[0] == texts[1] else "–".join(texts)


def _named(unit: str) -> str:
    return "" if unit == "1" else f" {unit}"


def _meshes(meshes: list[MeshContents]) -> Iterator[str]:
    alike = families(meshes, lambda mesh: mesh.name, _mesh_kind)
    rows = [["", "V", "F", "E", "area", "topology"]]
    for label, members in alike.items():
        area, unit = span(mesh.area for mesh in members), members[0].unit
        counts = [span(getattr(mesh, key) for mesh in members) for key in ("nodes", "faces", "edges")]
        rows.append([label, *counts, area if area == "–" or unit == "1" else f"{area} {unit}²", _topology(members)])
    units = ", ".join(sorted({mesh.unit for mesh in meshes}))
    yield f"{len(meshes)} mesh{'es' * (len(meshes) > 1)} (unit of length: {units})"
    yield from table(rows, right=(1, 2, 3, 4))
    for kind in ("node", "edge"):
        for label, names in _shared({label: ", ".join(getattr(members[0], kind)) for label, members in alike.items()}):
            yield f"  {kind} arrays{label}: {names}"
    for label, text in _shared({label: _distances(members) for label, members in alike.items()}):
        yield f"  geodesic distances{label}: {text}"
    for label, text in _shared({label: _curves(members) for label, members in alike.items()}):
        yield f"  curves{label}: {text}"
    for mesh in meshes:
        if mesh.names:
            more = f" and {len(mesh.names) - _MOST_NAMES} more" if len(mesh.names) > _MOST_NAMES else ""
            yield f"  nodes of {mesh.name}: {', '.join(mesh.names[:_MOST_NAMES])}{more}"


def _mesh_kind(mesh: MeshContents) -> Any:
    """Meshes of one family agree in this."""
    flags = (mesh.faces is None, mesh.boundary == 0, mesh.period is None, mesh.euler_characteristic)
    return mesh.unit, flags, mesh.node, mesh.edge, tuple(mesh.geodesic.items()), mesh.sources, tuple(mesh.curves)


def _topology(members: list[MeshContents]) -> str:
    first = members[0]
    if first.faces is None:
        text = "sensor network"
    elif first.boundary == 0:
        text = f"closed, χ = {first.euler_characteristic}"
    else:
        text = f"boundary of {span(mesh.boundary for mesh in members)} vertices, χ = {first.euler_characteristic}"
    if first.period is None:
        return text
    return f"{text}, periodic {' × '.join(f'{length:.4g}' for length in first.period if length)}{_named(first.unit)}"


def _distances(members: list[MeshContents]) -> str:
    methods = [f"{method} ({library} {version})" for method, (library, version) in members[0].geodesic.items()]
    return f"{', '.join(methods)} from {members[0].sources} sources" if methods else ""


def _curves(members: list[MeshContents]) -> str:
    names = members[0].curves
    return ", ".join(f"{name} ({span(mesh.curves[name] for mesh in members)} points)" for name in names)


def _shared(texts: dict[str, str]) -> list[tuple[str, str]]:
    """Every text once, with the families of which it is said; without, where it is said of all."""
    labels: dict[str, list[str]] = {}
    for label, text in texts.items():
        labels.setdefault(text, []).append(label)
    return [("" if len(of) == len(texts) else f" of {', '.join(of)}", text) for text, of in labels.items() if text]


def _trajectories(found: list[TrajectoryContents]) -> Iterator[str]:
    total = sum(sum(entry.splits) for entry in found)
    yield f"{total} trajector{'ies' if total != 1 else 'y'}"
    alike = families(found, lambda entry: entry.mesh, _trajectory_kind)
    rows = [["on each mesh of", "train", "valid", "test", "frames", "step", "time"]]
    for label, members in alike.items():
        first = members[0]
        unit, (start, end) = _named(first.unit), first.time
        since = f" since {first.origin}" if first.origin else ""
        frames = span([first.shortest, first.frames])
        rows.append(
            [
                label,
                *map(str, first.splits),
                frames,
                f"{span(first.steps)}{unit}",
                f"{start:.6g} … {end:.6g}{unit}{since}",
            ]
        )
    yield from table(rows, right=(1, 2, 3, 4, 5))
    schemes = {label: _schemes(members[0]) for label, members in alike.items()}
    for label, text in _shared(schemes):
        yield f"  further splits{label} (train, valid, test): {text}"
    for kind in ("fields", "parameters"):
        lines: dict[str, list[str]] = {}
        for label, members in alike.items():
            for line in _arrays(getattr(members[0], kind)):
                lines.setdefault(line, []).append(label)
        if lines:
            yield f"  {kind}"
        yield from (line + ("" if len(of) == len(alike) else f" (on {', '.join(of)})") for line, of in lines.items())


def _trajectory_kind(entry: TrajectoryContents) -> Any:
    return entry._replace(mesh="")


def _schemes(entry: TrajectoryContents) -> str:
    return "; ".join(f"{name} {', '.join(map(str, counts))}" for name, counts in entry.schemes.items())


def _arrays(arrays: dict[str, FieldContents]) -> Iterator[str]:
    for name, array in arrays.items():
        about = array.attributes
        sizes = [*(["V"] if array.per_node else []), *map(str, array.shape)]
        parts = [f"[{', '.join(sizes)}]" if sizes else "number", array.dtype]
        parts += [about["unit"]] if about.get("unit", "1") != "1" else []
        parts += [about["equation"]] if about.get("equation") else []
        parts += [f"boundary: {about['boundary']}"] if about.get("boundary") else []
        parts += ["with a mask"] if array.masked else []
        yield f"    {name}: {', '.join(parts)}"


def _again(path: Path, about: dict[str, Any]) -> Iterator[str]:
    config = yaml.safe_load(about["config"])
    if not _is_recipe(config):
        yield "Not made from a recipe of pdgn generate; how it was made: pdgn info FILE --config"
        return
    recipe, again = f"{path.stem}.yaml", path.with_name(f"{path.stem}-again.h5")
    yield "To make it again, the same arrays with the same versions of libraries on the same kind of processor:"
    yield f"  pdgn info {shlex.quote(str(path))} --config > {shlex.quote(recipe)}"
    yield f"  pdgn generate --config {shlex.quote(recipe)} --output {shlex.quote(str(again))}"
    files = list(dict.fromkeys(_files(config)))
    if files:
        yield f"  (reads {', '.join(files)}: paths as the recipe has them, from the folder where the command runs)"


def _is_recipe(config: Any) -> bool:
    """Whether a config has the keys of a recipe, and those that every one has."""
    from pdgn.cli.recipe import Recipe

    known = {item.name for item in fields(Recipe)}
    keys = set(config) if isinstance(config, dict) else set()
    return "name" in keys and keys <= known and bool(keys & {"meshes", "stations"})


def _files(value: Any) -> Iterator[str]:
    """The files that a recipe reads: meshes by the key "file", and the two tables of stations."""
    if isinstance(value, dict):
        for key, entry in value.items():
            if key in ("file", "stations", "readings") and isinstance(entry, str):
                yield entry
            else:
                yield from _files(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _files(entry)


def table(rows: list[list[str]], *, right: tuple[int, ...]) -> Iterator[str]:
    """Rows as aligned lines.

    Args:
        rows: the first one is the heading. right: columns whose entries stand to the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(w) if k in right else cell.ljust(w) for k, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        yield ("  " + "  ".join(cells)).rstrip()
