"""Curves: what is drawn is what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.evaluation.labels import inner_label, model_label
from pdgn.evaluation.line_figures import (
    divergence_figure,
    drift_figure,
    horizon_figure,
    relative_figure,
    training_figure,
)
from pdgn.evaluation.palette import line_styles


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
    drifting = {"padgn": {"seen": scores([0.1] * 3, [0.3, 0.4, 0.0], [0.2, 0.3, 0.5])}}
    axes = drift_figure(drifting, ["seen"], "T", "h").axes[0]
    assert axes.lines[1].get_ydata().tolist() == pytest.approx([0.3, 0.4, 0.02])


def test_training_curves_and_the_best_epoch():
    axes = training_figure({"training loss": {"epoch": [1, 2], "value": [1.0, 0.5]}}, 2).axes[0]
    assert axes.lines[0].get_ydata().tolist() == [1.0, 0.5] and axes.lines[1].get_label() == "best checkpoint (epoch 2)"
    assert "loss" in axes.get_ylabel() and axes.get_xlabel() == "epoch"


def test_relative_errors_end_at_the_threshold_which_is_drawn_only_where_it_matters():
    def course(values):
        return {
            "seen": {
                "time": [1.0, 2.0],
                "per_step": {"capped_relative_l2": {"T": values}},
                "trajectories": 1,
                "windows": 1,
            }
        }

    axes = relative_figure({"padgn": course([0.1, 10.0])}, ["seen"], "T", "h", 10.0).axes[0]
    assert axes.lines[0].get_ydata().tolist() == [0.1, 10.0] and list(axes.lines[1].get_ydata()) == [10.0, 10.0]
    assert axes.get_ylabel() == "relative L2 error of T"
    assert len(relative_figure({"padgn": course([0.1, 2.0])}, ["seen"], "T", "h", 10.0).axes[0].lines) == 1


def test_the_share_of_diverged_roll_outs_is_a_staircase_in_percent():
    scores = {"time": [1.0, 2.0], "per_step": {"diverged": [0.0, 0.25]}, "trajectories": 4, "windows": 4}
    axes = divergence_figure({"padgn": {"seen": scores}}, ["seen"], "h").axes[0]
    assert axes.lines[0].get_ydata().tolist() == [0.0, 25.0] and axes.get_ylabel() == "diverged roll-outs [%]"
    assert (
        axes.get_xlabel() == "time since the last observed frame [h]" and axes.lines[0].get_drawstyle() == "steps-post"
    )


def test_no_two_lines_of_twenty_models_look_alike():
    styles = line_styles([f"run {number}" for number in range(20)])
    assert len({(style["color"], str(style["linestyle"])) for style in styles.values()}) == 20


def test_names_of_models_are_written_out_and_those_of_runs_are_not_touched():
    assert model_label("fixed_operators") == "Fixed operators" and model_label("my_run/x") == "my_run/x"
    assert [inner_label(name) for name in ("persistence", "padgn", "My_run")] == ["persistence", "PA-DGN", "My_run"]
