"""Small recipes of every kind that `pdgn generate` makes, and what is compared of their files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from pdgn.cli import generate as command
from pdgn.cli.recipe import Recipe

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "datasets"

_SIDE = 6.283185307179586
_SQUARE = {"nx": 24, "ny": 24, "size": [_SIDE, _SIDE], "periodic": True}
_BUMPY = {"subdivisions": 2, "amplitude": 0.3}
_SHORT = ["--trajectories.frames", "5"]

# Recipe → the words that make a small variant of it.
SMALL: dict[str, list[str]] = {
    "heat": ["--config", str(RECIPES / "tiny.yaml"), "--sensors", "8", "--geodesic_sources", "3", "--geodesic_methods",
             '["exact", "heat", "fast_marching"]'],
    "plane": ["--config", str(RECIPES / "plane.yaml"), "--trajectories.train", "5", "--trajectories.valid", "1",
              "--trajectories.test", "2", "--trajectories.block", "2", *_SHORT,
              "--meshes", json.dumps([{"name": "plane", "shape": "grid", "options": _SQUARE}]),
              "--sensors", json.dumps({"count": 30, "graph": "knn", "k": 4, "stride": 2})],
    "flow": ["--config", str(RECIPES / "demo.yaml"), "--trajectories.train", "3", "--trajectories.valid", "1",
             "--trajectories.test", "2", "--trajectories.block", "1", *_SHORT, "--equation.contrast", "3",
             "--geodesic_sources", "2", "--meshes",
             json.dumps([{"name": "bumpy", "shape": "bumpy_sphere", "count": 2, "options": _BUMPY, "area": 12.566},
                         {"name": "torus", "shape": "torus", "role": "test",
                          "options": {"major": 1.0, "minor": 0.4, "n_major": 14, "n_minor": 8}}])],
}  # fmt: skip


def kinds(always: str) -> list[Any]:
    """All kinds, those but one in the slow tests."""
    return [kind if kind == always else pytest.param(kind, marks=pytest.mark.slow) for kind in SMALL]


def arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of a file by its path."""
    found: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]} if isinstance(item, h5py.Dataset) else {}))
    return found


def assert_same(first: Path, second: Path) -> None:
    """The same names, dtypes, shapes and bits."""
    one, two = arrays(first), arrays(second)
    assert one.keys() == two.keys()
    for name, values in one.items():
        assert values.dtype == two[name].dtype and values.shape == two[name].shape, name
        assert values.tobytes() == two[name].tobytes(), name


def start(*words: str, **options) -> subprocess.Popen[str]:  # type: ignore[no-untyped-def]
    """`pdgn generate` in a process group of its own, as a shell starts it."""
    command = [sys.executable, "-m", "pdgn.cli.main", "generate", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, start_new_session=True, env=environment, **{**pipes, **options})


def recipe_of(words: list[str]) -> Recipe:
    """The recipe that the words of a command line make."""
    return command.recipe_of(command.build_parser().parse_args([*words, "--output", "x.h5"]))
