"""Experiment 1: directional derivatives on the edges of a graph of scattered points."""

from experiments.directional.row import MODELS, run_row

__all__ = ["MODELS", "run_row"]
