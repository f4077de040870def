"""A checkpoint stands on its own; what is none is refused in one line."""

from __future__ import annotations

import pickle
import resource
from pathlib import Path

import pytest
import torch
from torch_geometric.data import Batch

from pdgn.data import MeshDynamicsDataset
from pdgn.training import Forecaster, load_forecaster, read_checkpoint, train
from pdgn.training.checkpoint_io import AtomicCheckpointIO
from pdgn.training.header import SCHEMA_VERSION
from pdgn.version import __version__
from tests.training.tiny import tiny_config, write_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("run")
    return train(tiny_config(write_dataset(place / "tiny.h5", fields=("a", "b")), place, epochs=2))


@pytest.fixture
def batch(folder: Path) -> Batch:
    forecaster = load_forecaster(folder / "best.ckpt")
    data = MeshDynamicsDataset(
        folder.parent / "tiny.h5", "test", history=2, horizon=3, context=forecaster.description.context
    )
    return Batch.from_data_list([data[0], data[len(data) - 1]])


def test_everything_that_a_forecast_needs_is_in_the_file(folder: Path) -> None:
    forecaster = load_forecaster(folder / "best.ckpt")
    said = forecaster.description
    assert [(field.name, field.unit, field.channels) for field in said.fields] == [("a", "K", 1), ("b", "K", 1)]
    assert (said.history, said.dt, said.time_unit) == (2, pytest.approx(0.1), "h")
    assert said.context.node == ["log_mass"] and said.channels.edge_context == 2 and said.model["num_kernels"] == 2
    header = read_checkpoint(folder / "best.ckpt")["pdgn"]
    assert header["pdgn_version"] == __version__ and header["config"] == forecaster.config.to_dict()
    assert not forecaster.training


def test_loading_twice_gives_the_same_forecast_and_single_graphs_the_same_as_a_batch(
    folder: Path, batch: Batch
) -> None:
    forecaster, again = (load_forecaster(folder / "best.ckpt") for _ in range(2))
    with torch.no_grad():
        together = forecaster.forecast(batch, 3)
        assert torch.equal(together, again.forecast(batch, 3))
        parts = torch.cat([forecaster.forecast(data, 3) for data in batch.to_data_list()])
    # float32 sums in another order, over values of order 1
    assert torch.allclose(together, parts, atol=1e-5)


def test_forecasts_are_in_physical_units_and_do_not_look_at_the_truth(folder: Path, batch: Batch) -> None:
    forecaster = load_forecaster(folder / "best.ckpt")
    with torch.no_grad():
        forecast = forecaster.forecast(batch, 3)
        hidden = batch.clone()
        hidden.y = torch.full_like(batch.y, 1e6)
        assert torch.equal(forecaster.forecast(hidden, 3), forecast)
        assert torch.equal(forecaster.predict_step(batch), forecast)
    spread = batch.y.std()
    assert (forecast - batch.y).abs().mean() < spread  # in the units of the data, not of the normalisation


def test_a_checkpoint_runs_no_code_of_its_own(folder: Path) -> None:
    for name in ("best.ckpt", "last.ckpt"):
        assert "pdgn" in torch.load(folder / name, weights_only=True)


def changed(folder: Path, path: Path, **header: object) -> Path:
    content = torch.load(folder / "best.ckpt", weights_only=True)
    content["pdgn"].update(header)
    torch.save(content, path)
    return path


@pytest.mark.parametrize("version", ["0.9", "2.0"])
def test_another_schema_version(folder: Path, tmp_path: Path, version: str) -> None:
    path = changed(folder, tmp_path / "c.ckpt", schema_version=version)
    message = (
        rf"c\.ckpt: wanted a checkpoint of schema version {SCHEMA_VERSION}, given version {version}, written by pdgn"
    )
    with pytest.raises(ValueError, match=message):
        load_forecaster(path)


def test_another_model(folder: Path, tmp_path: Path) -> None:
    description = read_checkpoint(folder / "best.ckpt")["pdgn"]["description"]
    unknown = changed(folder, tmp_path / "c.ckpt", description={**description, "model": {"name": "oracle"}})
    with pytest.raises(ValueError, match=r"c\.ckpt: wanted a model of .*padgn.*, given a checkpoint of 'oracle'"):
        load_forecaster(unknown)
    other = {"name": "fixed_operators", "hidden_channels": 8, "num_layers": 1}
    wrong = changed(folder, tmp_path / "d.ckpt", description={**description, "model": other})
    with pytest.raises(
        ValueError, match=r"d\.ckpt: wanted the weights of 'fixed_operators' .*, given others"
    ) as caught:
        load_forecaster(wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content, given",
    [
        (torch.nn.Linear(2, 2).state_dict(), r"the weights alone of some model \(weight, \.\.\.\)"),
        ({"pytorch-lightning_version": "2.6.0", "state_dict": {}}, "a Lightning checkpoint of another program"),
        ({"pdgn": {"kind": "something else"}}, "a dictionary with pdgn"),
        ([1, 2], "a list"),
    ],
)
def test_files_of_torch_that_are_no_forecaster(tmp_path: Path, content: object, given: str) -> None:
    torch.save(content, tmp_path / "c.ckpt")
    with pytest.raises(ValueError, match=rf"c\.ckpt: wanted a pdgn-forecaster checkpoint, given {given}"):
        load_forecaster(tmp_path / "c.ckpt")


