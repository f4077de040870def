"""Training: from a config to a folder with checkpoints that stand on their own."""

from pdgn.training.checkpoint import load_forecaster, read_checkpoint
from pdgn.training.config import DataConfig, EvaluationConfig, RunConfig, TrainingConfig
from pdgn.training.description import FieldDescription, ForecastDescription
from pdgn.training.diverged import TrainingDivergedError
from pdgn.training.forecaster import Forecaster
from pdgn.training.metrics_log import read_metrics
from pdgn.training.parts import baseline_configs
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
