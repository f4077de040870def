"""What a run folder holds, when it is refused, and that training learns."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch_geometric.data import Batch

from pdgn.data import MeshDynamicsDataset
from pdgn.rollout import rollout
from pdgn.training import (
    Forecaster,
    RunConfig,
    TrainingDivergedError,
    load_forecaster,
    read_checkpoint,
    read_metrics,
    train,
)
from pdgn.training.parts import baseline_configs, resolve
from pdgn.training.run_folder import RunFolder
from tests.training.tiny import tiny_config, write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "tiny.h5")


@pytest.fixture(scope="module")
def twice(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two epochs, to look at."""
    return train(tiny_config(dataset, tmp_path_factory.mktemp("twice"), epochs=2))


def test_the_folder_holds_what_it_says(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tiny_config(dataset, tmp_path, epochs=2)
    folder = train(config)
    names = {path.name for path in folder.iterdir()}
    assert {"config.yaml", "best.ckpt", "last.ckpt", "metrics.csv", "tensorboard", "finished"} <= names
    assert RunConfig.from_dict(yaml.safe_load((folder / "config.yaml").read_text())) == resolve(config)
    assert any(path.name.startswith("events.out") for path in (folder / "tensorboard").iterdir())
    lines = capsys.readouterr()
    assert lines.out.splitlines()[1].startswith("epoch 1/2  ") and " K  " in lines.out
    assert lines.err == ""  # none of Lightning's chatter
    row = read_metrics(folder / "metrics.csv")[0]
    assert {"epoch", "train/loss", "valid/loss", "valid/mae", "valid/rmse", "learning_rate", "seconds"} <= set(row)
    assert row["truth_probability"] == 0.75 and row["learning_rate"] == 3e-3


def test_a_roll_out_longer_than_the_test_trajectories_is_refused_before_training(dataset: Path, tmp_path: Path) -> None:
    config = tiny_config(dataset, tmp_path)
    with pytest.raises(ValueError, match=r"evaluation\.horizon: wanted at most 6, .* have 8 frames .*, given 7$"):
        train(replace(config, evaluation=replace(config.evaluation, horizon=7)))
    assert not (tmp_path / "tiny").exists()


def test_training_learns_the_decay(dataset: Path, tmp_path: Path) -> None:
    folder = train(tiny_config(dataset, tmp_path, epochs=25, learning_rate=1e-2, truth_decay=None, noise_std=0.0))
    losses = [row["valid/loss"] for row in read_metrics(folder / "metrics.csv")]
    # A fresh anchored model is persistence; the field decays at one rate, which a few steps of Adam find.
    assert min(losses) < 0.1 * losses[0]
    best = read_checkpoint(folder / "best.ckpt")
    assert best["epoch"] == int(np.argmin(losses))


def test_logged_errors_are_those_of_a_free_roll_out_in_physical_units(dataset: Path, twice: Path) -> None:
    forecaster = load_forecaster(twice / "last.ckpt")
    context = forecaster.description.context
    windows = MeshDynamicsDataset(dataset, "valid", history=2, horizon=3, stride=2, context=context)
    with torch.no_grad():
        errors = [forecaster.forecast(data, 3).double() - data.y.double() for data in windows]
    stacked = torch.cat(errors).flatten()
    last = read_metrics(twice / "metrics.csv")[-1]
    # float32 forecasts in other batches: relative differences of 1e-6
    assert last["valid/mae"] == pytest.approx(float(stacked.abs().mean()), rel=1e-5)
    assert last["valid/rmse"] == pytest.approx(float(stacked.square().mean().sqrt()), rel=1e-5)
    spread = float(forecaster.normalizer.signal_std * forecaster.normalizer.increment_scale)
    assert last["valid/loss"] == pytest.approx(last["valid/rmse"] ** 2 / spread**2, rel=1e-4)


def test_scheduled_sampling_and_noise_reach_the_roll_out(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[float, float, bool]] = []

    def spy(model: torch.nn.Module, data: Batch, steps: int, **options: object) -> torch.Tensor:
        seen.append((options.get("truth_probability", 0.0), options.get("noise_std", 0.0), "truth" in options))
        return rollout(model, data, steps, **options)

    monkeypatch.setattr("pdgn.training.forecaster.rollout", spy)
    train(tiny_config(dataset, tmp_path, epochs=1))
    assert (0.75, 0.01, True) in seen and (0.0, 0.0, False) in seen


def test_frames_are_pushed_forward_as_the_batch_says(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[tuple[int, int]]] = [[], []]
    losses: list[list[tuple[float, float]]] = [[], []]

    def spy(model: torch.nn.Module, data: Batch, steps: int, **options: object) -> torch.Tensor:
        frames = rollout(model, data, steps, **options)
        if model.training:
            pushed = options.get("push_forward", 0)
            seen[run].append((pushed, steps))
            error = ((frames - data.y)[:, pushed:] / data.increment_scale[data.batch].unsqueeze(1)).square().mean()
            losses[run].append((float(error.detach()), 0.0))
        return frames

    def step(forecaster: Forecaster, batch: Batch, batch_idx: int) -> torch.Tensor:
        loss = original(forecaster, batch, batch_idx)
        losses[run][-1] = losses[run][-1][0], float(loss.detach())
        return loss

    original = Forecaster.training_step
    monkeypatch.setattr("pdgn.training.forecaster.rollout", spy)
    monkeypatch.setattr(Forecaster, "training_step", step)
    for run in (0, 1):
        train(tiny_config(dataset, tmp_path / str(run), epochs=6, push_forward=2, noise_std=0.0, truth_decay=None))
    assert set(seen[0]) == {(0, 1), (1, 2), (2, 3)} and seen[0] == seen[1]
    assert all(loss == pytest.approx(error, rel=1e-5) for error, loss in losses[0])  # the last frame alone counts


def test_an_interrupted_run_pushes_the_same_frames_forward(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"epochs": 3, "push_forward": 2}
    reference = train(tiny_config(dataset, tmp_path / "whole", **settings))
    monkeypatch.setattr(Forecaster, "training_step", fail_in(Forecaster.training_step, epoch=1))
    with pytest.raises(OSError, match="on purpose"):
        train(tiny_config(dataset, tmp_path, **settings))
    monkeypatch.undo()
    folder = train(tiny_config(dataset, tmp_path, **settings))
    one, other = (read_checkpoint(place / "last.ckpt") for place in (folder, reference))
    assert all(torch.equal(one["state_dict"][key], other["state_dict"][key]) for key in one["state_dict"])


def test_a_finished_run_is_refused_and_overwritten_on_request(dataset: Path, tmp_path: Path) -> None:
    config = tiny_config(dataset, tmp_path, epochs=1)
    folder = train(config)
    (folder / "notes.txt").write_text("mine")
    (folder / "report.html").write_text("of the earlier run")
    with pytest.raises(FileExistsError, match=r"tiny: holds a finished run; choose another --name, or --overwrite it"):
        train(config)
    train(tiny_config(dataset, tmp_path, epochs=2), overwrite=True)
    assert len(read_metrics(folder / "metrics.csv")) == 2
    assert (folder / "notes.txt").exists() and not (folder / "report.html").exists()


def test_a_run_of_another_config_is_refused_by_the_key(dataset: Path, tmp_path: Path) -> None:
    train(tiny_config(dataset, tmp_path, epochs=1))
    with pytest.raises(FileExistsError, match=r"tiny: holds a run with training\.batch_size = 4, given 2; choose"):
        train(tiny_config(dataset, tmp_path, epochs=1, batch_size=2))
    (tmp_path / "tiny" / "config.yaml").write_text("{")
    with pytest.raises(ValueError, match=r"config\.yaml: wanted the config of a run, given a damaged file"):
        train(tiny_config(dataset, tmp_path, epochs=1))


def test_a_run_may_move_while_it_is_interrupted(
    dataset: Path, twice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Forecaster, "training_step", fail_in(Forecaster.training_step, epoch=1))
    with pytest.raises(OSError, match="on purpose"):
        train(tiny_config(dataset, tmp_path / "here", epochs=2))
    monkeypatch.undo()
    (tmp_path / "here" / "tiny").rename(tmp_path / "moved")
    folder = train(replace(tiny_config(dataset, tmp_path, epochs=2), name="moved"))
    one, other = (read_checkpoint(place / "best.ckpt") for place in (folder, twice))
    assert all(torch.equal(one["state_dict"][key], other["state_dict"][key]) for key in one["state_dict"])


def fail_in(step: Callable, epoch: int) -> Callable:
    def failing(self: Forecaster, batch: Batch, index: int) -> torch.Tensor:
        if self.current_epoch == epoch:
            raise OSError("on purpose")
        return step(self, batch, index)

    return failing


def test_a_folder_with_other_files_is_left_alone(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "thesis.tex").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match=r"tiny: wanted a new folder or a run's, given one with other files"):
            train(tiny_config(dataset, tmp_path), overwrite=overwrite)
    assert [path.name for path in (tmp_path / "tiny").iterdir()] == ["thesis.tex"]


