"""Which checkpoints a run keeps."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

BEST, LAST = "best.ckpt", "last.ckpt"


class RunCheckpoint(Checkpoint):
    """Writes best.ckpt where the validation loss is the lowest so far, and last.ckpt, at the end of every epoch.

    Lightning's own ModelCheckpoint forgets the best score when the folder has moved, and writes the last checkpoint
    only together with a best one. `Checkpoint` callbacks run after all others, so last.ckpt holds all of its epoch.

    Args:
        folder: where the files go.
        monitor: the logged value to make small; a NaN is never the best.
    """

    def __init__(self, folder: str | Path, monitor: str = "valid/loss") -> None:
        self.folder = Path(folder)
        self.monitor = monitor
        self.best_score = math.inf
        self.best_epoch: int | None = None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the checkpoints of an epoch.

        Args:
            trainer: what is saved.
            pl_module: not used.
        """
        score = float(trainer.callback_metrics[self.monitor])
        if score < self.best_score or self.best_epoch is None:
            self.best_score = math.inf if math.isnan(score) else score
            self.best_epoch = trainer.current_epoch + 1
            trainer.save_checkpoint(self.folder / BEST)
        trainer.save_checkpoint(self.folder / LAST)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps.

        Returns:
            The best score and its epoch, counted from 1.
        """
        return {"best_score": self.best_score, "best_epoch": self.best_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continues from a checkpoint.

        Args:
            state_dict: what `state_dict` gave.
        """
        self.best_score = state_dict["best_score"]
        self.best_epoch = state_dict["best_epoch"]
