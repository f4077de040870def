"""Training, from a config to a folder of checkpoints and logs."""

from __future__ import annotations

import copy
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy

from pdgn.data import Normalizer, WindowLoader
from pdgn.models import ForecastModel, build_model
from pdgn.training.bfloat16 import SLOW, bfloat16_ratio
from pdgn.training.checkpoint import read_checkpoint
from pdgn.training.checkpoint_io import AtomicCheckpointIO
from pdgn.training.closed_form import fit_closed_form, fitted_parts, require_fit
from pdgn.training.config import RunConfig, TrainingConfig
from pdgn.training.description import ForecastDescription
from pdgn.training.epoch_report import EpochReport
from pdgn.training.forecaster import Forecaster
from pdgn.training.launcher import own_ranks, run_processes
from pdgn.training.metrics_log import MetricsLog
from pdgn.training.partition_checks import require_parts
from pdgn.training.parts import baseline_configs, resolve
from pdgn.training.plateau import Plateau
from pdgn.training.quiet import quiet_lightning
from pdgn.training.rank import require_devices
from pdgn.training.run_checkpoint import RunCheckpoint
from pdgn.training.run_clock import RunClock
from pdgn.training.run_folder import TENSORBOARD, RunFolder
from pdgn.training.share import Share
from pdgn.training.windows import Windows, describe, make_loaders, make_plans, open_windows, require_test_horizon


def train(config: RunConfig, *, overwrite: bool = False) -> Path:
    """Trains the model of a config and then its baselines that have weights.

    An interrupted run of the same config continues from its last checkpoint and ends, on a CPU, with the same weights,
    bit for bit, as one that was never interrupted. With training.processes or training.machines above 1 it starts
    further processes (`launcher`); the course of the loss is that of one process up to rounding.

    Args:
        config: the run.
        overwrite: remove an earlier run of that name first.

    Returns:
        The folder: config.yaml, best.ckpt, last.ckpt, metrics.csv, tensorboard/, and one such folder per baseline.

    Raises:
        FileNotFoundError: no such data file.
        FileExistsError: the folder holds a finished run, one of another config, or something else.
        TrainingDivergedError: a loss became NaN or infinite.
        ValueError: a value of the config does not fit the data or the model.
        OSError: the folder cannot be written, or (ChildProcessError) one of several processes was killed.
    """
    config = resolve(config)
    require_devices(config.training)
    windows = open_windows(config)
    require_test_horizon(config)
    description = describe(windows.train, config)
    parts = [config, *baseline_configs(config)]
    for part in parts:
        model = _build(part, description)  # what is refused must not cost the earlier run
        require_parts(model, windows, part)
        require_fit(model, windows)
    folders = [folder_of(part) for part in parts]
    ranks = own_ranks(config)
    if ranks[0].machine > 0:  # machine 0 keeps the folder
        if not overwrite:
            _require_unfinished(folders)
        run_processes(config, ranks)
        return folders[0].path
    with folders[0].claimed(overwrite=overwrite):
        folders[0].create(config)
        _require_unfinished(folders)
        if config.training.all_processes > 1:
            run_processes(config, ranks)
        else:
            train_parts(config, bar=sys.stdout.isatty())
    return folders[0].path


def train_parts(config: RunConfig, *, bar: bool) -> None:
    """Trains those models of a run that are not finished; every process that trains calls it.

    Args:
        config: the resolved config; its folder is there.
        bar: show a progress bar.

    Raises:
        as `train`.
    """
    unfinished = [part for part in [config, *baseline_configs(config)] if folder_of(part).state() != "finished"]
    windows = open_windows(config)
    description = describe(windows.train, config)
    normalizer = Normalizer.fit(windows.train)
    for part in unfinished:
        if Share.own().rank == 0:
            folder_of(part).create(part)
        part_description = replace(description, model=part.model)
        forecaster = Forecaster(_build(part, description), copy.deepcopy(normalizer), part_description, part)
        _fit(forecaster, folder_of(part), windows, bar)


