"""Where checks are deferred, a training step never waits for the device; and what they find is the same."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch_geometric.data import Batch

from pdgn.training import Forecaster, TrainingDivergedError, read_checkpoint, train
from tests.training.test_training_run import nan_at
from tests.training.tiny import tiny_config, write_dataset

# What hands a value, or a size that depends on values, to the host.
WAITS = {
    "_local_scalar_dense", "item", "is_nonzero", "equal", "nonzero", "nonzero_numpy", "masked_select", "unique_dim",
    "_unique2", "unique_consecutive", "bincount", "allclose", "repeat_interleave",
}  # fmt: skip


class Watch(TorchDispatchMode):
    """Counts the operations that a GPU would make the host wait for, boolean indices among them."""

    def __init__(self, seen: Counter) -> None:
        super().__init__()
        self.seen = seen

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        name = func.overloadpacket.__name__
        indices = args[1] if name in {"index", "index_put", "index_put_"} else ()
        masks = any(index is not None and index.dtype in (torch.bool, torch.uint8) for index in indices)
        self.seen["steps of the optimiser"] += name == "_fused_adam_"
        if (name in WAITS or masks) and not asked_on_cpus_alone():
            self.seen[name] += 1
        return func(*args, **(kwargs or {}))


def asked_on_cpus_alone() -> bool:
    """Whether the caller is the structure of a graph, made once per graph: on CPUs it looks at the order."""
    frame = sys._getframe(2)
    while frame is not None and not frame.f_code.co_filename.endswith("pdgn/nn/incidence.py"):
        frame = frame.f_back
    return frame is not None


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "tiny.h5")


@pytest.fixture
def deferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Forecaster, "defer_checks", True)


def counted(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """Watches everything from a training step's forward pass to the end of the optimiser's step."""
    seen: Counter = Counter()
    original = Forecaster.optimizer_step

    def watched(self: Forecaster, *args: Any, **kwargs: Any) -> None:
        with Watch(seen):
            original(self, *args, **kwargs)

    monkeypatch.setattr(Forecaster, "optimizer_step", watched)
    return seen


@pytest.mark.parametrize("model", ["padgn", "fixed_operators"])
@pytest.mark.parametrize("training", [{}, {"recompute": True}, {"precision": "bf16-mixed"}, {"clip": None}])
def test_a_step_waits_for_nothing(
    model: str, training: dict, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deferred: None
) -> None:
    seen = counted(monkeypatch)
    config = tiny_config(dataset, tmp_path, epochs=1, **training)
    options = {"hidden_channels": 8, "num_layers": 1}
    train(replace(config, model={"name": model, **options}))
    assert {name: count for name, count in seen.items() if count} == {"steps of the optimiser": 3}


def test_the_watch_sees_what_waits(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = counted(monkeypatch)
    train(tiny_config(dataset, tmp_path, epochs=1))  # checks at once: loss and norm of each of 3 steps
    assert seen["_local_scalar_dense"] + seen["is_nonzero"] >= 6
    with Watch(seen):
        torch.ones(3)[torch.tensor([True, False, True])]
    assert seen["index"] == 1


@pytest.mark.parametrize("what, named", [("loss", "loss"), ("gradient", "norm of the gradient")])
@pytest.mark.parametrize("index", [1, 2])
def test_a_nan_is_found_later_and_changes_nothing(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deferred: None, what: str, named: str, index: int
) -> None:
    monkeypatch.setattr(Forecaster, "training_step", nan_at(Forecaster.training_step, 1, index, what))
    weights: list[torch.Tensor] = []
    step = Forecaster.optimizer_step

    def record(self: Forecaster, *args: Any, **kwargs: Any) -> None:
        step(self, *args, **kwargs)
        weights.append(torch.cat([parameter.detach().flatten() for parameter in self.model.parameters()]))

    monkeypatch.setattr(Forecaster, "optimizer_step", record)
    with pytest.raises(
        TrainingDivergedError, match=rf"^epoch 2, batch {index + 1}: wanted a finite {named}, given nan"
    ):
        train(tiny_config(dataset, tmp_path, weight_decay=0.1))
    assert len(weights) == 6  # found at the end of the epoch
    assert torch.equal(weights[3 + index], weights[2 + index]) and weights[-1].isfinite().all()
    assert index == 2 or not torch.equal(weights[-1], weights[-2])
    assert read_checkpoint(tmp_path / "tiny" / "last.ckpt")["epoch"] == 0


def test_a_long_epoch_is_looked_at_in_between(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deferred: None
) -> None:
    monkeypatch.setattr("pdgn.training.forecaster.LOOK_EVERY", 2)
    steps: list[int] = []
    monkeypatch.setattr(Forecaster, "training_step", nan_at(noted(Forecaster.training_step, steps), 0, 2, "loss"))
    with pytest.raises(TrainingDivergedError, match="^epoch 1, batch 3: "):
        train(tiny_config(dataset, tmp_path, batch_size=2))
    assert steps == [0, 1, 2, 3]


def noted(step: Callable, steps: list[int]) -> Callable:
    def noting(self: Forecaster, batch: Batch, index: int) -> torch.Tensor:
        steps.append(index)
        return step(self, batch, index)

    return noting


def test_a_checkpoint_goes_on_on_another_kind_of_device(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = train(tiny_config(dataset, tmp_path / "reference", epochs=3))
    for number, defer in enumerate((False, True, False)):
        monkeypatch.setattr(Forecaster, "defer_checks", defer)
        step = Forecaster.training_step
        with monkeypatch.context() as patch:
            if number < 2:
                patch.setattr(Forecaster, "training_step", nan_at(step, number + 1, 0, "loss"))
                with pytest.raises(TrainingDivergedError):
                    train(tiny_config(dataset, tmp_path, epochs=3))
            else:
                train(tiny_config(dataset, tmp_path, epochs=3))
    one, other = (read_checkpoint(place / "last.ckpt")["state_dict"] for place in (tmp_path / "tiny", reference))
    # the fused optimiser rounds otherwise
    assert all(torch.allclose(one[name], other[name], rtol=1e-4, atol=1e-5) for name in one)
