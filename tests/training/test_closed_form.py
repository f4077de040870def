"""Closed-form fits: what they see, what they choose, what the folder holds, and the ordinary commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from pdgn.cli.main import main
from pdgn.data import DatasetWriter, MeshDynamicsDataset, MeshRecord, TrajectoryBlock
from pdgn.evaluation import read_metrics_file
from pdgn.mesh import icosphere, write_mesh
from pdgn.models import LocalLinear
from pdgn.training import EvaluationConfig, RunConfig, load_forecaster, read_checkpoint, read_metrics, train
from pdgn.training.config import DataConfig
from tests.training.tiny import tiny_config, write_dataset

ROOT = Path(__file__).resolve().parents[2]
SPLIT = ("train",) * 12 + ("valid",) * 3 + ("test",) * 2
TIME = 0.1 * np.arange(9)


def law() -> np.ndarray:
    """f(t + 1) = A f(t) on the 12 nodes of an icosahedron: every node and each of its five neighbours, stable."""
    mesh = icosphere(0)
    rng = np.random.default_rng(1)
    edges = np.concatenate([mesh.face[:, [0, 1]], mesh.face[:, [1, 2]], mesh.face[:, [2, 0]]])
    matrix = np.eye(12)
    matrix[edges[:, 1], edges[:, 0]] = rng.uniform(-0.3, 0.3, len(edges))
    return 0.9 * matrix / np.abs(np.linalg.eigvals(matrix)).max()


def write_law(path: Path) -> Path:
    """Trajectories of the law on one mesh, in float32."""
    rng, matrix = np.random.default_rng(2), law()
    attributes = {"u": {"unit": "K", "equation": "linear", "boundary": "none"}}
    with DatasetWriter(path, config="recipe: law", name="law", seed=2, field_attributes=attributes) as writer:
        writer.write_mesh("ball", MeshRecord.from_mesh(icosphere(0)))
        frames = [rng.normal(size=(len(SPLIT), 12))]
        for _ in TIME[1:]:
            frames.append(frames[-1] @ matrix.T)
        values = (5.0 + np.stack(frames, axis=1))[..., None].astype(np.float32)
        writer.write_block(TrajectoryBlock("ball", 0, TIME, {"u": values}, split=SPLIT))
        writer.finish()
    return path


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_law(tmp_path_factory.mktemp("data") / "law.h5")


def config_of(dataset: Path, output: Path, **model: object) -> RunConfig:
    config = tiny_config(dataset, output)
    return replace(
        config,
        data=DataConfig(str(dataset), history=3, horizon=4, stride=2),
        model={"name": "local_linear", "num_hops": 1, "frames": 1, **model},
    )


@pytest.mark.parametrize("model", [{}, {"direct": True, "num_hops": 3}, {"name": "var"}])
def test_a_linear_law_is_found_and_the_folder_holds_what_it_says(dataset: Path, tmp_path: Path, model: dict) -> None:
    config = config_of(dataset, tmp_path, **model)
    if model.get("name") == "var":
        config = replace(config, model={"name": "var", "frames": 1})
    folder = train(config)
    names = {path.name for path in folder.iterdir()}
    assert {"config.yaml", "best.ckpt", "last.ckpt", "metrics.csv", "tensorboard", "finished"} <= names
    (row,) = read_metrics(folder / "metrics.csv")
    tried = {name: value for name, value in row.items() if name.startswith("valid/loss at penalty ")}
    assert row["epoch"] == 1 and len(tried) == 12
    assert row["valid/loss"] == min(tried.values()) == tried[f"valid/loss at penalty {row['penalty']:g}"]
    # float32 of values about 5, fitted and rolled out: 1e-6 or so of a signal of order one
    assert row["valid/mae"] < 2e-5 < 1e-3 * load_forecaster(folder / "best.ckpt").normalizer.signal_std
    best, last = (read_checkpoint(folder / name)["state_dict"] for name in ("best.ckpt", "last.ckpt"))
    assert all(torch.equal(best[key], last[key]) for key in best)
    (test,) = {len(data.y) for data in MeshDynamicsDataset(dataset, "test", history=3, horizon=6)}
    assert test == 12
    for data in MeshDynamicsDataset(dataset, "test", history=3, horizon=6):
        with torch.no_grad():
            forecast = load_forecaster(folder / "best.ckpt").forecast(data, 6)
        assert torch.allclose(forecast, data.y, rtol=0, atol=1e-4)


def test_every_transition_counts_once_whatever_the_windows(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One node, one frame: the fit is the regression line through all pairs of consecutive frames."""
    monkeypatch.setattr(LocalLinear, "penalties", (1e-9,))
    folder = train(config_of(dataset, tmp_path, num_hops=0))
    forecaster = load_forecaster(folder / "best.ckpt")
    training = MeshDynamicsDataset(dataset, "train", history=1, horizon=8)
    frames = torch.stack([torch.cat([data.x, data.y], dim=1)[..., 0] for data in training]).double().numpy()
    pairs = frames[:, :, :-1], frames[:, :, 1:]
    now = torch.linspace(3, 7, 12)
    data = training[0]
    data.x[:, 0, 0] = now
    with torch.no_grad():
        given = forecaster.forecast(data, 1)[:, 0, 0].numpy()
    for node in range(12):
        slope, level = np.polyfit(pairs[0][:, node].ravel(), pairs[1][:, node].ravel(), 1)
        # forecasts in float32 of values about 5
        assert given[node] == pytest.approx(slope * float(now[node]) + level, abs=1e-5)


