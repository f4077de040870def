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
from pdgn.training.diverged import TrainingDivergedError
from pdgn.training.draws import Draws
from pdgn.training.error_metrics import batch_errors, error_metrics
from pdgn.training.finite_guard import Diverged, FiniteGuard
from pdgn.training.header import checkpoint_header
from pdgn.training.loss import increment_error, reading_count
from pdgn.training.partitioned_rollout import partitioned_rollout
from pdgn.training.plateau import Plateau
from pdgn.training.randomness import PUSHED, STEP, keyed_generator
from pdgn.training.running_sums import RunningSums
from pdgn.training.schedule import learning_rate, truth_probability
from pdgn.training.share import Share, sum_over_processes
from pdgn.training.windows import Plans

LOOK_EVERY = 50  # steps between two looks at what the device found, where they are deferred


class Forecaster(LightningModule):
    """A model with its normalisation: physical units in, physical units out.

    Args:
        model: what steps forward, in normalised units.
        normalizer: physical ↔ normalised units.
        description: what a checkpoint says about both.
        config: how the model is optimised.

    Attributes:
        plans: which windows make up the batches; needed where several processes train.
        plateau: what the validations so far have made of the learning rate, for the schedule "plateau".
        defer_checks: look only now and then whether losses and gradients are finite, so that a step never waits for
            the device; None: on devices other than the CPU.
    """

    defer_checks: bool | None = None

    def __init__(
        self, model: ForecastModel, normalizer: Normalizer, description: ForecastDescription, config: RunConfig
    ) -> None:
        super().__init__()
        self.model = model
        self.normalizer = normalizer
        self.description = description
        self.config = config
        self.plans: Plans | None = None
        self.plateau: Plateau | None = None
        self._deferred = False
        self._guard = FiniteGuard("cpu")
        self._sums = RunningSums()

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
        """The loss of one batch: a roll-out that takes the truth with probability p(epoch) (scheduled sampling), of
        which the first frames may be without gradient (push-forward).

        Args:
            batch: samples in physical units.
            batch_idx: number of the batch in the epoch.

        Returns:
            The loss, [].

        Raises:
            TrainingDivergedError: it is not finite (where the check is not deferred).
        """
        data = self.normalizer.transform(batch)
        if self.plans is not None and not self.plans.train.counts(batch_idx):
            data.y_mask = torch.zeros_like(data.y_mask)
        pushed, last = self._graded_frames(batch_idx)
        data.y, data.y_mask = data.y[:, :last], data.y_mask[:, :last]
        prediction = self._training_roll_out(data, batch_idx, pushed)[:, pushed:]
        data.y, data.y_mask = data.y[:, pushed:], data.y_mask[:, pushed:]
        count = reading_count(data)
        total = increment_error(prediction, data)
        # DDP takes the mean of the gradients over the processes; their sum over the count of all is the batch's own.
        loss = total * Share.own().processes / sum_over_processes(count).clamp(min=1)
        self._last_loss = loss.detach()
        if not self._deferred:
            if not torch.isfinite(loss):
                raise self._diverged(Diverged("loss", loss.item(), batch_idx))
        elif self.config.training.precision == "16-mixed":  # the gradient scaler looks at the gradient
            self._guard.note(loss, torch.zeros_like(loss), batch_idx)
        self._sums.add("train total", total)
        self._sums.add("train count", count)
        return loss

    def _graded_frames(self, batch_idx: int) -> tuple[int, int]:
        """The first frame that the loss of a batch counts, and the one after the last; the same in all processes."""
        most, horizon = self.config.training.push_forward, self.config.data.horizon
        if most == 0:
            return 0, horizon
        generator = keyed_generator(PUSHED, self.config.seed, self.current_epoch, batch_idx)
        pushed = int(torch.randint(most + 1, (), generator=generator))
        return pushed, horizon - most + pushed

    def _training_roll_out(self, data: Data, batch_idx: int, pushed: int) -> Tensor:
        settings, epoch = self.config.training, self.current_epoch
        probability = truth_probability(epoch, settings.truth_decay)
        generator = keyed_generator(STEP, self.config.seed, epoch, batch_idx, device=data.y.device)
        options: dict[str, Any] = {
            "truth": data.y,
            "truth_mask": data.y_mask,
            "truth_probability": probability,
            "noise_std": settings.noise_std,
            "generator": generator,
        }
        if self.plans is not None and self.plans.train.share.processes > 1:
            spans = self.plans.train.spans(epoch, batch_idx, self.plans.nodes)
            draws = Draws.of(data, spans, settings.noise_std, probability, generator)
            data = draws.noisy(data, settings.noise_std)
            options = {
                "truth": data.y,
                "truth_mask": draws.truth_mask(data),
                "truth_probability": 1.0 if probability > 0 else 0.0,
            }
        if pushed > 0:
            options["push_forward"] = pushed
        return self._roll_out(data, **options)

    def _roll_out(self, data: Data, **options: Any) -> Tensor:
        """The frames of data.y, on parts of the batch where the config says so."""
        settings, steps = self.config.training, data.y.size(1)
        if settings.parts == 1:
            return rollout(self.model, data, steps, recompute=settings.recompute, **options)
        return partitioned_rollout(self.model, data, steps, parts=settings.parts, scratch=settings.scratch, **options)

    def on_train_batch_end(self, outputs: Any, batch: Data, batch_idx: int) -> None:
        """Looks, now and then and at the end of an epoch, whether a step was not finite.

        Args:
            outputs: not used.
            batch: not used.
            batch_idx: number of the batch in the epoch.

        Raises:
            TrainingDivergedError: one was not.
        """
        if self._deferred and (self.trainer.is_last_batch or batch_idx % LOOK_EVERY == LOOK_EVERY - 1):
            found = self._guard.first()
            if found:
                raise self._diverged(found)

    def validation_step(self, batch: Data, batch_idx: int) -> None:
        """Adds the errors of one batch of free roll-outs, in normalised and in physical units.

        Args:
            batch: samples in physical units.
            batch_idx: number of the batch.
        """
        data = self.normalizer.transform(batch)
        if self.plans is not None and not self.plans.valid.counts(batch_idx):
            data.y_mask = torch.zeros_like(data.y_mask)
        prediction = self._roll_out(data)
        for name, value in batch_errors(prediction, data, batch.y, self.normalizer).items():
            self._sums.add(name, value)

    def on_validation_epoch_end(self) -> None:
        """Logs the losses of the epoch, and MAE and RMSE in physical units, of each field where there are several."""
        sums = self._sums.take()
        if "train total" in sums:  # a validation of its own has no training before it
            loss = (sums["train total"] / sums["train count"]).float()
            self.log("train/loss", loss, prog_bar=True, logger=False)
        for name, value in error_metrics(sums, self.description.fields).items():
            self.log(name, value, prog_bar=name == "valid/loss", logger=False)

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
        factor = 1.0 if self.plateau is None else self.plateau.factor
        rate = learning_rate(self.current_epoch, settings.epochs, settings.learning_rate, settings.schedule, factor)
        for optimizer in self.trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate

    def setup(self, stage: str) -> None:
        """Decides, once the device is known, when losses and gradients are looked at.

        Args:
            stage: not used.
        """
        device = self.trainer.strategy.root_device
        self._deferred = device.type != "cpu" if self.defer_checks is None else self.defer_checks
        self._guard = FiniteGuard(device)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam over the model's weights.

        Returns:
            The optimiser.
        """
        settings = self.config.training
        return torch.optim.Adam(
            self.model.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=self._skips_on_device() or None,
        )

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clips the norm of the gradient and keeps one that is not finite from the weights.

        On a CPU it is refused at once; elsewhere the optimiser skips the step without waiting for the device, and
        `on_train_batch_end` refuses later. With 16-bit floats the gradient scaler handles it instead.

        Args:
            optimizer: told whether to skip.
            gradient_clip_val: largest norm; None: not clipped.
            gradient_clip_algorithm: not used.

        Raises:
            TrainingDivergedError: the norm is not finite.
        """
        limit = float("inf") if gradient_clip_val is None else gradient_clip_val
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        batch_idx = self.trainer.fit_loop.batch_idx
        if self._skips_on_device():
            optimizer.found_inf = self._guard.note(self._last_loss, norm, batch_idx)
        elif self.config.training.precision != "16-mixed" and not self._deferred and not torch.isfinite(norm):
            raise self._diverged(Diverged("norm of the gradient", float(norm), batch_idx))

    def _skips_on_device(self) -> bool:
        """Whether the optimiser itself skips steps, as fused ones do; the scaler of 16-bit floats wants another."""
        return self._deferred and self.config.training.precision != "16-mixed"

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keeps this device's kind of optimiser, whichever the checkpoint was written with.

        Args:
            checkpoint: what Lightning is about to load.
        """
        for state in checkpoint.get("optimizer_states", []):
            for group in state["param_groups"]:
                group["fused"] = self._skips_on_device() or None

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

    def _diverged(self, found: Diverged) -> TrainingDivergedError:
        settings = self.config.training
        return TrainingDivergedError(
            f"epoch {self.current_epoch + 1}, batch {found.batch + 1}: wanted a finite {found.what}, "
            f"given {found.value}; checkpoints of earlier epochs stay. "
            f"Try a smaller training.learning_rate (now {settings.learning_rate:g}), "
            f"a smaller training.clip (now {settings.clip}) or a shorter data.horizon (now {self.config.data.horizon})"
        )
