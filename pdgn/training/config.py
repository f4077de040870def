"""What a config file says: the typed form of configs/*.yaml."""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass, field
from typing import Any, Literal

from pdgn.models.options import unknown


@dataclass(frozen=True)
class DataConfig:
    """Which windows of which file the model sees.

    Args:
        file: the HDF5 dataset, as `pdgn generate` writes it.
        history: observed frames at the start of a window.
        horizon: frames to predict after them, in training and validation.
        train_history: observed frames of training windows, where they are others; null: history. A model without
            memory that is trained on single steps needs one.
        valid_horizon: frames to predict in validation, where they are others; null: horizon. A model that is trained
            on single steps can so be chosen by its roll-outs.
        stride: frames between the starts of two windows of one trajectory.
        fields: which fields, in this order; null: all fields of the file.
        node_context: what nodes know besides the signal, for example [pos, normal, log_mass].
        edge_context: what edges know besides the signal, for example [length, reference].
        forcing: inputs known at every frame, for example [hour_of_day].
    """

    file: str
    history: int
    horizon: int
    stride: int = 1
    train_history: int | None = None
    valid_horizon: int | None = None
    fields: list[str] | None = None
    node_context: list[str] = field(default_factory=list)
    edge_context: list[str] = field(default_factory=list)
    forcing: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("history", "horizon", "stride", "train_history", "valid_horizon"):
            value = getattr(self, name)
            _require(f"data.{name}", value is None or value >= 1, "an integer of at least 1", value)


@dataclass(frozen=True)
class TrainingConfig:
    """How the model is optimised (Adam).

    Args:
        epochs: passes over the training windows.
        batch_size: windows per step, from any of the meshes.
        learning_rate: step size of Adam at the start.
        weight_decay: L2 penalty on the weights.
        clip: largest norm of the gradient; null: not clipped.
        noise_std: standard deviation of the noise on observed frames, in units of the normalised signal.
        truth_decay: k of scheduled sampling, where the next input is the truth with probability
            k/(k + exp(epoch/k)); null: the model always continues from its own predictions.
        push_forward: K, below data.horizon. Of each batch k frames, drawn from 0 … K, are predicted first, without
            gradient and outside the loss, and then data.horizon - K frames with both: the model learns to go on from
            its own errors (but for the truth that truth_decay puts in their place) without the cost of unrolling them;
            0: the loss is of all frames. Needs training.parts = 1; models that are fitted in closed form ignore it.
        patience: stop after this many epochs without a better validation loss; null: never.
        schedule: learning rate over the epochs: "constant", "cosine" down to zero, or "plateau": halved after every
            quarter of the patience without a better validation loss.
        epoch_windows: windows per epoch, drawn anew for each; null: all. Smaller epochs are validated more often.
        valid_windows: how many validation windows are looked at, evenly spaced; null: all.
        workers: processes that read data; 0: the training process itself.
        precision: of the arithmetic; the mixed ones are for devices that have them ("bf16-mixed" also on CPUs with
            bfloat16 instructions, "16-mixed" on GPUs alone).
        recompute: keep only the state at the start of every step of the roll-out and run the step again in the backward
            pass: the memory of one step's activations for about a third more time; the same gradients.
        parts: cut every batch into so many parts of its graph, of equal size, and step through them in turn: the memory
            of one part's step (and of the states of all steps, unless scratch is given) for about a third more time
            and the halos; the same loss and gradients up to rounding. Needs pymetis.
        scratch: existing folder for a temporary file of these states; null: they stay in memory.
        accelerator: device; "auto" takes a GPU where there is one.
        processes: processes on each machine, each with a device of its own; every batch is dealt out to all of them, so
            batch_size must be a multiple of all processes, and the result is that of one process up to rounding.
        machines: machines that train together. Start the same command on each, with MASTER_ADDR, MASTER_PORT and
            NODE_RANK (0 on the machine of that address, then 1, 2, ...) in the environment; `output` must be on a disk
            that all of them share.
        max_minutes: stop at the end of the epoch that passes this time, interrupted parts counted; null: no limit.
        max_core_minutes: the same in processor time of the process, all its threads together, so that other work on the
            machine does not count; null: no limit.
    """

    epochs: int
    batch_size: int
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    clip: float | None = 1.0
    noise_std: float = 0.0
    truth_decay: float | None = None
    push_forward: int = 0
    patience: int | None = None
    schedule: Literal["constant", "cosine", "plateau"] = "constant"
    epoch_windows: int | None = None
    valid_windows: int | None = None
    workers: int = 0
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    recompute: bool = False
    parts: int = 1
    scratch: str | None = None
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    processes: int = 1
    machines: int = 1
    max_minutes: float | None = None
    max_core_minutes: float | None = None

    def __post_init__(self) -> None:
        counts = (
            "epochs",
            "batch_size",
            "patience",
            "parts",
            "processes",
            "machines",
            "epoch_windows",
            "valid_windows",
        )
        for name in counts:
            value = getattr(self, name)
            _require(f"training.{name}", value is None or value >= 1, "an integer of at least 1", value)
        for name in ("learning_rate", "clip", "truth_decay", "max_minutes", "max_core_minutes"):
            value = getattr(self, name)
            _require(f"training.{name}", value is None or 0 < value < float("inf"), "a positive number", value)
        for name in ("weight_decay", "noise_std", "workers"):
            value = getattr(self, name)
            _require(f"training.{name}", 0 <= value < float("inf"), "a number of at least 0", value)
        count = isinstance(self.push_forward, int) and self.push_forward >= 0
        _require("training.push_forward", count, "an integer of at least 0", self.push_forward)
        whole = self.parts == 1 or self.push_forward == 0
        _require("training.push_forward", whole, "0 with training.parts > 1", self.push_forward)
        plateau = self.schedule != "plateau" or self.patience is not None
        _require("training.patience", plateau, "an integer of at least 1 for the schedule 'plateau'", self.patience)
        if self.batch_size % self.all_processes:
            raise ValueError(
                f"training.batch_size: wanted a multiple of {self.all_processes}, as training.processes x "
                f"training.machines = {self.processes} x {self.machines} share each batch, given {self.batch_size}"
            )

    @property
    def all_processes(self) -> int:
        """Processes on all machines."""
        return self.processes * self.machines


