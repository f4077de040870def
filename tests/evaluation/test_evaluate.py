"""Evaluation from a checkpoint to metrics, figures and report, on a dataset of a few kilobytes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pdgn.data import open_file
from pdgn.evaluation import evaluate, read_metrics_file
from pdgn.evaluation.contestants import load_contestants
from pdgn.evaluation.rollout_windows import RolloutWindows
from pdgn.training.config import DataConfig
from tests.evaluation.tiny import RATE, TIME, draw_coarsely, make_forecaster, make_run, save, tiny_config, write_file

AHEAD = TIME[2:] - TIME[1]  # times of the predicted frames since the last observed one


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A checkpoint of a fresh model, whose zero-initialised decoder makes it predict persistence."""
    return make_run(tmp_path_factory.mktemp("run"), figures=False)


@pytest.fixture(scope="module")
def metrics(run) -> dict:
    evaluate(run)
    return read_metrics_file(run.parent / "metrics.json")


def frames_of(file: Path, mesh: str) -> np.ndarray:
    """Test trajectories [n, T, V] of a mesh."""
    with open_file(file) as data:
        rows = np.flatnonzero(data.trajectories(mesh).split == "test")
        return np.stack([data.frames(mesh, row, 0, len(TIME), ["u"])[0][..., 0] for row in rows])


@pytest.mark.parametrize("group, mesh", [("seen", "ball"), ("unseen", "ring"), ("mesh:ring", "ring")])
def test_persistence_has_its_closed_form(metrics, run, group, mesh):
    frames = frames_of(run.parent.parent / "decay.h5", mesh).astype(np.float64)
    error = np.abs(frames[:, 1:2] - frames[:, 2:])
    scores = metrics["models"]["persistence"]["groups"][group]
    assert scores["total"]["mae"]["u"] == pytest.approx(error.mean(), rel=1e-5)  # float32 frames and normalisation
    assert scores["total"]["rmse"]["u"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)
    np.testing.assert_allclose(scores["per_step"]["mae"]["u"], error.mean((0, 2)), rtol=1e-5)
    # u(t) = e^(-r t) u(0): persistence is off by e^(r t) - 1 of the truth, the same at every node
    np.testing.assert_allclose(scores["per_step"]["relative_l2"]["u"], np.exp(RATE * AHEAD) - 1, rtol=1e-4)
    np.testing.assert_allclose(scores["time"], AHEAD, rtol=1e-12)


def test_the_integral_of_the_truth_decays_and_that_of_persistence_stays(metrics):
    steps = metrics["models"]["persistence"]["groups"]["unseen"]["per_step"]
    assert max(steps["drift"]["u"]) < 1e-6  # float32
    drift = np.array(steps["true_drift"]["u"])
    np.testing.assert_allclose(drift / drift[0], (1 - np.exp(-RATE * AHEAD)) / (1 - np.exp(-RATE * 0.1)), rtol=1e-5)


def test_a_fresh_model_scores_as_persistence_does(metrics):
    fresh, persistence = (metrics["models"][name]["groups"]["all"]["total"] for name in ("padgn", "persistence"))
    assert fresh["mae"]["u"] == pytest.approx(persistence["mae"]["u"], rel=1e-6)


def test_every_model_sees_the_same_windows_and_the_file_says_what_was_run(metrics):
    counts = {"seen": 2, "unseen": 2, "all": 4, "mesh:ball": 2, "mesh:ring": 2}
    for model in metrics["models"].values():
        assert {group: scores["windows"] for group, scores in model["groups"].items()} == counts
    assert metrics["units"] == {"channels": {"u": "K"}, "time": "h", "length": "m"}
    assert metrics["checkpoint"]["epoch"] == 5 and metrics["data"]["name"] == "decay"
    assert metrics["meshes"]["ball"] == {"nodes": 42, "train": 2, "valid": 1, "test": 2}
    assert metrics["models"]["padgn"]["parameters"] > 0 == metrics["models"]["persistence"]["parameters"]
    assert metrics["config"]["data"]["history"] == 2 and len(metrics["data"]["config_hash"]) == 64


def test_a_model_that_blows_up_is_reported_with_its_time(tmp_path):
    file = write_file(tmp_path / "decay.h5")
    forecaster = make_forecaster(tiny_config(file, baselines=[], figures=False))
    forecaster.normalizer.increment_scale.fill_(1e6)
    with torch.no_grad():
        for parameter in forecaster.model.parameters():
            parameter.add_(0.5)
    metrics = evaluate(save(forecaster, tmp_path / "run" / "best.ckpt")).metrics
    total = metrics["models"]["padgn"]["groups"]["all"]["total"]
    assert total["diverged"] == 1.0 and total["time_to_divergence"]["min"] == pytest.approx(0.1)


