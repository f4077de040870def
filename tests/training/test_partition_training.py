"""Training on parts of a mesh, by the config: the course of the whole, refusals before anything is written."""

from __future__ import annotations

import builtins
from pathlib import Path

import pytest
import torch
import yaml

from pdgn.training import read_checkpoint, train
from pdgn.training.forecaster import Forecaster
from pdgn.training.metrics_log import read_metrics
from tests.training.tiny import tiny_config, write_dataset

EPOCHS = 3


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "tiny.h5")


@pytest.fixture(scope="module")
def whole(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tiny_config(dataset, tmp_path_factory.mktemp("whole"), epochs=EPOCHS))


def require_close(folder: Path, reference: Path) -> None:
    """float32 round-off of sums in another order, over some epochs of Adam, which divides by the size of gradients."""
    for one, other in zip(read_metrics(folder / "metrics.csv"), read_metrics(reference / "metrics.csv"), strict=True):
        for key in ("train/loss", "valid/loss", "valid/mae"):
            assert one[key] == pytest.approx(other[key], rel=1e-5)
    one, other = (read_checkpoint(place / "last.ckpt")["state_dict"] for place in (folder, reference))
    for key, values in other.items():
        assert torch.allclose(one[key], values, rtol=1e-5, atol=1e-5), key


def test_training_on_parts_takes_the_course_of_the_whole(dataset: Path, whole: Path, tmp_path: Path) -> None:
    folder = train(tiny_config(dataset, tmp_path, epochs=EPOCHS, parts=3, scratch=str(tmp_path)))
    require_close(folder, whole)
    assert {path.name for path in tmp_path.iterdir()} == {"tiny"}
    stored = yaml.safe_load((folder / "config.yaml").read_text())["training"]
    assert (stored["parts"], stored["scratch"]) == (3, str(tmp_path))


@pytest.mark.slow
def test_parts_in_several_processes(dataset: Path, whole: Path, tmp_path: Path) -> None:
    require_close(train(tiny_config(dataset, tmp_path, epochs=EPOCHS, parts=2, processes=2)), whole)


def test_a_run_continues_on_another_number_of_parts(
    dataset: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Forecaster.training_step

    def failing(self, batch, index):
        if self.current_epoch == 1:
            raise OSError("on purpose")
        return step(self, batch, index)

    monkeypatch.setattr(Forecaster, "training_step", failing)
    with pytest.raises(OSError, match="on purpose"):
        train(tiny_config(dataset, tmp_path, epochs=EPOCHS, parts=4))
    monkeypatch.undo()
    require_close(train(tiny_config(dataset, tmp_path, epochs=EPOCHS)), whole)


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_mixed_precision_on_parts(dataset: Path, tmp_path: Path, precision: str) -> None:
    folders = [
        train(tiny_config(dataset, tmp_path / str(parts), epochs=1, precision=precision, parts=parts))
        for parts in (1, 3)
    ]
    one, other = (read_metrics(folder / "metrics.csv")[0] for folder in folders)
    assert one["train/loss"] == pytest.approx(other["train/loss"], rel=1e-2)  # bfloat16 has 8 bits, 0.4 %


@pytest.mark.parametrize(
    "training, said",
    [
        ({"parts": 0}, r"^training\.parts: wanted an integer of at least 1, given 0$"),
        (
            {"parts": 43},
            r"^training\.parts: wanted at most 42, the nodes of the smallest mesh of .*tiny\.h5, given 43$",
        ),
        ({"parts": 2, "scratch": "nowhere"}, r"^training\.scratch: wanted an existing folder, given 'nowhere'$"),
    ],
)
def test_refused_before_a_folder_is_made(dataset: Path, tmp_path: Path, training: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        train(tiny_config(dataset, tmp_path, **training))
    assert list(tmp_path.iterdir()) == []


def test_missing_pymetis_is_said_before_a_folder_is_made(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "pymetis":
            raise ModuleNotFoundError("No module named 'pymetis'")
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"^training\.parts: wanted the package pymetis.*'pdgn\[distributed\]'$"):
        train(tiny_config(dataset, tmp_path, parts=2))
    assert list(tmp_path.iterdir()) == []
