"""Why training ended: each reason from the log of a run that ended by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pdgn.evaluation.training_facts import training_facts
from pdgn.training.config import TrainingConfig


def write_run(folder: Path, losses: list[float], seconds: float = 10.0, *, finished: bool = True) -> Path:
    rows = [f"{epoch},{loss},{seconds * epoch}" for epoch, loss in enumerate(losses, 1)]
    (folder / "metrics.csv").write_text("\n".join(["epoch,valid/loss,seconds", *rows]) + "\n")
    (folder / "config.yaml").write_text("name: x\n")
    if finished:
        (folder / "finished").write_text("done\n")
    return folder


@pytest.mark.parametrize(
    "losses, settings, reason",
    [
        ([3.0, 2.0, 1.0], {"epochs": 3}, "epochs"),
        ([3.0, 2.0, 1.0], {"epochs": 9, "max_minutes": 0.5}, "max_minutes"),  # 30 s after three epochs
        ([3.0, 1.0, 2.0, 1.0, 1.0], {"epochs": 9, "patience": 3}, "patience"),  # an equal loss is no gain
        ([3.0, 1.0, 2.0, 2.0, 2.0], {"epochs": 5, "patience": 3, "max_minutes": 0.1}, "patience"),
        ([3.0, float("nan"), float("nan")], {"epochs": 9, "patience": 2}, "patience"),
        ([3.0, 2.0, 1.0], {"epochs": 9, "patience": 2}, None),  # nothing of what the log can tell
    ],
)
def test_the_reason_follows_from_the_log(tmp_path, losses, settings, reason):
    facts = training_facts(write_run(tmp_path, losses), TrainingConfig(batch_size=1, **settings))
    assert facts == {"seconds": 10.0 * len(losses), "epochs": len(losses), "stopped_by": reason}


def test_a_run_that_has_not_ended_was_not_stopped(tmp_path):
    facts = training_facts(write_run(tmp_path, [1.0], finished=False), TrainingConfig(epochs=1, batch_size=1))
    assert facts == {"seconds": 10.0, "epochs": 1, "stopped_by": None}


def test_without_a_log_nothing_is_known(tmp_path):
    settings = TrainingConfig(epochs=1, batch_size=1)
    assert training_facts(tmp_path, settings) is None
    (tmp_path / "metrics.csv").write_text("epoch,valid/loss\n1,0.5\n")
    assert training_facts(tmp_path, settings) is None