@pytest.mark.parametrize("figures", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_model_that_predicts_nan_is_nan_in_every_metric_and_is_drawn(tmp_path, monkeypatch, figures):
    draw_coarsely(monkeypatch)
    file = write_file(tmp_path / "decay.h5")
    forecaster = make_forecaster(tiny_config(file, animation=False, figures=figures))
    with torch.no_grad():
        next(forecaster.model.parameters()).fill_(float("nan"))
    result = evaluate(save(forecaster, tmp_path / "run" / "best.ckpt"))
    total = read_metrics_file(tmp_path / "run" / "metrics.json")["models"]["padgn"]["groups"]["all"]["total"]
    assert all(np.isnan(total[name]["u"]) for name in ("mae", "rmse", "relative_l2", "drift", "mae_std"))
    assert total["end_relative_l2"]["u"] == total["capped_relative_l2"]["u"] == 10.0
    assert total["diverged"] == 1.0 and "NaN" in result.tables[0].text()
    assert "NaN" in result.report.read_text()
    assert (tmp_path / "run" / "figures" / "rollout_seen.png").is_file() == figures


def test_gaps_are_masked(tmp_path):
    file = write_file(tmp_path / "decay.h5", gaps=True)
    forecaster = make_forecaster(tiny_config(file, figures=False))
    metrics = evaluate(save(forecaster, tmp_path / "run" / "best.ckpt")).metrics
    total = metrics["models"]["persistence"]["groups"]["all"]["total"]
    assert np.isfinite(total["mae"]["u"]) and total["true_drift"]["u"] is None


@pytest.mark.parametrize(
    "horizon, stride, starts, steps", [(None, None, 1, 7), (3, 1, 5, 3), (3, 2, 3, 3), (3, None, 1, 3)]
)
def test_horizon_and_stride_cut_the_windows(run, horizon, stride, starts, steps):
    data = DataConfig(str(run.parent.parent / "decay.h5"), history=2, horizon=3)
    with RolloutWindows(data.file, data, horizon, stride) as windows:
        assert len(windows.windows) == 4 * starts and {window.steps for window in windows.windows} == {steps}
        batches = list(windows.batches())
        assert sorted(window for chosen, _ in batches for window in chosen) == sorted(windows.windows)
        assert all(batch.y.shape[1] == steps and batch.num_graphs == len(chosen) for chosen, batch in batches)


def test_a_window_longer_than_the_trajectories_is_refused(tmp_path):
    run = make_run(tmp_path, horizon=8)
    with pytest.raises(ValueError, match=r"history \+ horizon = 2 \+ 8 = 10 frames is longer than the trajectories"):
        evaluate(run)


def test_the_report_is_one_file_with_described_figures(tmp_path, monkeypatch):
    draw_coarsely(monkeypatch)
    run = make_run(tmp_path)
    (run.parent / "metrics.csv").write_text("epoch,train/loss,valid/loss\n1,1.0,0.9\n2,0.5,0.7\n")
    result = evaluate(run, output=tmp_path / "results")
    text = result.report.read_text()
    names = {path.stem for path in (tmp_path / "results" / "figures").iterdir()}
    names_wanted = {
        "rollout_seen", "rollout_unseen", "animation", "error_against_horizon", "relative_error", "conserved_quantity",
        "spectrum", "weights", "training",
    }  # fmt: skip
    assert names == names_wanted
    images = re.findall(r"<img ([^>]*)>", text)
    assert len(images) == 9 and all(re.search(r'alt="[^"]{20,}"', image) for image in images)
    assert not re.findall(r'(?:src|href)="(?!data:image/(?:png|webp);base64,)', text) and "://" not in text
    assert "<title>tiny: PA-DGN on decay</title>" in text and "Persistence" in text and "pdgn train --config" in text
    assert "Seen surfaces: mean absolute error of u 1.26 K: the same as persistence." in text
    assert not (run.parent / "report.html").exists()


def test_trained_baselines_are_loaded_from_beside_the_checkpoint(tmp_path):
    run = make_run(tmp_path, baselines=["persistence", "fixed_operators"], figures=False)
    with pytest.raises(FileNotFoundError, match="baseline 'fixed_operators', given no file; train it with 'pdgn train"):
        evaluate(run)
    config = tiny_config(tmp_path / "decay.h5", baselines=[])
    options = {"name": "fixed_operators", "hidden_channels": 8, "num_layers": 1}
    save(make_forecaster(replace(config, model=options)), run.parent / "fixed_operators" / "best.ckpt")
    assert list(load_contestants(run)) == ["padgn", "persistence", "fixed_operators"]
    assert list(evaluate(run).metrics["models"]) == ["padgn", "persistence", "fixed_operators"]


def test_another_file_counts_as_unseen_unless_its_mesh_was_trained_on(tmp_path):
    run = make_run(tmp_path, figures=False)
    other = write_file(tmp_path / "other.h5")
    assert evaluate(run, other).metrics["groups"]["seen"] == ["ball"]
    with pytest.raises(ValueError, match=r"field 'u': wanted \[K\] as in training, given \[m\]"):
        evaluate(run, write_file(tmp_path / "metres.h5", unit="m"))


def test_data_of_another_time_step_is_refused(tmp_path):
    run = make_run(tmp_path, figures=False)
    with pytest.raises(ValueError, match=r"slow\.h5: time step: wanted 0\.1 h as in training, given 0\.2 h"):
        evaluate(run, write_file(tmp_path / "slow.h5", times=2 * TIME))


def test_an_evaluation_is_not_replaced_by_one_on_other_data(tmp_path):
    run = make_run(tmp_path, figures=False)
    evaluate(run)
    before = (run.parent / "metrics.json").read_bytes()
    other = write_file(tmp_path / "other.h5", recipe="other")
    with pytest.raises(FileExistsError, match=r"metrics\.json: holds an evaluation on .*decay\.h5; give another"):
        evaluate(run, other)
    assert (run.parent / "metrics.json").read_bytes() == before
    assert evaluate(run, other, output=tmp_path / "out").metrics["data"]["file"] == str(other)
    assert evaluate(run, other, overwrite=True).metrics["data"]["file"] == str(other)


@pytest.mark.parametrize(
    "device, message", [("tpu9", "wanted auto, cpu or cuda, given 'tpu9'"), ("mps", "wanted auto, cpu or cuda")]
)
def test_an_unknown_device_is_refused(run, device, message):
    with pytest.raises(ValueError, match=message):
        evaluate(run, device=device)
