"""The Lightning module: a model, the units it works in, and how it is optimised."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch_geometric.data import Data

from pdgn.data import Normalizer
from pdgn.models import ForecastModel
from pdgn.rollout import rollout
from pdgn.training.config import RunConfig
from pdgn.training.description import ForecastDescription
from pdgn.training.header import checkpoint_header
from pdgn.training.loss import ErrorSums, error_sums, increment_loss
from pdgn.training.randomness import STEP, keyed_generator
from pdgn.training.schedule import learning_rate, truth_probability


class TrainingDivergedError(ValueError):
    """A loss or gradient that is not finite: training cannot go on."""


class Forecaster(LightningModule):
    """A model with its normalisation: physical units in, physical units out.

    Args:
        model: what steps forward, in normalised units.
        normalizer: physical ↔ normalised units.
        description: what a checkpoint says about both.
        config: how the model is optimised.
    """

    def __init__(
        self, model: ForecastModel, normalizer: Normalizer, description: ForecastDescription, config: RunConfig
    ) -> None:
        super().__init__()
        self.model = model
        self.normalizer = normalizer
        self.description = description
        self.config = config
        self._valid_loss = [0.0, 0.0]
        self._valid_errors: list[ErrorSums] = []

    def forecast(self, data: Data, steps: int) -> Tensor:
        """Predicts from the observed frames alone.

        Args:
            data: a sample or batch in physical units; only its observed frames and context are read.
            steps: frames to predict.

        Returns:
            [N, steps, C] in physical units.
        """
        return self.normalizer.inverse(rollout(self.model, self.normalizer.transform(data), steps))

    def training_step(self, batch: Data, batch_idx: int) -> Tensor:
        """The loss of one batch: a roll-out that takes the truth with probability p(epoch) (scheduled sampling).

        Args:
            batch: samples in physical units.
            batch_idx: number of the batch in the epoch.

        Returns:
            The loss, [].

        Raises:
            TrainingDivergedError: it is not finite.
        """
        settings = self.config.training
        data = self.normalizer.transform(batch)
        prediction = rollout(
            self.model,
            data,
            data.y.size(1),
            truth=data.y,
            truth_mask=data.y_mask,
            truth_probability=truth_probability(self.current_epoch, settings.truth_decay),
            noise_std=settings.noise_std,
            generator=keyed_generator(STEP, self.config.seed, self.current_epoch, batch_idx, device=data.y.device),
        )
        loss = increment_loss(prediction, data)
        if not torch.isfinite(loss):
            raise self._diverged("loss", loss.item(), batch_idx)
        self.log(
            "train/loss",
            loss,
            on_step=False,
            on_epoch=True,
            prog_bar=True,
            logger=False,
            batch_size=int(data.y_mask.sum()),
        )
        return loss

    def validation_step(self, batch: Data, batch_idx: int) -> None:
        """Adds the errors of one batch of free roll-outs, in normalised and in physical units.

        Args:
            batch: samples in physical units.
            batch_idx: number of the batch.
        """
        data = self.normalizer.transform(batch)
        prediction = rollout(self.model, data, data.y.size(1))
        errors = error_sums(self.normalizer.inverse(prediction), batch.y, batch.y_mask)
        count = float(errors.readings)
        self._valid_loss[0] += float(increment_loss(prediction, data)) * count
        self._valid_loss[1] += count
        self._valid_errors.append(errors)

    def on_validation_epoch_end(self) -> None:
        """Logs valid/loss, and MAE and RMSE in physical units, of each field where there are several."""
        total, count = self._valid_loss
        self.log("valid/loss", torch.tensor(total / count if count else float("nan")), prog_bar=True, logger=False)
        sums = ErrorSums(*(torch.stack(parts).sum(0) for parts in zip(*self._valid_errors)))
        self._valid_loss, self._valid_errors = [0.0, 0.0], []
        start = 0
        for field in self.description.fields:
            part = slice(start, start := start + field.channels)
            readings = sums.readings * field.channels
            suffix = f"/{field.name}" if len(self.description.fields) > 1 else ""
            self.log(f"valid/mae{suffix}", (sums.absolute[part].sum() / readings).float(), logger=False)
            self.log(f"valid/rmse{suffix}", (sums.squared[part].sum() / readings).sqrt().float(), logger=False)

    def metric_units(self) -> dict[str, str]:
        """Units of the metrics that have one.

        Returns:
            For example {"valid/mae": "K", "valid/rmse": "K"}; the unit "1" is left out.
        """
        several = len(self.description.fields) > 1
        return {
            f"valid/{metric}" + (f"/{field.name}" if several else ""): field.unit
            for metric in ("mae", "rmse")
            for field in self.description.fields
            if field.unit != "1"
        }

    def on_train_batch_start(self, batch: Data, batch_idx: int) -> None:
        """Sets the learning rate from the epoch (a scheduler's state would be saved one step behind).

        Args:
            batch: not used.
            batch_idx: not used.
        """
        settings = self.config.training
        rate = learning_rate(self.current_epoch, settings.epochs, settings.learning_rate, settings.schedule)
        for optimizer in self.trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam over the model's weights.

        Returns:
            The optimiser.
        """
        settings = self.config.training
        return torch.optim.Adam(self.model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clips the norm of the gradient and refuses one that is not finite, before it can reach the weights.

        Args:
            optimizer: not used.
            gradient_clip_val: largest norm; None: not clipped.
            gradient_clip_algorithm: not used.

        Raises:
            TrainingDivergedError: the norm is not finite (with 16-bit floats the gradient scaler handles it instead).
        """
        limit = float("inf") if gradient_clip_val is None else gradient_clip_val
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        if self.config.training.precision != "16-mixed" and not torch.isfinite(norm):
            raise self._diverged("norm of the gradient", float(norm), self.trainer.fit_loop.batch_idx)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what `load_forecaster` needs, and whether training was told to stop.

        Args:
            checkpoint: what Lightning is about to save.
        """
        checkpoint["pdgn"] = checkpoint_header(self.description, self.config)
        checkpoint["stopped"] = bool(self._trainer is not None and self.trainer.should_stop)

    def predict_step(self, batch: Data, batch_idx: int = 0) -> Tensor:
        """Predicts the frames that the batch holds the truth of.

        Args:
            batch: samples in physical units.
            batch_idx: not used.

        Returns:
            [N, H, C] in physical units.
        """
        return self.forecast(batch, batch.y.size(1))

    def _diverged(self, what: str, value: float, batch_idx: int) -> TrainingDivergedError:
        settings = self.config.training
        return TrainingDivergedError(
            f"epoch {self.current_epoch + 1}, batch {batch_idx + 1}: wanted a finite {what}, given {value}; "
            "checkpoints of earlier epochs stay. "
            f"Try a smaller training.learning_rate (now {settings.learning_rate:g}), "
            f"a smaller training.clip (now {settings.clip}) or a shorter data.horizon (now {self.config.data.horizon})"
        )
