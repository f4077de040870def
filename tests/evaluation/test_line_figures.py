"""Curves: what is drawn is what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.evaluation.line_figures import drift_figure, horizon_figure, training_figure


def scores(mae, drift=None, true_drift=None):
    steps = len(mae)
    drifts = {"drift": {"T": drift or [0.1] * steps}, "true_drift": {"T": true_drift or [0.0] * steps}}
    curves = {"mae": {"T": mae}, **drifts}
    return {"time": [1.0, 2.0, 3.0][:steps], "per_step": curves, "trajectories": 4, "windows": 9}


@pytest.fixture
def models():
    return {
        "padgn": {"seen": scores([0.1, 0.2, 0.3]), "unseen": scores([0.1, None, float("nan")])},
        "persistence": {"seen": scores([1.0, 2.0, 3.0]), "unseen": scores([1.0, 2.0, 4.0])},
    }


def test_one_panel_per_group_and_one_curve_per_model(models):
    panels = horizon_figure(models, ["seen", "unseen"], "T", "K", "h").axes
    assert [axes.get_title(loc="left") for axes in panels] == [
        "Seen surfaces (4 trajectories, 9 windows)",
        "Unseen surfaces (4 trajectories, 9 windows)",
    ]
    assert panels[0].get_xlabel() == "time since the last observed frame [h]"
    assert panels[0].get_ylabel() == "MAE of T [K]" and panels[0].get_yscale() == "log"
    assert [line.get_label() for line in panels[0].lines] == ["PA-DGN", "Persistence"]
    assert panels[0].lines[1].get_ydata().tolist() == [1.0, 2.0, 3.0]
    assert np.isnan(panels[1].lines[0].get_ydata()).tolist() == [False, True, True]  # a gap, not a zero


def test_the_scale_is_linear_from_zero_within_a_decade(models):
    axes = horizon_figure({"persistence": models["persistence"]}, ["seen"], "T", "1", "1").axes[0]
    assert axes.get_yscale() == "linear" and axes.get_ylim()[0] == 0.0
    assert axes.get_ylabel() == "MAE of T [dimensionless]"


def test_drift_shows_the_truth_and_floors_zero(models):
    axes = drift_figure(models, ["seen"], "T", "h").axes[0]
    assert [line.get_label() for line in axes.lines] == ["Truth", "PA-DGN", "Persistence"]
    assert axes.lines[0].get_ydata().tolist() == [1e-8] * 3


def test_training_curves_and_the_best_epoch():
    axes = training_figure({"training loss": {"epoch": [1, 2], "value": [1.0, 0.5]}}, 2).axes[0]
    assert axes.lines[0].get_ydata().tolist() == [1.0, 0.5] and axes.lines[1].get_label() == "best checkpoint (epoch 2)"
    assert "loss" in axes.get_ylabel() and axes.get_xlabel() == "epoch"