@dataclass(frozen=True)
class EvaluationConfig:
    """What `pdgn evaluate` reports beside the model.

    Args:
        baselines: models to compare with; those with weights are trained after the model, with the same settings.
        horizon: frames to roll out; null: to the end of the test trajectories.
        stride: frames between the starts of two roll-outs of one trajectory; null: one roll-out per trajectory.
        figures: draw figures for the report.
        animation: among them one that moves: truth and predictions on the surface, frame by frame.
        modes: eigenfunctions of the surface's Laplace–Beltrami operator for the spectra; 0: no spectra.
        divergence_threshold: a roll-out counts as diverged from the step on where its relative L2 error passes this,
            or where a value is not finite.
    """

    baselines: list[str] = field(default_factory=lambda: ["persistence"])
    horizon: int | None = None
    stride: int | None = None
    figures: bool = True
    animation: bool = True
    modes: int = 128
    divergence_threshold: float = 10.0

    def __post_init__(self) -> None:
        for name in ("horizon", "stride"):
            value = getattr(self, name)
            _require(f"evaluation.{name}", value is None or value >= 1, "an integer of at least 1", value)
        _require("evaluation.modes", self.modes >= 0, "an integer of at least 0", self.modes)
        _require(
            "evaluation.divergence_threshold", self.divergence_threshold > 0, "a positive number",
            self.divergence_threshold,
        )  # fmt: skip


@dataclass(frozen=True)
class RunConfig:
    """One run of training, from data to checkpoint.

    Args:
        name: name of the run; its folder is OUTPUT/NAME.
        data: which windows of which file the model sees.
        model: name of the model and the options of its constructor.
        training: how the model is optimised.
        evaluation: what is compared with it.
        seed: every random draw follows from it.
        output: folder that holds the runs.
    """

    name: str
    data: DataConfig
    model: dict[str, Any]
    training: TrainingConfig
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    seed: int = 0
    output: str = "runs"

    def __post_init__(self) -> None:
        plain = bool(self.name) and self.name not in {".", ".."} and not set(self.name) & set('/\\:\0"<>|?*')
        _require("name", plain, "a plain folder name", self.name)
        _require("seed", 0 <= self.seed < 2**32, "an integer of at least 0 and less than 2**32", self.seed)
        named = isinstance(self.model.get("name"), str)
        _require("model.name", named, "the name of a model", self.model.get("name"))
        pushed, horizon = self.training.push_forward, self.data.horizon
        _require("training.push_forward", pushed < horizon, f"less than data.horizon = {horizon}", pushed)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RunConfig:
        """Builds a config from nested dictionaries, as YAML and checkpoints hold it.

        Args:
            values: {"name": ..., "data": {...}, "model": {...}, "training": {...}, ...}.

        Returns:
            The config, defaults filled in.

        Raises:
            ValueError: an unknown or a missing key, or a value out of range; the message names the key.
        """
        return _build(cls, values, "")

    def to_dict(self) -> dict[str, Any]:
        """The config as nested dictionaries of plain values.

        Returns:
            What `from_dict` reads.
        """
        return dataclasses.asdict(self)


def _require(key: str, condition: bool, wanted: str, given: Any) -> None:
    if not condition:
        raise ValueError(f"{key}: wanted {wanted}, given {given!r}")


def _build(cls: type, values: Any, prefix: str) -> Any:
    if not isinstance(values, dict):
        raise ValueError(f"{prefix.rstrip('.') or 'config'}: wanted keys and values, given {values!r}")
    known = {item.name: item for item in dataclasses.fields(cls)}
    for key in values:
        if key not in known:
            raise unknown(prefix.rstrip(".") or "config", key, known)
    hints = typing.get_type_hints(cls)
    arguments = {}
    for key, item in known.items():
        if key in values:
            nested = dataclasses.is_dataclass(hints[key])
            arguments[key] = _build(hints[key], values[key], f"{prefix}{key}.") if nested else values[key]
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            raise ValueError(f"{prefix}{key}: wanted a value, given none")
    return cls(**arguments)
