"""A run that is killed anywhere and started again ends as one that was not: same bits, every row once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import pdgn.training.checkpoint_io as checkpoint_io
from pdgn.training import Forecaster, RunConfig, read_checkpoint, read_metrics, train
from pdgn.training.epoch_report import EpochReport
from pdgn.training.run_folder import RunFolder
from tests.training.tiny import tiny_config, write_dataset

WALL_CLOCK = {"seconds", "core_seconds"}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "tiny.h5")


def with_baseline(config: RunConfig) -> RunConfig:
    return replace(config, evaluation=replace(config.evaluation, baselines=["persistence", "fixed_operators"]))


@pytest.fixture(scope="module")
def undisturbed(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Never interrupted; with a trainable baseline."""
    return train(with_baseline(tiny_config(dataset, tmp_path_factory.mktemp("undisturbed"))))


def rows(folder: Path) -> list[dict[str, float]]:
    return [
        {name: value for name, value in row.items() if name not in WALL_CLOCK}
        for row in read_metrics(folder / "metrics.csv")
    ]


def require_same(folder: Path, reference: Path) -> None:
    for name in ("last.ckpt", "best.ckpt"):
        one, other = read_checkpoint(folder / name), read_checkpoint(reference / name)
        assert one["epoch"] == other["epoch"] and one["global_step"] == other["global_step"]
        assert one["state_dict"].keys() == other["state_dict"].keys()
        assert all(torch.equal(one["state_dict"][key], other["state_dict"][key]) for key in one["state_dict"])
        states = [checkpoint["optimizer_states"][0]["state"] for checkpoint in (one, other)]
        assert all(torch.equal(states[0][i]["exp_avg_sq"], states[1][i]["exp_avg_sq"]) for i in states[0])
        assert one["callbacks"]["RunCheckpoint"] == other["callbacks"]["RunCheckpoint"]
    assert rows(folder) == rows(reference)
    assert [row["epoch"] for row in rows(folder)] == list(range(1, len(rows(folder)) + 1))


def killed(action: Callable[[], object]) -> None:
    """Runs an action in a copy of this process that must end by SIGKILL."""
    child = os.fork()
    if child == 0:
        try:
            action()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def kill_at(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, condition: Callable[..., bool]) -> None:
    """Makes a function kill its process at the call for which the condition holds, before it does anything."""
    original = getattr(owner, name)

    def deadly(*args: object, **kwargs: object) -> object:
        if condition(*args, **kwargs):
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, deadly)


def calls(count: int) -> Callable[..., bool]:
    """True at the call of that number, counted from 1."""
    left = [count]

    def condition(*args: object, **kwargs: object) -> bool:
        left[0] -= 1
        return left[0] == 0

    return condition


KILLS = {
    "in the first epoch": (Forecaster, "training_step", 2),
    "in the middle of the fourth epoch": (Forecaster, "training_step", 11),
    "in a validation": (Forecaster, "validation_step", 2),
    "before the row of an epoch": (EpochReport, "on_train_epoch_end", 3),
    # Two checkpoints per epoch while the validation improves: the fifth is best.ckpt of epoch 3, the sixth last.ckpt.
    "after the row, best.ckpt written and not renamed": (checkpoint_io, "publish", 5),
    "between best.ckpt and last.ckpt": (checkpoint_io, "publish", 6),
}


WITH_BASELINE = "between best.ckpt and last.ckpt"  # one is enough: a baseline begins where the model has ended


