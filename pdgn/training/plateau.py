"""The learning rate that falls where validation no longer improves."""

from __future__ import annotations

import math
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

FACTOR = 0.5


class Plateau(Callback):
    """Halves the learning rate after every so many epochs without a better validation loss.

    Args:
        wait: epochs without improvement before each halving, ≥ 1.
        monitor: the logged value that is to become small; a NaN is no improvement.

    Attributes:
        factor: what the learning rate of the next epoch is multiplied with.
    """

    def __init__(self, wait: int, monitor: str = "valid/loss") -> None:
        self.wait = wait
        self.monitor = monitor
        self.best, self.waited, self.factor = math.inf, 0, 1.0

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Looks at the epoch's validation.

        Args:
            trainer: holds the metrics.
            pl_module: not used.
        """
        self.look(float(trainer.callback_metrics[self.monitor]))

    def look(self, score: float) -> None:
        """Takes the validation loss of an epoch into account.

        Args:
            score: the loss.
        """
        if score < self.best:
            self.best, self.waited = score, 0
            return
        self.waited += 1
        if self.waited % self.wait == 0:
            self.factor *= FACTOR

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps.

        Returns:
            Best loss, epochs since, factor.
        """
        return {"best": self.best, "waited": self.waited, "factor": self.factor}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continues from a checkpoint.

        Args:
            state_dict: what `state_dict` gave.
        """
        self.best, self.waited, self.factor = state_dict["best"], state_dict["waited"], state_dict["factor"]