def test_a_fit_that_was_killed_starts_again(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = train(config_of(dataset, tmp_path / "reference"))
    monkeypatch.setattr(LocalLinear, "solve", fail_at(LocalLinear.solve, 1e-4))
    with pytest.raises(OSError, match="on purpose"):
        train(config_of(dataset, tmp_path))
    monkeypatch.undo()
    assert not (tmp_path / "tiny" / "last.ckpt").exists() and not (tmp_path / "tiny" / "finished").exists()
    folder = train(config_of(dataset, tmp_path))
    one, other = (read_checkpoint(place / "best.ckpt")["state_dict"] for place in (folder, reference))
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    with pytest.raises(FileExistsError, match=r"tiny: holds a finished run"):
        train(config_of(dataset, tmp_path))


def test_penalties_without_a_solution_or_a_finite_loss_are_not_chosen(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solve = LocalLinear.solve

    def poor(self: LocalLinear, penalty: float) -> None:
        if penalty < 1e-7:
            raise torch.linalg.LinAlgError("on purpose")
        solve(self, penalty)
        if penalty == 1e-6:
            self.bias.fill_(float("nan"))

    monkeypatch.setattr(LocalLinear, "solve", poor)
    (row,) = read_metrics(train(config_of(dataset, tmp_path)) / "metrics.csv")
    losses = {name: value for name, value in row.items() if name.startswith("valid/loss at")}
    assert row["valid/loss at penalty 1e-08"] == np.inf and np.isnan(row["valid/loss at penalty 1e-06"])
    assert row["penalty"] == 1e-5 and row["valid/loss"] == np.nanmin(list(losses.values()))


def test_smaller_penalties_are_tried_while_they_help(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalLinear, "penalties", (1.0, 1e-2))
    (row,) = read_metrics(train(config_of(dataset, tmp_path)) / "metrics.csv")
    tried = sorted(float(name.split()[-1]) for name in row if name.startswith("valid/loss at"))
    losses = [row[f"valid/loss at penalty {penalty:g}"] for penalty in tried]
    assert tried[0] < 1e-5 and len(tried) == 1 - round(np.log10(tried[0]))  # each power of ten from 1
    assert row["penalty"] == pytest.approx(tried[np.argmin(losses)]) and row["penalty"] > 2 * tried[0]
    assert row["valid/loss"] < 1e-3 * row["valid/loss at penalty 0.01"]


def fail_at(solve: Callable, penalty: float) -> Callable:
    def failing(self: LocalLinear, given: float) -> None:
        if given == penalty:
            raise OSError("on purpose")
        solve(self, given)

    return failing


def test_weights_of_nodes_want_one_mesh_and_a_mistake_does_not_cost_the_earlier_run(tmp_path: Path) -> None:
    config = config_of(write_dataset(tmp_path / "two.h5"), tmp_path, per_node=False)
    folder = train(config)
    message = r"^model\.name: wanted data on one mesh for LocalLinear, whose weights .*, given 2 \(ball, large\)$"
    with pytest.raises(ValueError, match=message):
        train(replace(config, model={**config.model, "per_node": True}), overwrite=True)
    assert (folder / "best.ckpt").exists()


def test_a_baseline_of_a_trained_model_is_fitted_beside_it(dataset: Path, tmp_path: Path) -> None:
    config = replace(
        tiny_config(dataset, tmp_path, epochs=1), evaluation=EvaluationConfig(baselines=["persistence", "local_linear"])
    )
    folder = train(replace(config, data=DataConfig(str(dataset), history=3, horizon=4), model={
        "name": "padgn", "hidden_channels": 4, "num_layers": 1, "num_hops": 1, "num_kernels": 2}))  # fmt: skip
    assert load_forecaster(folder / "local_linear" / "best.ckpt").description.model["num_hops"] == 1
    assert (folder / "local_linear" / "finished").read_text() == "1 epoch, closed form\n"


def test_an_ensemble_uses_the_members_that_have_the_law(dataset: Path, tmp_path: Path) -> None:
    config = config_of(dataset, tmp_path)
    members = ("rolled-0-1", "rolled-1-1", "var-1")
    folder = train(replace(config, model={"name": "sensor_ensemble", "members": " ".join(members)}))
    (row,) = read_metrics(folder / "metrics.csv")
    weights, losses = ([row[f"{name} {key}"] for name in members] for key in ("weight", "valid/loss"))
    assert weights[0] == 0 and sum(weights) == pytest.approx(1, abs=1e-6)
    # Members are fitted as they are alone; the mixture is as good as the best, but for float32.
    alone = train(replace(config, name="alone", model={"name": "var", "frames": 1}))
    (own,) = read_metrics(alone / "metrics.csv")
    assert (row["var-1 penalty"], losses[2]) == (own["penalty"], own["valid/loss"])
    assert row["valid/loss"] < 1.05 * min(losses) < 1e-6 * losses[0] and row["epoch"] == 1
    best, last = (load_forecaster(folder / name).model.state_dict() for name in ("best.ckpt", "last.ckpt"))
    assert all(torch.equal(best[key], last[key]) for key in best) and (folder / "finished").is_file()
    for data in MeshDynamicsDataset(dataset, "test", history=3, horizon=6):
        with torch.no_grad():
            forecast = load_forecaster(folder / "best.ckpt").forecast(data, 6)
        assert torch.allclose(forecast, data.y, rtol=0, atol=1e-4)  # float32 of values about 5
    message = r"^model\.name: wanted data on one mesh for SensorEnsemble, whose weights belong to its nodes, given 2"
    two = config_of(write_dataset(tmp_path / "two.h5"), tmp_path / "other")
    with pytest.raises(ValueError, match=message):
        train(replace(two, model={"name": "sensor_ensemble"}))


@pytest.mark.slow
def test_several_processes_fit_what_one_does(dataset: Path, tmp_path: Path) -> None:
    config = config_of(dataset, tmp_path / "alone")
    settings = replace(config.training, epochs=1, processes=2)
    baselines = EvaluationConfig(baselines=["gru"])  # is trained after it by both
    together = replace(config, training=settings, output=str(tmp_path / "together"), evaluation=baselines)
    one, other = (read_checkpoint(train(run) / "best.ckpt")["state_dict"] for run in (config, together))
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert (tmp_path / "together" / "tiny" / "gru" / "finished").is_file()


def test_the_ordinary_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Generate, train, evaluate, predict: the shared form on several surfaces, one of them never trained on."""
    data, runs = tmp_path / "tiny.h5", tmp_path / "runs"
    assert main(["generate", "--config", str(ROOT / "datasets" / "tiny.yaml"), "--output", str(data)]) == 0
    config = yaml.safe_load((ROOT / "configs" / "tiny.yaml").read_text())
    config["model"] = {"name": "local_linear", "per_node": False, "frames": 2}
    config |= {"data": {**config["data"], "file": str(data)}, "output": str(runs), "evaluation": {"figures": False}}
    (tmp_path / "linear.yaml").write_text(yaml.safe_dump(config))
    assert main(["train", "--config", str(tmp_path / "linear.yaml")]) == 0
    assert "in closed form" in capsys.readouterr().out
    best = runs / "tiny" / "best.ckpt"
    assert main(["evaluate", "--checkpoint", str(best), "--device", "cpu"]) == 0
    models = read_metrics_file(best.parent / "metrics.json")["models"]
    errors = {name: scores["groups"]["unseen"]["total"]["mae"]["u"] for name, scores in models.items()}
    # Diffusion of a few smooth modes is a polynomial of the Laplacian but for 1e-8, on a mesh never seen too.
    assert errors["local_linear"] < 1e-4 * errors["persistence"]
    assert models["local_linear"]["parameters"] == 4 * 2 + 1
    places = {"mesh": tmp_path / "ball.obj", "observed": tmp_path / "observed.npy", "output": tmp_path / "out.npz"}
    write_mesh(icosphere(1), places["mesh"])
    np.save(places["observed"], np.full((2, 42, 1), 0.25))
    words = [word for name, path in places.items() for word in (f"--{name}", str(path))]
    assert main(["predict", "--checkpoint", str(best), "--steps", "3", *words]) == 0
    with np.load(places["output"]) as result:  # a uniform state diffuses nowhere
        np.testing.assert_allclose(result["prediction"], 0.25, atol=0.02)