@pytest.mark.parametrize("when", KILLS)
def test_killed_and_resumed(
    when: str, dataset: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(dataset, tmp_path)
    if when == WITH_BASELINE:
        config = with_baseline(config)
    with monkeypatch.context() as patch:
        owner, name, count = KILLS[when]
        kill_at(patch, owner, name, calls(count))
        killed(lambda: train(config))
    folder = tmp_path / "tiny"
    assert not (folder / "finished").exists()
    if (folder / "last.ckpt").exists():
        read_checkpoint(folder / "last.ckpt")  # whatever is there is whole
    train(config)
    require_same(folder, undisturbed)
    if when == WITH_BASELINE:
        require_same(folder / "fixed_operators", undisturbed / "fixed_operators")
    assert not list(folder.rglob("*.tmp"))


def test_killed_while_the_baseline_trains(
    dataset: Path,
    undisturbed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = with_baseline(tiny_config(dataset, tmp_path))
    with monkeypatch.context() as patch:
        kill_at(
            patch,
            Forecaster,
            "training_step",
            lambda self, *args: self.config.name == "fixed_operators" and self.current_epoch == 2,
        )
        killed(lambda: train(config))
    before = (tmp_path / "tiny" / "last.ckpt").stat().st_mtime_ns
    capsys.readouterr()
    train(config)
    assert "fixed_operators: continues after epoch 2 of 4" in capsys.readouterr().out
    assert (tmp_path / "tiny" / "last.ckpt").stat().st_mtime_ns == before  # the finished model is left alone
    require_same(tmp_path / "tiny" / "fixed_operators", undisturbed / "fixed_operators")


def test_aborted_in_process_twice_with_early_stopping(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"epochs": 12, "patience": 2, "learning_rate": 0.3}  # so large that the validation soon stops improving
    reference = train(tiny_config(dataset, tmp_path / "one", **settings))
    stopped = len(rows(reference))
    assert 3 <= stopped < 12
    config = tiny_config(dataset, tmp_path / "two", **settings)
    for epoch in (1, stopped - 1):
        with monkeypatch.context() as patch:
            original = Forecaster.training_step

            def failing(
                self: Forecaster, batch: object, index: int, at: int = epoch, step: Callable = original
            ) -> object:
                if self.current_epoch == at and index == 1:
                    raise OSError("the cluster ended")
                return step(self, batch, index)

            patch.setattr(Forecaster, "training_step", failing)
            with pytest.raises(OSError, match="the cluster ended"):
                train(config)
    # The wait for a better validation began before the abort: it goes on, it does not begin again.
    require_same(train(config), reference)


def test_a_rate_that_falls_on_plateaus_goes_on_where_it_was(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"epochs": 9, "patience": 8, "schedule": "plateau", "learning_rate": 0.3}
    reference = train(tiny_config(dataset, tmp_path / "one", **settings))
    rates = [row["learning_rate"] for row in rows(reference)]
    assert rates[0] == 0.3 and rates[-1] < 0.3 and set(rates) <= {0.3 * 0.5**k for k in range(5)}
    config = tiny_config(dataset, tmp_path / "two", **settings)
    with monkeypatch.context() as patch:
        kill_at(patch, EpochReport, "on_train_epoch_end", calls(8))
        killed(lambda: train(config))
    require_same(train(config), reference)


def test_killed_after_the_stop_was_decided(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"epochs": 12, "patience": 1, "learning_rate": 0.3}
    reference = train(tiny_config(dataset, tmp_path / "one", **settings))
    config = tiny_config(dataset, tmp_path / "two", **settings)
    with monkeypatch.context() as patch:
        kill_at(patch, RunFolder, "finish", calls(1))
        killed(lambda: train(config))
    folder = train(config)
    require_same(folder, reference)
    assert len(read_metrics(folder / "metrics.csv")) < settings["epochs"]  # stopped early, and no epoch is added


def test_resumed_with_reading_processes(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"workers": 2, "epochs": 2}
    reference = train(tiny_config(dataset, tmp_path / "one", **settings))
    config = tiny_config(dataset, tmp_path / "two", **settings)
    with monkeypatch.context() as patch:
        kill_at(patch, EpochReport, "on_train_epoch_end", calls(2))
        killed(lambda: train(config))
    require_same(train(config), reference)
    plain = train(tiny_config(dataset, tmp_path / "three", epochs=2))
    assert rows(plain) == rows(reference)  # the processes have no part in the result


def test_two_runs_with_one_seed_agree_and_two_seeds_do_not(dataset: Path, undisturbed: Path, tmp_path: Path) -> None:
    config = tiny_config(dataset, tmp_path)
    require_same(train(config), undisturbed)
    other = train(replace(config, name="other", seed=1))
    assert rows(other) != rows(undisturbed)


def test_time_is_counted_over_all_parts(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny_config(dataset, tmp_path, max_minutes=1000.0)
    with monkeypatch.context() as patch:
        kill_at(patch, EpochReport, "on_train_epoch_end", calls(3))
        killed(lambda: train(config))
    last = tmp_path / "tiny" / "last.ckpt"
    content = read_checkpoint(last)
    assert content["callbacks"]["RunClock"]["seconds"] > 0
    content["callbacks"]["RunClock"]["seconds"] = 60 * 1000.0  # as if those two epochs had taken the whole time
    torch.save(content, last)
    train(config)
    assert len(rows(tmp_path / "tiny")) == 3  # one more epoch passes the limit


def test_data_that_changed_under_an_interrupted_run_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_dataset(tmp_path / "tiny.h5")
    config = tiny_config(file, tmp_path)
    with monkeypatch.context() as patch:
        kill_at(patch, EpochReport, "on_train_epoch_end", calls(2))
        killed(lambda: train(config))
    file.unlink()
    write_dataset(file, seed=1)
    with pytest.raises(ValueError, match=r"wanted the data that the interrupted run began with, given .*tiny\.h5"):
        train(config)
