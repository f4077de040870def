"""Time spent on a run, interrupted parts included."""

from __future__ import annotations

import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class RunClock(Callback):
    """Counts seconds over all parts of a run and stops it at the end of the epoch that passes a limit.

    Args:
        max_minutes: the limit; None: no limit.
    """

    def __init__(self, max_minutes: float | None = None) -> None:
        self.max_minutes = max_minutes
        self.before = 0.0
        self.started = time.monotonic()

    def seconds(self) -> float:
        """Seconds of training so far.

        Returns:
            This part and those before an interruption.
        """
        return self.before + time.monotonic() - self.started

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts counting.

        Args:
            trainer: not used.
            pl_module: not used.
        """
        self.started = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Asks for a stop when the limit has passed.

        Args:
            trainer: what is asked.
            pl_module: not used.
        """
        if self.max_minutes is not None:
            passed = self.seconds() >= 60 * self.max_minutes
            # One clock decides for all processes.
            trainer.should_stop = trainer.should_stop or trainer.strategy.broadcast(passed)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps.

        Returns:
            {"seconds": ...}.
        """
        return {"seconds": self.seconds()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continues from a checkpoint.

        Args:
            state_dict: what `state_dict` gave.
        """
        self.before = float(state_dict["seconds"])
