"""One row of the table: one model with one seed on all its problems, written to metrics.json."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path

import numpy as np
import torch

from experiments.directional.models import ROWS
from experiments.directional.problem import SPHERE, problems
from experiments.directional.training import EPOCHS, train
from pdgn.version import __version__

MODELS: tuple[str, ...] = tuple(ROWS)
ON_THE_SPHERE = ("finite-difference", "sdl", "sdl-silu", "fixed-mls", "ours")
NAME = "directional"


def run_row(model: str, seed: int, folder: Path, minutes: float, epochs: int = EPOCHS) -> None:
    """Trains a model with one seed on both functions of the plane, and on the sphere's where the row has it.

    Args:
        model: of MODELS. seed: draws points, split and weights. folder: where metrics.json is written, at the end.
        minutes: of the processor in all; a row that meets them is marked. epochs: at most.

    Raises:
        ValueError: an unknown model.
    """
    if model not in ROWS:
        raise ValueError(f"model: wanted one of {', '.join(MODELS)}, given {model}")
    begun, outcomes, parameters = time.process_time(), {}, {}
    chosen = {name: p for name, p in problems(seed).items() if name != SPHERE or model in ON_THE_SPHERE}
    for name, problem in chosen.items():
        share = (60 * minutes - (time.process_time() - begun)) / (len(chosen) - len(outcomes))
        torch.manual_seed(seed)
        trained = ROWS[model](problem)
        parameters[name] = sum(parameter.numel() for parameter in trained.parameters())
        outcomes[name] = train(trained, seed, share, f"{model} {seed} {name}", epochs)
    metrics = {
        "experiment": NAME,
        "model": model,
        "seed": seed,
        "command": f"python -m experiments.directional {model} --seed {seed}",
        "parameters": max(parameters.values()),
        "seconds": round(time.process_time() - begun, 1),
        "budget_limited": any(outcome.budget_limited for outcome in outcomes.values()),
        "scores": {name: outcome.test for name, outcome in outcomes.items()},
        "validation": {name: outcome.validation for name, outcome in outcomes.items()},
        "best_epoch": {name: outcome.epoch for name, outcome in outcomes.items()},
        "epochs": {name: outcome.epochs for name, outcome in outcomes.items()},
        "versions": {
            "pdgn": __version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "metrics.json.part"
    part.write_text(json.dumps(metrics, indent=2, ensure_ascii=False) + "\n")
    os.replace(part, folder / "metrics.json")
