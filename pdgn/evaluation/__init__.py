"""Evaluation: roll-outs on test data, metrics, tables, figures and the report."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pdgn.evaluation.metrics import ErrorSums, Metric, conserved_drift, divergence_step, mae, relative_l2, rmse
from pdgn.evaluation.metrics_file import read_metrics_file
from pdgn.evaluation.scores import WindowScores, score_window, summarise
from pdgn.evaluation.tables import Table, error_table

if TYPE_CHECKING:
    from pdgn.evaluation.evaluation_run import Evaluation, evaluate

__all__ = [
    "ErrorSums",
    "Evaluation",
    "Metric",
    "Table",
    "WindowScores",
    "conserved_drift",
    "divergence_step",
    "error_table",
    "evaluate",
    "mae",
    "read_metrics_file",
    "relative_l2",
    "rmse",
    "score_window",
    "summarise",
]

# Their module needs torch and Lightning, which take seconds to load: tables of finished evaluations do without.
_LATE = {"Evaluation", "evaluate"}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(import_module("pdgn.evaluation.evaluation_run"), name)
    raise AttributeError(f"module 'pdgn.evaluation' has no attribute '{name}'")
