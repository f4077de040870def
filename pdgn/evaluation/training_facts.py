"""How long a model was trained, and why its training ended, from the folder of its run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pdgn.training.config import TrainingConfig
from pdgn.training.metrics_log import read_metrics
from pdgn.training.run_folder import RunFolder

ROUNDING = 0.01  # the log has seconds to two digits


def training_facts(run: str | Path, settings: TrainingConfig) -> dict[str, Any] | None:
    """What the log of a run says about its length.

    Args:
        run: folder of the checkpoint, with metrics.csv. settings: of the run.

    Returns:
        {"seconds": time of training, interrupted parts counted, "epochs": how many were completed, "stopped_by":
        "patience" (the validation loss had stopped falling), "epochs" (all were done), "max_minutes" (the time was up:
        the model may not have finished learning), or ``None`` where the run has not ended or the log does not tell};
        ``None`` where there is no log.

    Raises:
        ValueError: the log is damaged.
    """
    folder = RunFolder(run)
    rows = read_metrics(folder.metrics) if folder.metrics.is_file() else []
    if not rows or "seconds" not in rows[-1]:
        return None
    seconds, epochs = float(rows[-1]["seconds"]), int(rows[-1]["epoch"])
    ended = folder.state() == "finished"
    return {"seconds": seconds, "epochs": epochs, "stopped_by": stopped_by(rows, settings) if ended else None}


def stopped_by(rows: Sequence[Mapping[str, float]], settings: TrainingConfig) -> str | None:
    """Why a run that has ended did: where several reasons came true in the same epoch, the best one for the model.

    Args:
        rows: of metrics.csv, the last epoch last. settings: of the run.
    """
    last = rows[-1]
    if settings.patience is not None and _epochs_without_gain(rows) >= settings.patience:
        return "patience"
    if last["epoch"] >= settings.epochs:
        return "epochs"
    if settings.max_minutes is not None and last["seconds"] + ROUNDING >= 60 * settings.max_minutes:
        return "max_minutes"
    return None


def _epochs_without_gain(rows: Sequence[Mapping[str, float]]) -> int:
    """Epochs since the validation loss was last lower than ever before; a NaN is never lower."""
    lowest, since = math.inf, 0
    for row in rows:
        lowest, since = (row["valid/loss"], 0) if row.get("valid/loss", math.nan) < lowest else (lowest, since + 1)
    return since
