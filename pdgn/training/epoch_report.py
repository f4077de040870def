"""What is told about each epoch."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer

from pdgn.training.run_clock import RunClock
from pdgn.training.schedule import truth_probability


class EpochReport(Callback):
    """Sends one row per epoch to every logger, before the checkpoint of that epoch is written, and prints a line.

    Lightning itself sends the training metrics after the checkpoint; a process killed in between would lose the row.

    Args:
        clock: time spent on the run.
        truth_decay: k of scheduled sampling, for the row.
        units: unit of each physical metric by its name, for example {"valid/mae": "K"}.
    """

    def __init__(self, clock: RunClock, truth_decay: float | None, units: dict[str, str]) -> None:
        self.clock = clock
        self.truth_decay = truth_decay
        self.units = units

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Reports the epoch.

        Args:
            trainer: holds the metrics and the loggers.
            pl_module: not used.
        """
        if not trainer.is_global_zero:
            return
        epoch = trainer.current_epoch + 1
        row = {
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "truth_probability": truth_probability(epoch - 1, self.truth_decay),
            **{name: float(value) for name, value in sorted(trainer.callback_metrics.items())},
            "seconds": round(self.clock.seconds(), 2),
            "core_seconds": round(self.clock.core_seconds(), 2),
        }
        for logger in trainer.loggers:
            logger.log_metrics(row, step=epoch)
        bar = trainer.progress_bar_callback
        if bar is None:
            print(self.line(epoch, trainer.max_epochs, row), flush=True)
        else:
            bar.print(self.line(epoch, trainer.max_epochs, row))

    def line(self, epoch: int, epochs: int | None, row: dict[str, float]) -> str:
        """One line about an epoch.

        Args:
            epoch: counted from 1.
            epochs: epochs in total.
            row: the metrics.

        Returns:
            For example "epoch 3/40  train/loss 0.52  valid/loss 0.61  valid/mae 0.213 K  12.1 s".
        """
        shown = [name for name in row if name.endswith("/loss") or name.startswith("valid/mae")]
        values = [f"{name} {row[name]:.4g} {self.units.get(name, '')}".rstrip() for name in shown]
        return "  ".join([f"epoch {epoch}/{epochs}", *values, f"{row['seconds']:.1f} s"])
