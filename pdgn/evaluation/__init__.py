"""Evaluation: roll-outs on test data, metrics, tables, figures and the report."""

from pdgn.evaluation.evaluate import Evaluation, evaluate
from pdgn.evaluation.metrics import ErrorSums, Metric, conserved_drift, divergence_step, mae, relative_l2, rmse
from pdgn.evaluation.metrics_file import read_metrics_file
from pdgn.evaluation.scores import WindowScores, score_window, summarise
from pdgn.evaluation.tables import Table, error_table

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
