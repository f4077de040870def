"""The datasets of the experiments and the command that makes each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path("data/experiments")
SHARED = Path(os.environ.get("PDGN_SHARED_DATA", "../shared/data"))
REAL_MESHES = (SHARED / "meshes" / "spot.obj", SHARED / "meshes" / "homer.obj")
PLANE = {
    "plane_250": ("250", "knn"),
    "plane_100": ("100", "knn"),
    "plane_150": ("150", "knn"),
    "plane_delaunay": ("250", "delaunay"),
}


class Dataset(NamedTuple):
    """A file and how it is made.

    Args:
        file: relative to the repository.
        words: of the command, after `python`.
        needs: files that are not part of the repository, without which it cannot be made.
    """

    file: Path
    words: tuple[str, ...]
    needs: tuple[Path, ...] = ()

    def missing(self) -> list[Path]:
        """Those of the needed files that are not there."""
        return [path for path in self.needs if not (ROOT / path).is_file()]


def dataset(experiment: str, seed: int) -> Dataset:
    """What an experiment is trained and tested on; on the plane the seed draws the sensors.

    Raises:
        KeyError: an experiment that has none.
    """
    if experiment in PLANE:
        count, graph = PLANE[experiment]
        sensors = ("--sensors.seed", str(seed), "--sensors.count", count, "--sensors.graph", graph)
        return _generated(f"{experiment}_{seed}", "datasets/plane.yaml", *sensors)
    if experiment in ("stations", "wind"):
        tables = {name: SHARED / "molene" / f"{name}.csv" for name in ("stations", "hourly")}
        recipe = "datasets/stations.yaml" if experiment == "stations" else "experiments/datasets/wind.yaml"
        paths = ("--stations.stations", str(tables["stations"]), "--stations.readings", str(tables["hourly"]))
        return _generated(experiment, recipe, *paths)._replace(needs=tuple(tables.values()))
    recipe = f"experiments/datasets/{experiment}.yaml"
    if not (ROOT / recipe).is_file():
        raise KeyError(experiment)
    return _generated(experiment, recipe)


def real_dataset(experiment: str) -> Dataset:
    """The same equation on meshes that nobody here made, scaled to the area of the sphere, for test alone."""
    counts = ("--trajectories.train", "0", "--trajectories.valid", "0", "--trajectories.test", "4")
    meshes = ("--mesh", *map(str, REAL_MESHES))
    recipe = f"experiments/datasets/{experiment}.yaml"
    return _generated(f"{experiment}_real", recipe, *meshes, *counts)._replace(needs=REAL_MESHES)


def _generated(name: str, recipe: str, *options: str) -> Dataset:
    file = FOLDER / f"{name}.h5"
    words = ("datasets/generate.py", "--config", recipe, *options, "--output", str(file), "--workers", "1")
    return Dataset(file, words)