def _require_unfinished(folders: list[RunFolder]) -> None:
    if all(folder.state() == "finished" for folder in folders):
        raise FileExistsError(f"{folders[0].path}: holds a finished run; choose another --name, or --overwrite it")


def folder_of(config: RunConfig) -> RunFolder:
    """The folder of one model's training.

    Args:
        config: its config.
    """
    return RunFolder(Path(config.output) / config.name)


def _build(config: RunConfig, description: ForecastDescription) -> ForecastModel:
    """The model of a config, its weights drawn from the seed."""
    options = dict(config.model)
    lightning.seed_everything(config.seed, verbose=False)
    return build_model(options.pop("name"), description.channels, **options)


def _fit(forecaster: Forecaster, folder: RunFolder, windows: Windows, bar: bool) -> None:
    """Trains one model to its end, from its last checkpoint where there is one."""
    config, share = forecaster.config, Share.own()
    if not forecaster.model.trainable:
        if share.rank == 0:
            _keep_untrained(forecaster, folder)
        return
    if fitted_parts(forecaster.model):
        _fit_closed_form(forecaster, folder, windows)
        return
    earlier = read_checkpoint(folder.last) if folder.last.exists() else None
    epoch = earlier["epoch"] + 1 if earlier else 0
    if earlier:
        _require_same_data(forecaster, earlier, folder)
    weights = sum(parameter.numel() for parameter in forecaster.model.parameters())
    what = f"{config.model['name']} with {weights:,} weights on {len(windows.train)} windows"
    begins = f"continues after epoch {epoch} of {config.training.epochs}" if earlier else "begins"
    together = f" in {share.processes} processes" if share.processes > 1 else ""
    if share.rank == 0:
        print(f"{folder.path}: {begins}, {what}{together}", flush=True)
    if not (earlier and (earlier["stopped"] or epoch >= config.training.epochs)):
        with quiet_lightning():
            trainer = _trainer(forecaster, folder, epoch, bar)
            if share.rank == 0 and trainer.strategy.root_device.type == "cpu":
                _say_if_slow(config.training.precision)
            forecaster.plans = make_plans(windows, config, share)
            loaders = make_loaders(windows, forecaster.plans, config, epoch)
            _run(trainer, forecaster, loaders, folder.last if earlier else None)
        epoch = trainer.current_epoch
    if share.rank == 0:
        folder.finish(f"{epoch} epochs, {why_ended(read_checkpoint(folder.last), config.training)}")


def _say_if_slow(precision: str) -> None:
    if precision == "bf16-mixed" and (ratio := bfloat16_ratio()) > SLOW:
        how = f"a product takes {ratio:.0f} times as long in bfloat16 as in float32 on this processor"
        print(f"training.precision: bf16-mixed: {how}; 32-true is faster", file=sys.stderr, flush=True)


def _fit_closed_form(forecaster: Forecaster, folder: RunFolder, windows: Windows) -> None:
    """Trains a model that needs no gradient; one that was killed starts again."""
    shown = Share.own().rank == 0
    if shown:
        name = forecaster.config.model["name"]
        print(f"{folder.path}: begins, {name}, in closed form, on {len(windows.train)} windows", flush=True)
    fit_closed_form(forecaster, folder, windows)
    if shown:
        folder.finish("1 epoch, closed form")


def _keep_untrained(forecaster: Forecaster, folder: RunFolder) -> None:
    """The checkpoints of a model without weights, so that it is evaluated as the others are."""
    checkpoint: dict[str, Any] = {"state_dict": forecaster.state_dict(), "epoch": -1, "stopped": True, "callbacks": {}}
    forecaster.on_save_checkpoint(checkpoint)
    for path in (folder.best, folder.last):
        AtomicCheckpointIO().save_checkpoint(checkpoint | {"stopped": True}, path)
    print(f"{folder.path}: {forecaster.config.model['name']} has no weights, nothing to train", flush=True)
    folder.finish("0 epochs, untrained")