def test_a_folder_that_cannot_be_written(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"tiny: wanted a folder that can be written, given one that cannot \(Not a dir"):
        train(tiny_config(dataset, tmp_path / "file"))

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OSError, match=r"tiny: wanted a folder that can be written, .*\(Permission denied\)"):
        train(tiny_config(dataset, tmp_path))


def test_two_processes_do_not_train_one_run(dataset: Path, tmp_path: Path) -> None:
    config = tiny_config(dataset, tmp_path)
    RunFolder(tmp_path / "tiny").create(resolve(config))
    code = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.lockf(f, 2); print('held', flush=True); input()"
    lock = str(tmp_path / "tiny" / "lock")
    with subprocess.Popen([sys.executable, "-c", code, lock], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(OSError, match=r"tiny: another process is training this run; wait for it or end it"):
            train(config)
        other.communicate("\n")


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"file": "nowhere.h5"}, FileNotFoundError, r"nowhere\.h5"),
        ({"history": 6}, ValueError, r"history \+ horizon = 6 \+ 3 = 9 frames is longer than the trajectories"),
        ({"fields": ["v"]}, ValueError, r"field 'v': .* available: u"),
        ({"node_context": ["velocity"]}, ValueError, r"node context feature 'velocity'"),
    ],
)
def test_data_that_do_not_fit_leave_nothing_behind(
    dataset: Path, tmp_path: Path, change: dict, error: type, message: str
) -> None:
    config = tiny_config(dataset, tmp_path)
    with pytest.raises(error, match=message):
        train(replace(config, data=replace(config.data, **change)))
    assert not (tmp_path / "tiny").exists()


