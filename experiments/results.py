"""The committed metrics.json of a row: what its training and its tests found, without what no table shows."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.commands import Commands, Evaluation
from experiments.dataset import ROOT
from experiments.rows import Row
from pdgn.data.disk import write_bytes
from pdgn.evaluation.metrics_file import read_metrics_file

RESULTS = Path("experiments/results")
MOST_BYTES = 60_000
DIGITS = 5
MOST_STEPS = 25  # of a roll-out that are kept one by one; of longer ones every fifth
SHOWN = ("mae", "capped_relative_l2", "diverged")  # of what metrics.json has step by step


def results_file(row: Row, results: Path = ROOT / RESULTS) -> Path:
    """Where the metrics of a row are committed."""
    return results / row.experiment / f"{row.model}-{row.seed}" / "metrics.json"


def read_result(path: Path) -> dict[str, Any]:
    """The metrics of a row.

    Raises:
        ValueError: no JSON object.
    """
    try:
        found = json.loads(path.read_text())
    except ValueError:
        raise ValueError(f"{path}: wanted the metrics of a row, given a file that is no JSON") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path}: wanted the metrics of a row, given {type(found).__name__}")
    return found


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Writes the metrics of a row, whole or not at all; floats that are not finite as in metrics.json of a run.

    Raises:
        ValueError: more bytes than a repository should be given.
    """
    text = json.dumps(_short(result), indent=1, allow_nan=False)
    # Lists of numbers on one line each.
    text = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda found: "[" + re.sub(r"\s+", " ", found[1]) + "]", text)
    if len(text) > MOST_BYTES:
        raise ValueError(f"{path}: wanted at most {MOST_BYTES} bytes, given {len(text)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, (text + "\n").encode())


def collect(row: Row, commands: Commands, skipped: Mapping[str, str]) -> dict[str, Any]:
    """What a finished row's folders say.

    Args:
        row: the row.
        commands: what was run.
        skipped: name of a test that was not made → why.

    Returns:
        What `write_result` writes.
    """
    assert commands.folder is not None
    folder = ROOT / commands.folder
    tests = {
        test.name: {"skipped": skipped[test.name]} if test.name in skipped else _tested(test)
        for test in commands.evaluations
    }
    first = read_metrics_file(ROOT / commands.evaluations[0].folder / "metrics.json")
    model = next(iter(first["models"].values()))
    return {
        "experiment": row.experiment,
        "model": row.model,
        "seed": row.seed,
        "commands": commands.lines(),
        "device": first["device"],
        "pdgn_version": first["pdgn_version"],
        "versions": {name: first["versions"][name] for name in ("torch", "torch-geometric", "numpy")},
        "parameters": model["parameters"],
        "options": model["options"],
        "training": training_facts(folder),
        "tests": tests,
    }


def training_facts(folder: Path) -> dict[str, Any]:
    """How the training of a run went.

    Args:
        folder: of a finished run.

    Returns:
        epochs, seconds and core_seconds (processor time) of training, best_epoch, ended ("patience", "time", "epochs"
        or "untrained"), budget_limited, core_minutes (the cap), normalisation, and the validation MAE by epoch.
    """
    from pdgn.training import read_checkpoint, read_metrics  # torch and Lightning take seconds to load

    epochs, ended = re.match(r"(\d+) epochs?(?:, (.*))?", (folder / "finished").read_text().strip()).groups()  # type: ignore[union-attr]
    checkpoint = read_checkpoint(folder / "best.ckpt")
    rows = read_metrics(folder / "metrics.csv") if (folder / "metrics.csv").is_file() else []
    maes = [name for name in (rows[0] if rows else ()) if name.startswith("valid/mae")]
    kept = _some(list(range(len(rows))), 24)
    best = min(rows, key=lambda row: row.get("valid/loss", math.inf), default={})
    return {
        "epochs": int(epochs),
        "seconds": rows[-1]["seconds"] if rows else 0.0,
        "core_seconds": rows[-1]["core_seconds"] if rows else 0.0,
        "best_epoch": int(best.get("epoch", 0)),
        "ended": ended or "epochs",
        "budget_limited": ended == "time",
        "core_minutes": checkpoint["pdgn"]["config"]["training"]["max_core_minutes"],
        "signal_std": checkpoint["state_dict"]["normalizer.signal_std"].tolist(),
        "validation": {name: [[int(rows[i]["epoch"]), rows[i][name]] for i in kept] for name in maes},
    }


def _tested(test: Evaluation) -> dict[str, Any]:
    """The scores of one test."""
    metrics = read_metrics_file(ROOT / test.folder / "metrics.json")
    model = next(iter(metrics["models"].values()))
    return {
        "data": metrics["data"]["file"],
        "config_hash": metrics["data"]["config_hash"],
        "history": metrics["history"],
        "time_step": metrics["time_step"],
        "units": metrics["units"],
        "seconds": model["seconds"],
        "groups": {name: _group(group) for name, group in model["groups"].items()},
    }


def _group(group: Mapping[str, Any]) -> dict[str, Any]:
    steps = len(group["time"])
    kept = list(range(steps)) if steps <= MOST_STEPS else [0, 1, *range(4, steps, 5)]
    shown = {name: values for name, values in group["per_step"].items() if name in SHOWN}
    return {
        "windows": group["windows"],
        "total": group["total"],
        "steps": [step + 1 for step in kept],
        "per_step": {name: _at(values, kept) for name, values in shown.items()},
    }


def _at(values: Any, kept: list[int]) -> Any:
    return {key: _at(inner, kept) for key, inner in values.items()} if isinstance(values, dict) else [
        values[step] for step in kept
    ]  # fmt: skip


def _some(values: list[int], most: int) -> list[int]:
    """At most so many of them, evenly spaced, the first and the last among them."""
    if len(values) <= most:
        return values
    return [values[round(place * (len(values) - 1) / (most - 1))] for place in range(most)]


def _short(value: Any) -> Any:
    """Floats with five digits; those that are not finite as text."""
    if isinstance(value, Mapping):
        return {str(key): _short(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_short(entry) for entry in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
        return float(f"{value:.{DIGITS}g}")
    return value