@pytest.mark.parametrize("part", ["description", "config", "state_dict"])
def test_a_checkpoint_with_a_part_missing(folder: Path, tmp_path: Path, part: str) -> None:
    content = torch.load(folder / "best.ckpt", weights_only=True)
    (content if part in content else content["pdgn"]).pop(part)
    torch.save(content, tmp_path / "c.ckpt")
    with pytest.raises(ValueError, match=rf"c\.ckpt: wanted a whole .* with parts missing \('{part}'\)"):
        load_forecaster(tmp_path / "c.ckpt")


@pytest.mark.parametrize("size", [0, 1, 100, 5000, -1])
def test_truncated_files(folder: Path, tmp_path: Path, size: int) -> None:
    (tmp_path / "c.ckpt").write_bytes((folder / "best.ckpt").read_bytes()[:size])
    with pytest.raises(ValueError, match=r"c\.ckpt: wanted a pdgn-forecaster checkpoint, given a file that") as caught:
        load_forecaster(tmp_path / "c.ckpt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [b"name: tiny\n", b"\x89HDF\r\n\x1a\n" + bytes(2000), b"PK\x03\x04" + bytes(100)])
def test_files_of_other_programs(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "c.ckpt").write_bytes(text)
    with pytest.raises(ValueError, match=r"c\.ckpt: wanted a pdgn-forecaster checkpoint") as caught:
        load_forecaster(tmp_path / "c.ckpt")
    assert "\n" not in str(caught.value)


class Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return Path.touch, (self.target,)


def test_a_pickle_that_runs_code_is_refused_in_silence(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    (tmp_path / "c.ckpt").write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    with pytest.raises(ValueError, match=r"c\.ckpt: wanted a pdgn-forecaster checkpoint, given a file that cannot be"):
        load_forecaster(tmp_path / "c.ckpt")
    assert not (tmp_path / "ran").exists() and not recwarn.list


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    torch.save({"pdgn": torch.nn.Linear(2, 2)}, tmp_path / "c.ckpt")
    with pytest.raises(
        ValueError, match=r"c\.ckpt: wanted a pdgn-forecaster checkpoint, given a file that cannot be read"
    ):
        load_forecaster(tmp_path / "c.ckpt")


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"c\.ckpt: wanted a checkpoint file, given no file"):
        load_forecaster(tmp_path / "c.ckpt")
    with pytest.raises(FileNotFoundError, match="wanted a checkpoint file, given a folder"):
        load_forecaster(tmp_path)


def test_a_failed_write_leaves_the_previous_checkpoint(tmp_path: Path) -> None:
    files = AtomicCheckpointIO()
    files.save_checkpoint({"value": 1}, tmp_path / "c.ckpt")

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))  # the system refuses the second half, as a full disk does
    try:
        with pytest.raises(OSError, match=r"^cannot write .*c\.ckpt: file too large; the earlier checkpoint is kept"):
            files.save_checkpoint({"value": 2}, tmp_path / "c.ckpt")
        with pytest.raises(OSError, match=r"^cannot write .*new\.ckpt: file too large; mend this and run again"):
            files.save_checkpoint({"value": 2}, tmp_path / "new.ckpt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["c.ckpt"]
    assert files.load_checkpoint(tmp_path / "c.ckpt") == {"value": 1}
    files.remove_checkpoint(tmp_path / "c.ckpt")
    files.remove_checkpoint(tmp_path / "c.ckpt")
    assert not (tmp_path / "c.ckpt").exists()


def test_metrics_of_several_fields_are_kept_apart(folder: Path) -> None:
    forecaster: Forecaster = load_forecaster(folder / "last.ckpt")
    assert forecaster.metric_units() == {f"valid/{m}/{f}": "K" for m in ("mae", "rmse") for f in ("a", "b")}
    header = (folder / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"valid/mae/a", "valid/mae/b", "valid/rmse/a", "valid/rmse/b", "valid/loss"} <= set(header)