def test_a_mistake_does_not_cost_the_earlier_run(dataset: Path, tmp_path: Path) -> None:
    config = tiny_config(dataset, tmp_path, epochs=1)
    folder = train(config)
    with pytest.raises(ValueError, match="num_kernels"):
        train(replace(config, model={**config.model, "num_kernels": 0}), overwrite=True)
    with pytest.raises(FileNotFoundError):
        train(replace(config, data=replace(config.data, file="nowhere.h5")), overwrite=True)
    assert (folder / "best.ckpt").exists()


def test_names_of_models_and_baselines(dataset: Path, tmp_path: Path) -> None:
    config = tiny_config(dataset, tmp_path)
    with pytest.raises(ValueError, match=r"model\.name: unknown 'padgm'; did you mean 'padgn'"):
        train(replace(config, model={"name": "padgm"}))
    with pytest.raises(ValueError, match=r"evaluation\.baselines: unknown 'persistance'; did you mean 'persistence'"):
        train(replace(config, evaluation=replace(config.evaluation, baselines=["persistance"])))


def test_a_model_without_weights_is_kept_as_it_is(dataset: Path, tmp_path: Path) -> None:
    folder = train(replace(tiny_config(dataset, tmp_path), model={"name": "persistence"}))
    assert (folder / "finished").read_text() == "0 epochs, untrained\n"
    forecaster = load_forecaster(folder / "best.ckpt")
    sample = MeshDynamicsDataset(dataset, "test", history=2, horizon=3, context=forecaster.description.context)[0]
    forecast = forecaster.forecast(sample, 3)
    assert torch.allclose(forecast, sample.x[:, -1:].expand(-1, 3, -1), atol=1e-6)  # through units and back: round-off


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"epochs": 2}, "2 epochs, epochs"),
        ({"epochs": 12, "patience": 1, "learning_rate": 0.3}, "patience"),
        ({"epochs": 12, "max_minutes": 1e-9}, "1 epochs, time"),
        ({"epochs": 12, "max_core_minutes": 1e-9, "patience": 5}, "1 epochs, time"),
    ],
)
def test_a_run_says_why_it_ended(dataset: Path, tmp_path: Path, settings: dict, why: str) -> None:
    folder = train(tiny_config(dataset, tmp_path, **settings))
    assert (folder / "finished").read_text().strip().endswith(why)
    times = [row["core_seconds"] for row in read_metrics(folder / "metrics.csv")]
    assert times == sorted(times) and times[-1] > 0