def why_ended(checkpoint: dict[str, Any], settings: TrainingConfig) -> Literal["patience", "time", "epochs"]:
    """What ended a run.

    Args:
        checkpoint: its last one.
        settings: of the run.

    Returns:
        "patience": validation had stopped improving; "time": a limit on time came first; "epochs": neither.
    """
    callbacks = checkpoint["callbacks"]
    stopping = next((state for name, state in callbacks.items() if name.startswith("EarlyStopping")), None)
    if stopping is not None and stopping["wait_count"] >= stopping["patience"]:
        return "patience"
    clock = RunClock(settings.max_minutes, settings.max_core_minutes)
    clock.load_state_dict(callbacks["RunClock"])
    return "time" if checkpoint["stopped"] and clock.passed() else "epochs"


def _run(
    trainer: lightning.Trainer,
    forecaster: Forecaster,
    loaders: tuple[WindowLoader, WindowLoader],
    checkpoint: Path | None,
) -> None:
    """`trainer.fit`, with an interruption by the user as Python's own KeyboardInterrupt again."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(forecaster, *loaders, ckpt_path=checkpoint, weights_only=True)
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            signal.signal(signal.SIGINT, handler)  # Lightning ignores the signal from its first arrival on
            raise KeyboardInterrupt from None
        raise


def _trainer(forecaster: Forecaster, folder: RunFolder, epoch: int, bar: bool) -> lightning.Trainer:
    settings = forecaster.config.training
    clock = RunClock(settings.max_minutes, settings.max_core_minutes)
    report = EpochReport(clock, settings.truth_decay, forecaster.metric_units())
    callbacks: list[Callback] = [clock, report, RunCheckpoint(folder.path)]
    if settings.patience is not None:
        callbacks.append(EarlyStopping("valid/loss", patience=settings.patience, check_finite=False))
        if settings.schedule == "plateau":
            forecaster.plateau = Plateau(max(1, settings.patience // 4))
            callbacks.append(forecaster.plateau)
    if bar:
        callbacks.append(TQDMProgressBar())
    return lightning.Trainer(
        accelerator=settings.accelerator,
        **_distribution(settings),
        precision=settings.precision,
        max_epochs=settings.epochs,
        gradient_clip_val=settings.clip,
        callbacks=callbacks,
        logger=[
            MetricsLog(folder.metrics, epoch),
            TensorBoardLogger(str(folder.path), name=TENSORBOARD, version="", purge_step=epoch + 1),
        ],
        default_root_dir=str(folder.path),
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_progress_bar=bar,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def _distribution(settings: TrainingConfig) -> dict[str, Any]:
    """How Lightning spreads the work: the processes are there already, and have joined."""
    if settings.all_processes == 1:
        return {"devices": 1, "plugins": [AtomicCheckpointIO()]}
    return {
        "devices": settings.processes,
        "num_nodes": settings.machines,
        # A step may leave weights without a gradient: the update of a state after the last frame is not used.
        "strategy": DDPStrategy(find_unused_parameters=True, broadcast_buffers=False, gradient_as_bucket_view=True),
        "plugins": [AtomicCheckpointIO(), LightningEnvironment()],
    }


def _require_same_data(forecaster: Forecaster, earlier: dict[str, Any], folder: RunFolder) -> None:
    """Refuses to continue on data that has changed under an interrupted run."""
    for name, value in forecaster.normalizer.state_dict().items():
        stored = earlier["state_dict"].get(f"normalizer.{name}")
        if stored is None or not torch.equal(stored, value.cpu()):
            raise ValueError(
                f"{folder.path}: wanted the data that the interrupted run began with, given "
                f"{forecaster.config.data.file} with another normalisation ({name}); --overwrite to start again"
            )
