"""The model of a checkpoint and the baselines that its config names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pdgn.models import MODELS, build_model
from pdgn.training.checkpoint import load_forecaster
from pdgn.training.forecaster import Forecaster


def load_contestants(checkpoint: str | Path) -> dict[str, Forecaster]:
    """Loads the model and its baselines: those without weights are built, the others loaded from beside the checkpoint.

    Args:
        checkpoint: best.ckpt or last.ckpt of a run; a trained baseline lies in FOLDER/<baseline>/best.ckpt.

    Returns:
        {name: forecaster}, the model first, each baseline once.

    Raises:
        FileNotFoundError: no checkpoint, or none of a baseline that has weights.
        ValueError: a checkpoint of another kind, or a baseline trained on another signal.
    """
    path = Path(checkpoint)
    forecaster = load_forecaster(path)
    found = {str(forecaster.description.model["name"]): forecaster}
    for name in forecaster.config.evaluation.baselines:
        if name not in found:
            trained = MODELS[name].trainable if name in MODELS else True
            found[name] = _trained(path, name, forecaster) if trained else _untrained(name, forecaster)
    return found


def _untrained(name: str, forecaster: Forecaster) -> Forecaster:
    description = replace(forecaster.description, model={"name": name})
    model = build_model(name, description.channels)
    return Forecaster(model, forecaster.normalizer, description, forecaster.config).eval()


def _trained(path: Path, name: str, forecaster: Forecaster) -> Forecaster:
    place = path.parent / name / "best.ckpt"
    if not place.is_file():
        raise FileNotFoundError(
            f"{place}: wanted the checkpoint of the baseline '{name}', given no file; train it with "
            f"'pdgn train --config {path.parent / 'config.yaml'}' or take it out of evaluation.baselines"
        )
    baseline = load_forecaster(place)
    if baseline.description.fields != forecaster.description.fields:
        raise ValueError(f"{place}: wanted a baseline of the same fields as {path}, given one of others")
    return baseline
