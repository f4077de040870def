"""Training: from a config to a folder with checkpoints that stand on their own."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pdgn.training.config import DataConfig, EvaluationConfig, RunConfig, TrainingConfig
from pdgn.training.description import FieldDescription, ForecastDescription
from pdgn.training.diverged import TrainingDivergedError
from pdgn.training.parts import baseline_configs

if TYPE_CHECKING:
    from pdgn.training.checkpoint import load_forecaster, read_checkpoint
    from pdgn.training.forecaster import Forecaster
    from pdgn.training.metrics_log import read_metrics
    from pdgn.training.training_run import train

__all__ = [
    "DataConfig",
    "EvaluationConfig",
    "FieldDescription",
    "ForecastDescription",
    "Forecaster",
    "RunConfig",
    "TrainingConfig",
    "TrainingDivergedError",
    "baseline_configs",
    "load_forecaster",
    "read_checkpoint",
    "read_metrics",
    "train",
]

# Their modules need Lightning, which takes seconds to load: options and their mistakes are told without it.
_LATE = {
    "Forecaster": "forecaster",
    "load_forecaster": "checkpoint",
    "read_checkpoint": "checkpoint",
    "read_metrics": "metrics_log",
    "train": "training_run",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(import_module(f"pdgn.training.{_LATE[name]}"), name)
    raise AttributeError(f"module 'pdgn.training' has no attribute '{name}'")
