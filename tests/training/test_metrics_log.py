from __future__ import annotations

from pathlib import Path

import pytest

from pdgn.training.metrics_log import MetricsLog, read_metrics


def test_a_log_reads_back_bit_for_bit(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "metrics.csv")
    log.log_metrics({"loss": 0.1 + 0.2, "epoch": 99.0}, step=1)
    log.log_metrics({"valid": float("nan")}, step=1)
    log.log_metrics({"loss": 1e-300, "late": 3.0}, step=2)
    first, second = read_metrics(tmp_path / "metrics.csv")
    assert first["epoch"] == 1 and first["loss"] == 0.1 + 0.2 and first["valid"] != first["valid"]
    assert second == {"epoch": 2, "loss": 1e-300, "late": 3.0}


def test_rows_after_the_checkpoint_are_dropped_and_rows_before_it_stand_once(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    log = MetricsLog(path)
    for epoch in (1, 2, 3, 4):
        log.log_metrics({"loss": float(epoch)}, step=epoch)
    continued = MetricsLog(path, epochs=2)
    continued.log_metrics({"loss": 30.0}, step=3)
    assert [(row["epoch"], row["loss"]) for row in read_metrics(path)] == [(1, 1.0), (2, 2.0), (3, 30.0)]
    anew = MetricsLog(path)
    anew.log_metrics({"loss": 7.0}, step=1)
    assert [row["loss"] for row in read_metrics(path)] == [7.0]


def test_a_damaged_cell_is_named(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,loss\n1,0.5\n2,x\n")
    with pytest.raises(ValueError, match=r"metrics\.csv, line 3, column loss: wanted a number, given 'x'"):
        read_metrics(path)