def test_epochs_of_some_windows(dataset: Path, twice: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        step = Forecaster.training_step
        patch.setattr(Forecaster, "training_step", lambda *a: (seen.append(a[1].num_graphs), step(*a))[1])
        some = train(tiny_config(dataset, tmp_path / "some", epochs=2, epoch_windows=6, valid_windows=2))
    assert seen == [4, 2, 4, 2]  # batches of four, six windows an epoch
    first = [read_metrics(folder / "metrics.csv")[0] for folder in (twice, some)]
    assert first[0]["valid/loss"] != first[1]["valid/loss"]


def test_trained_on_single_steps_and_validated_on_roll_outs(dataset: Path, tmp_path: Path) -> None:
    config = tiny_config(dataset, tmp_path, epochs=1)
    config = replace(config, data=replace(config.data, train_history=1, horizon=1, valid_horizon=4))
    shapes = {"training_step": set(), "validation_step": set()}
    with pytest.MonkeyPatch.context() as patch:
        for name, seen in shapes.items():
            step = getattr(Forecaster, name)

            def spied(*given: object, seen: set = seen, step: Callable = step) -> object:
                seen.add((given[1].x.size(1), given[1].y.size(1)))
                return step(*given)

            patch.setattr(Forecaster, name, spied)
        folder = train(config)
    assert shapes == {"training_step": {(1, 1)}, "validation_step": {(2, 4)}}
    assert load_forecaster(folder / "best.ckpt").description.history == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"training\.accelerator: wanted a device of this machine \(auto, cpu\), given 'gpu'"
    ):
        train(tiny_config(dataset, tmp_path, accelerator="gpu"))


