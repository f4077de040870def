"""`pdgn generate`: joins the simulator, or a sensor table, and the dataset file."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace

from pdgn.cli.attributes import field_attributes, parameter_units
from pdgn.cli.cluster import computed_on_cluster
from pdgn.cli.jobs import plan
from pdgn.cli.mesh_recipe import Variant
from pdgn.cli.parser import StrictParser
from pdgn.cli.progress import Progress
from pdgn.cli.recipe import (
    EquationRecipe,
    GeodesicsRecipe,
    InitialRecipe,
    MeshRecipe,
    NeedsRecipe,
    Recipe,
    SensorRecipe,
    StationsRecipe,
    TrajectoryRecipe,
)
from pdgn.cli.recipe_parser import RecipeParser
from pdgn.cli.sensor_recipe import observed_by
from pdgn.cli.splits import split_schemes
from pdgn.cli.stations import write_stations
from pdgn.cli.surfaces import surface_names
from pdgn.cli.tasks import MeshTask, Result, Surface, Task
from pdgn.cli.typed import typed
from pdgn.cli.unchanged import Changes
from pdgn.cli.user_meshes import on_meshes
from pdgn.cli.workers import computed_by_workers, computed_here, cores
from pdgn.data import DatasetWriter

GROUPS: dict[str, type] = {
    "needs": NeedsRecipe,
    "equation": EquationRecipe,
    "initial": InitialRecipe,
    "trajectories": TrajectoryRecipe,
}
OPTIONAL: dict[str, type] = {"sensors": SensorRecipe, "stations": StationsRecipe, "geodesics": GeodesicsRecipe}


def generate(
    recipe: Recipe, output: Path, *, workers: int = 1, scheduler: str | None = None, overwrite: bool = False
) -> Path:
    """Makes a dataset file from a recipe; killed and called again, it continues.

    Args:
        recipe: what to make; it is stored in the file as YAML that regenerates it.
        output: the file.
        workers: processes that share the work; the arrays do not depend on it.
        scheduler: address of a `dask.distributed` scheduler whose workers do the work instead.
        overwrite: replace a finished file.

    Returns:
        The path of the file.

    Raises:
        FileExistsError: the file is there already and `overwrite` is false.
        ValueError: the recipe is inconsistent.
        OSError: a mesh or table cannot be read, the file cannot be written, a process or the cluster is lost; what
            was finished is kept.
    """
    if not output.name:
        raise ValueError(f"output: wanted the path of a file, given {str(output)!r}")
    if workers < 1:
        raise ValueError(f"workers: wanted at least 1, got {workers}")
    values = asdict(recipe)
    if recipe.stations is not None:
        values["stations"] = recipe.stations.stored()
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    about: dict[str, Any] = {"config": text, "name": recipe.name, "seed": recipe.seed}
    about |= {"description": recipe.description, "license": recipe.license}
    if recipe.stations is not None:
        return write_stations(recipe.stations, output, about, unit=recipe.unit, overwrite=overwrite)
    jobs = plan(recipe)
    about |= {"field_attributes": field_attributes(recipe), "time_unit": recipe.trajectories.time_unit}
    about |= {"parameter_units": parameter_units(recipe), "split_schemes": split_schemes(recipe)}
    with DatasetWriter(output, **about, overwrite=overwrite) as writer:
        surfaces = [MeshTask(index, name) for index, (name, _) in enumerate(surface_names(recipe))]
        missing = [job for job in jobs if not writer.has_block(job.mesh, job.block)]
        tasks: list[Task] = [*(task for task in surfaces if not writer.has_mesh(task.mesh)), *missing]
        total, left = (sum(job.last - job.first for job in some) for some in (jobs, missing))
        with (
            Progress(recipe.name, total=total, done=total - left, stream=sys.stdout) as progress,
            closing(computed(recipe, tasks, workers, scheduler)) as results,
        ):
            changes = Changes(recipe)
            for result in results:
                _write(writer, result, progress)
                changes.see(result)
        for line in changes.warnings():
            print(line)
        return writer.finish()


def _write(writer: DatasetWriter, result: Result, progress: Progress) -> None:
    if isinstance(result, Surface):
        writer.write_mesh(result.mesh, result.record)
        for line in result.remarks:
            progress.say(line)
    else:
        writer.write_block(result)
        progress.add(result.count)


def computed(
    recipe: Recipe, tasks: Sequence[Task], workers: int, scheduler: str | None
) -> Generator[Result, None, None]:
    """The results of tasks as they become ready, each computed with one thread, wherever that is.

    Args:
        recipe: the recipe.
        tasks: what to compute.
        workers: processes on this machine.
        scheduler: address of a cluster instead; none: this machine.

    Yields:
        Surfaces and blocks, in any order.
    """
    if scheduler is not None and tasks:
        yield from computed_on_cluster(recipe, tasks, scheduler)
    elif workers == 1 or len(tasks) <= 1:
        yield from computed_here(recipe, tasks)
    else:
        yield from computed_by_workers(recipe, tasks, workers)


class GenerateParser(RecipeParser):
    """The options, with what the command line itself gave as `given`."""

    def parse_args(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Namespace:  # type: ignore[override]
        """As `StrictParser`, with the names of the options on the command line as `given`."""
        parsed = super().parse_args(args, *rest, **options)
        parsed["given"] = [word.split("=")[0].removeprefix("--") for word in self._words if word.startswith("--")]
        return parsed


def build_parser() -> StrictParser:
    """The options of `pdgn generate`: every key of a recipe, and where the file goes.

    Returns:
        The parser.
    """
    parser = GenerateParser(
        "pdgn generate",
        "Simulates a recipe on meshes, or reads sensor tables, into one HDF5 file. Blocks that are finished survive "
        "whatever happens: the same command continues.",
        folder="datasets",
        package="pdgn.recipes",
        expand={"sensors": lambda count: asdict(observed_by(count))},
        keys=OPTIONAL,
        entries={"meshes": MeshRecipe},
    )
    parser.add_class_arguments(Recipe, skip={"meshes", *OPTIONAL})
    parser.add_argument("--meshes", type=list[dict], default=[], help="The surfaces, a list of entries (keys below).")
    parser.add_argument(
        "--sensors", type=int | dict | None, default=None,
        help="Observe at vertices. A number: noise 0.05, gaps 0.1, the surface kept; or keys and values (below).",
    )  # fmt: skip
    parser.add_argument(
        "--stations", type=dict | None, default=None,
        help="Read sensor tables instead of simulating; its keys are listed below.",
    )  # fmt: skip
    parser.add_argument(
        "--geodesics", type=dict | None, default=None, help="A supervised set of distances instead of a simulation."
    )
    parser.add_argument(
        "--mesh", type=str, nargs="+", default=[], metavar="FILE",
        help="Your own meshes instead of the recipe's, repaired, and scaled to the area of the recipe's first surface.",
    )  # fmt: skip
    parser.add_argument(
        "--test_mesh", type=str, nargs="+", default=[], metavar="FILE",
        help="As --mesh, for test alone: never trained on.",
    )  # fmt: skip
    parser.add_argument(
        "--variants", type=list[Variant], default=[], help="Of your own meshes: [coarser, finer, retriangulated]."
    )
    parser.add_argument("--keep_size", action="store_true", help="Leave your own meshes at their own size.")
    parser.add_argument("--weld", action="store_true", help="Join vertices of your own meshes that are at one place.")
    parser.add_argument("--output", type=str, required=True, help="The file to make, FILE.h5.")
    parser.add_argument("--workers", type=int, default=cores(), help="Processes; the file is the same.")
    parser.add_argument(
        "--scheduler",
        type=str | None,
        default=None,
        help="Address of a dask.distributed scheduler, tcp://HOST:PORT, whose workers compute instead (pip install "
        "'pdgn[distributed]'); the file is the same.",
    )
    parser.add_argument("--overwrite", action="store_true", help="Replace a finished file.")
    return parser


def run(args: Namespace) -> int:
    """Makes the file and says where it is.

    Args:
        args: what `build_parser` parsed.

    Returns:
        0.

    Raises:
        ValueError: the recipe, or an option of --mesh without a mesh.
    """
    recipe = recipe_of(args)
    options = {name: args[name] for name in ("variants", "keep_size", "weld")}
    if args.mesh or args.test_mesh:
        # Only where the user says so are unit and description those of the meshes and not of the recipe's own.
        said = {name: args[name] for name in ("unit", "description") if name in args.given}
        recipe, lines = on_meshes(recipe, args.mesh, test_files=args.test_mesh, **options, **said)
        print("\n".join(lines))
    elif any(options.values()):
        option = next(name for name, value in options.items() if value)
        raise ValueError(f"--{option}: wanted with --mesh FILE, given without, where it changes nothing")
    path = generate(recipe, Path(args.output), workers=args.workers, scheduler=args.scheduler, overwrite=args.overwrite)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


def recipe_of(args: Namespace) -> Recipe:
    """The typed recipe that a command line describes.

    Args:
        args: what `build_parser` parsed.

    Returns:
        The recipe.

    Raises:
        ValueError: an unknown key, a value of another type; the message names the key.
    """
    values = {key: value for key, value in args.as_dict().items() if key in {item.name for item in fields(Recipe)}}
    for key, kind in GROUPS.items():
        values[key] = typed(kind, values[key], key)
    values["meshes"] = [typed(MeshRecipe, entry, f"meshes[{i}]") for i, entry in enumerate(values["meshes"])]
    for key, kind in OPTIONAL.items():
        values[key] = None if values[key] is None else typed(kind, values[key], key)
    return typed(Recipe, values, "recipe")
