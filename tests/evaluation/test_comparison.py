"""Several checkpoints in one report: the same target frames, names, baselines, and what does not fit together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pdgn.evaluation import evaluate, read_metrics_file
from pdgn.evaluation.contestants import load_contestants
from pdgn.evaluation.rollout_windows import WindowViews
from pdgn.training.config import DataConfig, RunConfig
from tests.evaluation.tiny import RATE, TIME, draw_coarsely, make_forecaster, save, tiny_config, write_file


def named(config: RunConfig, name: str, history: int = 2, **model: object) -> RunConfig:
    """The tiny run under another name, with another history or model."""
    data = replace(config.data, history=history)
    return replace(config, name=name, data=data, model=dict(model) or config.model)


def save_run(config: RunConfig, folder: Path) -> Path:
    return save(make_forecaster(config), folder / config.name / "best.ckpt")


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> list[Path]:
    """Two fresh models, which predict persistence, of histories 2 and 4."""
    folder = tmp_path_factory.mktemp("two")
    config = tiny_config(write_file(folder / "decay.h5"), figures=False)
    return [save_run(named(config, "short"), folder), save_run(named(config, "long", 4), folder)]


@pytest.fixture(scope="module")
def metrics(two) -> dict:
    evaluate(two, output=two[0].parents[1] / "both")
    return read_metrics_file(two[0].parents[1] / "both" / "metrics.json")


def test_models_of_different_history_see_the_same_targets_and_their_own_last_frames(two):
    file = str(two[0].parents[1] / "decay.h5")
    settings = [DataConfig(file, history, 3) for history in (2, 4)]
    with WindowViews(file, settings, horizon=2, stride=2) as views:
        short, long = (views.of(data) for data in settings)
        assert short.windows == long.windows and len(short.windows) == 4 * 2  # starts 0 and 2 of 9 frames
        for window in short.windows:
            one, other = short.sample(window), long.sample(window)
            np.testing.assert_array_equal(one.y, other.y)
            assert (one.x.shape[1], other.x.shape[1]) == (2, 4)
            np.testing.assert_array_equal(one.x, other.x[:, 2:])
            ratio = other.y[:, 0, 0] / other.x[:, 0, 0]  # the first target is four frames after the first observed one
            np.testing.assert_allclose(ratio, np.exp(-RATE * 0.4), rtol=1e-5)
            np.testing.assert_allclose(short.time(window), [0.1, 0.2])


def test_the_longest_history_decides_where_the_predicted_frames_begin(metrics):
    ahead = TIME[4:] - TIME[3]
    for name in ("short", "long", "persistence"):
        scores = metrics["models"][name]["groups"]["all"]
        np.testing.assert_allclose(scores["time"], ahead, rtol=1e-12)
        np.testing.assert_allclose(scores["per_step"]["relative_l2"]["u"], np.exp(RATE * ahead) - 1, rtol=1e-4)
        assert scores["total"]["end_relative_l2"]["u"] == pytest.approx(np.exp(RATE * ahead[-1]) - 1, rel=1e-4)
        assert scores["windows"] == 4
    assert metrics["history"] == 4 and metrics["models"]["short"]["history"] == 2


def test_the_file_says_what_was_compared(metrics, two):
    assert list(metrics["models"]) == ["short", "long", "persistence"]
    assert metrics["models"]["persistence"]["baseline"] and not metrics["models"]["long"]["baseline"]
    assert metrics["models"]["short"]["model"] == "padgn" and metrics["models"]["short"]["training"] is None
    assert {name: entry["file"] for name, entry in metrics["checkpoints"].items()} == {
        "short": str(two[0]), "long": str(two[1]),
    }  # fmt: skip
    assert metrics["configs"]["long"]["data"]["history"] == 4


def test_the_spectrum_of_a_decaying_truth_decays_at_twice_its_rate_and_that_of_persistence_stays(metrics):
    for mesh in ("ball", "ring"):
        truth = metrics["spectra"][mesh]
        power = np.array(truth["power"]["u"])
        decay = np.exp(-2 * RATE * np.array(truth["time"]))
        np.testing.assert_allclose(power[:, 0] / power[0, 0], decay / decay[0], rtol=2e-3)  # four digits are kept
        kept = np.array(metrics["models"]["persistence"]["spectra"][mesh]["power"]["u"])
        np.testing.assert_allclose(kept[:, 0], kept[0, 0], rtol=2e-3)
        assert power[0, 1] / power[0, 0] > 1e-3 and truth["eigenvalue"][0] == pytest.approx(0.0, abs=1e-9)
        # Linear functions of position on a ball are the modes of the first line, and of no other.
        assert mesh != "ball" or power[0, 2:].max() < 1e-4 * power[0, 1]


def test_runs_of_one_name_get_numbers_and_baselines_come_once(tmp_path):
    config = tiny_config(write_file(tmp_path / "decay.h5"), baselines=["persistence", "fixed_operators"])
    options = {"name": "fixed_operators", "hidden_channels": 8, "num_layers": 1}
    paths = []
    for place in ("a", "b"):
        paths.append(save_run(config, tmp_path / place))
        inner = replace(config, name="fixed_operators", model=options)
        save(make_forecaster(inner), paths[-1].parent / "fixed_operators" / "best.ckpt")
    found = load_contestants([*paths, paths[0].parent / "fixed_operators" / "best.ckpt"])
    assert {name: contestant.baseline for name, contestant in found.items()} == {
        "tiny": False, "tiny (2)": False, "fixed_operators": False, "persistence": True, "tiny/fixed_operators": True,
    }  # fmt: skip
    assert found["tiny/fixed_operators"].checkpoint == paths[1].parent / "fixed_operators" / "best.ckpt"


def test_what_does_not_fit_together_is_one_line(two, tmp_path):
    with pytest.raises(ValueError, match=r"best\.ckpt: wanted different checkpoints, given this one twice$"):
        load_contestants([two[0], two[1], two[0]])
    with pytest.raises(
        ValueError, match=r"^--output: wanted a folder for the comparison of 2 checkpoints, given none$"
    ):
        evaluate(two)
    metres = tiny_config(write_file(tmp_path / "metres.h5", unit="m"))
    message = r"tiny/best\.ckpt: fields: wanted u \[K\] x 1 as .*short/best\.ckpt, given u \[m\] x 1$"
    with pytest.raises(ValueError, match=message):
        load_contestants([two[0], save_run(metres, tmp_path)])
    slow = replace(tiny_config(write_file(tmp_path / "slow.h5", times=2 * TIME)), name="slow")
    with pytest.raises(ValueError, match=r"slow/best\.ckpt: time step: wanted 0\.1 h as .*, given 0\.2 h$"):
        load_contestants([two[0], save_run(slow, tmp_path)])
    with pytest.raises(ValueError, match="wanted at least one checkpoint, given none"):
        load_contestants([])


def test_trajectories_too_short_for_the_longest_history_are_refused(two):
    config = tiny_config(two[0].parents[1] / "decay.h5", horizon=6)
    long = replace(config, name="horizon", data=replace(config.data, history=2))
    path = save_run(long, two[0].parents[1])
    with pytest.raises(ValueError, match=r"history \+ horizon = 4 \+ 6 = 10 frames is longer than the trajectories"):
        evaluate([path, two[1]], output=two[0].parents[1] / "out")
    assert not (two[0].parents[1] / "out").exists()


def test_a_comparison_is_not_replaced_by_another_one(two, metrics):
    both = two[0].parents[1] / "both"
    third = save_run(named(tiny_config(two[0].parents[1] / "decay.h5", figures=False), "third"), two[0].parents[1])
    with pytest.raises(
        FileExistsError, match=r"metrics\.json: holds an evaluation of short, long; give another --output"
    ):
        evaluate([two[0], third], output=both)
    assert evaluate(two, output=both).metrics["checkpoints"].keys() == {"short", "long"}


def test_the_report_shows_the_models_side_by_side_and_says_which_is_best(tmp_path, monkeypatch):
    draw_coarsely(monkeypatch)
    file = write_file(tmp_path / "decay.h5")
    config = tiny_config(file, animation=False)
    wild = make_forecaster(named(config, "wild"))
    wild.normalizer.increment_scale.fill_(1e6)
    for parameter in wild.model.parameters():
        parameter.data.add_(0.5)
    paths = [save(wild, tmp_path / "wild" / "best.ckpt"), save_run(named(config, "calm", 3), tmp_path)]
    result = evaluate(paths, output=tmp_path / "out")
    text = result.report.read_text()
    names = {path.name for path in (tmp_path / "out" / "figures").iterdir()}
    assert {"rollout_unseen.png", "divergence.png", "spectrum.png", "weights_1.png", "weights_2.png"} <= names
    assert "animation.webp" not in names
    end = np.exp(RATE * (TIME[-1] - TIME[2])) - 1
    assert f"end of the roll-outs is that of calm (relative L2 {end:.3g}); the next is persistence" in text
    assert "<summary>wild</summary>" in text and "2 or 3 frames that end at the same one" in text
    assert [table.names for table in result.printed] == [("wild", "calm", "Persistence")] * 2
    assert result.printed[1].cells[0] == ("100 %", "0.1", "0.1", "0.1") * 2 and result.printed[1].cells[1][1] == "–"
    assert "in h" in result.printed[1].caption