def test_recomputation_changes_the_memory_alone(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    original = Forecaster.training_step

    def counted(self: Forecaster, batch: Batch, index: int) -> torch.Tensor:
        numbers = 0

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal numbers
            numbers += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = original(self, batch, index)
        kept.append(numbers)
        return loss

    monkeypatch.setattr(Forecaster, "training_step", counted)
    folders = [
        train(tiny_config(dataset, tmp_path / str(recompute), epochs=1, recompute=recompute))
        for recompute in (False, True)
    ]
    one, other = (read_checkpoint(folder / "last.ckpt")["state_dict"] for folder in folders)
    # the same operations in the same order, so the same bits
    assert all(torch.equal(one[key], other[key]) for key in one)
    whole, recomputed = kept[: len(kept) // 2], kept[len(kept) // 2 :]
    assert max(recomputed) < 0.5 * min(whole)


def test_an_interrupted_run_continues_with_keys_that_it_did_not_know_and_with_recomputation(
    dataset: Path, twice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Forecaster, "training_step", fail_in(Forecaster.training_step, epoch=1))
    with pytest.raises(OSError, match="on purpose"):
        train(tiny_config(dataset, tmp_path, epochs=2))
    monkeypatch.undo()
    stored = yaml.safe_load((tmp_path / "tiny" / "config.yaml").read_text())
    content = read_checkpoint(tmp_path / "tiny" / "last.ckpt")
    for key in ("recompute", "processes", "machines"):  # as earlier versions wrote them
        del stored["training"][key], content["pdgn"]["config"]["training"][key]
    (tmp_path / "tiny" / "config.yaml").write_text(yaml.safe_dump(stored))
    torch.save(content, tmp_path / "tiny" / "last.ckpt")
    folder = train(tiny_config(dataset, tmp_path, epochs=2, recompute=True))
    one, other = (read_checkpoint(place / "best.ckpt") for place in (folder, twice))
    assert all(torch.equal(one["state_dict"][key], other["state_dict"][key]) for key in one["state_dict"])


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_mixed_precision(dataset: Path, tmp_path: Path, precision: str) -> None:
    folder = train(tiny_config(dataset, tmp_path, epochs=1, precision=precision))
    assert np.isfinite(read_metrics(folder / "metrics.csv")[0]["valid/mae"])


@pytest.mark.parametrize("ratio, told", [(40.0, True), (0.6, False)])
def test_bfloat16_where_it_is_slow_is_told(dataset, tmp_path, monkeypatch, capsys, ratio: float, told: bool) -> None:
    monkeypatch.setattr("pdgn.training.training_run.bfloat16_ratio", lambda: ratio)
    train(tiny_config(dataset, tmp_path, epochs=1, precision="bf16-mixed"))
    line = (
        "training.precision: bf16-mixed: a product takes 40 times as long in bfloat16 as in float32 on this processor"
    )
    assert (line in capsys.readouterr().err) is told


def test_baselines_share_the_options_that_they_have(dataset: Path, tmp_path: Path) -> None:
    config = tiny_config(dataset, tmp_path)
    names = ["persistence", "fixed_operators", "fixed_operators", "padgn"]
    config = resolve(replace(config, evaluation=replace(config.evaluation, baselines=names)))
    (baseline,) = baseline_configs(config)
    assert baseline.model["name"] == "fixed_operators" and baseline.model["hidden_channels"] == 8
    assert "num_kernels" not in baseline.model and baseline.training == config.training
    assert Path(baseline.output) / baseline.name == tmp_path / "tiny" / "fixed_operators"


def nan_at(step: Callable, epoch: int, index: int, what: str) -> Callable:
    def poisoned(self: Forecaster, batch: Batch, batch_idx: int) -> torch.Tensor:
        if (self.current_epoch, batch_idx) == (epoch, index):
            if what == "loss":
                batch.y[0, 0, 0] = float("nan")
            else:  # a finite loss whose derivative is not: sqrt at 0
                return step(self, batch, batch_idx) + sum(p.mul(0).sum() for p in self.model.parameters()).sqrt()
        return step(self, batch, batch_idx)

    return poisoned


@pytest.mark.parametrize("what, named", [("loss", "loss"), ("gradient", "norm of the gradient")])
def test_a_nan_stops_with_one_line_and_the_last_good_checkpoint_stays(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, named: str
) -> None:
    # The last batch of an epoch: its checkpoint would come next.
    monkeypatch.setattr(Forecaster, "training_step", nan_at(Forecaster.training_step, 1, 2, what))
    message = (
        rf"^epoch 2, batch 3: wanted a finite {named}, given nan; .*Try a smaller training\.learning_rate \(now 0\.003"
    )
    with pytest.raises(TrainingDivergedError, match=message) as caught:
        train(tiny_config(dataset, tmp_path))
    assert "\n" not in str(caught.value)
    content = read_checkpoint(tmp_path / "tiny" / "last.ckpt")
    assert content["epoch"] == 0
    assert all(value.isfinite().all() for value in content["state_dict"].values())


def test_an_interruption_by_the_user_is_pythons_own(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(step: Callable) -> Callable:
        def interrupted(self: Forecaster, batch: Batch, index: int) -> torch.Tensor:
            if self.current_epoch == 1:
                os.kill(os.getpid(), signal.SIGINT)
            return step(self, batch, index)

        return interrupted

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(Forecaster, "training_step", interrupt(Forecaster.training_step))
    with pytest.raises(KeyboardInterrupt):
        train(tiny_config(dataset, tmp_path))
    assert signal.getsignal(signal.SIGINT) is before
    assert read_checkpoint(tmp_path / "tiny" / "last.ckpt")["epoch"] == 0


def test_clipping_bounds_the_step(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    norms: list[float] = []

    def record(self: Forecaster, *args: object) -> None:
        norms.append(float(torch.stack([p.grad.norm() for p in self.model.parameters()]).norm()))

    monkeypatch.setattr(Forecaster, "on_before_zero_grad", lambda self, optimizer: None)
    monkeypatch.setattr(Forecaster, "optimizer_step", wrap_step(Forecaster.optimizer_step, record))
    train(tiny_config(dataset, tmp_path, epochs=1, clip=1e-3))
    # float32: the clipped norm is right to 1e-6
    assert norms and max(norms) <= 1e-3 * (1 + 1e-5)


def wrap_step(step: Callable, after: Callable) -> Callable:
    def wrapped(self: Forecaster, *args: object, **kwargs: object) -> None:
        step(self, *args, **kwargs)
        after(self)

    return wrapped
