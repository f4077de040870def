"""Time spent on a run, interrupted parts included."""

from __future__ import annotations

import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class RunClock(Callback):
    """Counts seconds over all parts of a run and stops it at the end of the epoch that passes a limit.

    Args:
        max_minutes: the limit on time; None: no limit.
        max_core_minutes: the limit on processor time of this process, all threads together; None: no limit.
    """

    def __init__(self, max_minutes: float | None = None, max_core_minutes: float | None = None) -> None:
        self.max_minutes, self.max_core_minutes = max_minutes, max_core_minutes
        self.before, self.core_before = 0.0, 0.0
        self.started, self.core_started = time.monotonic(), time.process_time()

    def seconds(self) -> float:
        """Seconds of training so far.

        Returns:
            This part and those before an interruption.
        """
        return self.before + time.monotonic() - self.started

    def core_seconds(self) -> float:
        """Processor time of training so far, validation included [s].

        Returns:
            This part and those before an interruption.
        """
        return self.core_before + time.process_time() - self.core_started

    def passed(self) -> bool:
        """Whether a limit has passed."""
        limits = ((self.max_minutes, self.seconds()), (self.max_core_minutes, self.core_seconds()))
        return any(limit is not None and seconds >= 60 * limit for limit, seconds in limits)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts counting.

        Args:
            trainer: not used.
            pl_module: not used.
        """
        self.started, self.core_started = time.monotonic(), time.process_time()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Asks for a stop when a limit has passed.

        Args:
            trainer: what is asked.
            pl_module: not used.
        """
        if self.max_minutes is not None or self.max_core_minutes is not None:
            # One clock decides for all processes.
            trainer.should_stop = trainer.should_stop or trainer.strategy.broadcast(self.passed())

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps.

        Returns:
            {"seconds": ..., "core_seconds": ...}.
        """
        return {"seconds": self.seconds(), "core_seconds": self.core_seconds()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continues from a checkpoint.

        Args:
            state_dict: what `state_dict` gave.
        """
        self.before = float(state_dict["seconds"])
        self.core_before = float(state_dict.get("core_seconds", 0.0))  # runs begun by earlier versions did not count it
