"""The ordinary commands that make a row: train.py and evaluate.py with the options of its model."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from experiments.dataset import PLANE, ROOT, Dataset, dataset, real_dataset
from experiments.rows import CAPS, EQUATIONS, Row, problem_of

RUNS = Path("runs/experiments")
CONFIGS = Path("experiments/configs")


class Budget(NamedTuple):
    """What a row may take.

    Args:
        minutes: of processor time in training; None: as the experiment says.
        device: "cpu" or "gpu".
    """

    minutes: float | None = None
    device: str = "cpu"


CONFIGURED = Budget()


class Evaluation(NamedTuple):
    """A test of a trained model.

    Args:
        name: "test", or "real" for meshes that nobody here made.
        data: what it is tested on.
        folder: where its metrics.json comes to lie.
        words: of the command, after `python`.
    """

    name: str
    data: Dataset
    folder: Path
    words: tuple[str, ...]


class Commands(NamedTuple):
    """What a row runs, in this order.

    Args:
        data: what it is trained on.
        folder: of its run; None for a row that writes its metrics.json itself.
        train: words of the command, after `python`.
        evaluations: tests after it.
    """

    data: Dataset | None
    folder: Path | None
    train: tuple[str, ...]
    evaluations: tuple[Evaluation, ...]

    def lines(self) -> list[str]:
        """The commands as one types them."""
        return [as_typed(words) for words in (self.train, *(test.words for test in self.evaluations))]


def commands(row: Row, budget: Budget = CONFIGURED) -> Commands:
    """The commands of a row.

    Args:
        row: of the matrix.
        budget: other than the experiment's.

    Raises:
        ValueError: no such model in experiments/models.yaml.
    """
    if row.experiment == "directional":
        minutes = 10.0 if budget.minutes is None else budget.minutes
        words = ("-m", "experiments.directional", row.model, "--seed", str(row.seed), "--minutes", f"{minutes:g}")
        return Commands(None, None, words, ())
    problem, name = problem_of(row.experiment, row.model), f"{row.model}-{row.seed}"
    data = dataset(problem, row.seed)
    options: dict[str, Any] = {"data.file": str(data.file), **settings(problem, row.model)}
    options |= {"seed": row.seed, "output": str(RUNS / row.experiment), "name": name}
    minutes = CAPS.get(row.experiment) if budget.minutes is None else budget.minutes
    if minutes is not None:
        options["training.max_core_minutes"] = minutes
    if budget.device != "cpu":
        options["training.accelerator"] = budget.device
    config = CONFIGS / f"{'plane' if problem in PLANE else problem.removesuffix('_knn')}.yaml"
    train = ("train.py", "--config", str(config), *_words(options))
    folder = RUNS / row.experiment / name
    return Commands(data, folder, train, tuple(_evaluations(row, data, folder, budget)))


def _evaluations(row: Row, data: Dataset, folder: Path, budget: Budget) -> Iterable[Evaluation]:
    device = () if budget.device == "cpu" else ("--device", "cuda")
    words = ("evaluate.py", "--checkpoint", str(folder / "best.ckpt"), *device)
    yield Evaluation("test", data, folder, words)
    problem = problem_of(row.experiment, row.model)
    if problem in EQUATIONS:
        real, place = real_dataset(problem), folder.with_name(f"{folder.name}_real")
        yield Evaluation("real", real, place, (*words, "--data", str(real.file), "--output", str(place)))


def settings(experiment: str, model: str) -> dict[str, Any]:
    """What experiments/models.yaml says about a model in an experiment.

    Returns:
        Dotted key of a config → value.

    Raises:
        ValueError: no such model.
    """
    known = _models()
    if model not in known:
        raise ValueError(f"experiments/models.yaml: wanted one of {', '.join(known)}, given {model!r}")
    entry = dict(known[model])
    for pattern, more in (entry.pop("in", None) or {}).items():
        if fnmatchcase(experiment, pattern):
            entry |= more
    return entry


@cache
def _models() -> dict[str, dict[str, Any]]:
    return yaml.safe_load((ROOT / "experiments" / "models.yaml").read_text())


def _words(options: dict[str, Any]) -> list[str]:
    """Options as words of a command line; lists and null as YAML has them."""
    words = []
    for key, value in options.items():
        words += [f"--{key}", value if isinstance(value, str) else json.dumps(value)]
    return words


def as_typed(words: Iterable[str]) -> str:
    """A command as one types it, `python` in front."""
    return shlex.join(["python", *words])
