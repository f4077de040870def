"""Training without gradients: one pass over the data, then a solution for each penalty, of which validation chooses."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch_geometric.data import Batch

from pdgn.data import MeshDynamicsDataset, WindowLoader
from pdgn.models import ClosedFormModel, ForecastModel, SensorEnsemble
from pdgn.rollout import rollout
from pdgn.training.batch_plan import PlanSampler
from pdgn.training.checkpoint_io import AtomicCheckpointIO
from pdgn.training.error_metrics import batch_errors, error_metrics
from pdgn.training.error_moments import ErrorMoments
from pdgn.training.forecaster import Forecaster
from pdgn.training.metrics_log import MetricsLog
from pdgn.training.mixture import AbsoluteErrors, mixtures
from pdgn.training.run_clock import RunClock
from pdgn.training.run_folder import TENSORBOARD, RunFolder
from pdgn.training.share import Share
from pdgn.training.windows import Windows, make_plans

NODES_PER_BATCH = 2**15
SMALLEST = 1e-20  # of the penalties: far below what float64 tells from none


def fitted_parts(model: ForecastModel) -> dict[str, ClosedFormModel]:
    """What of a model is fitted in closed form, by name; nothing of one that is trained by gradients."""
    if isinstance(model, ClosedFormModel):
        return {"": model}
    return model.parts() if isinstance(model, SensorEnsemble) else {}


def fit_windows(model: ClosedFormModel, windows: Windows) -> MeshDynamicsDataset:
    """The training windows of a closed-form fit: all of them, one frame apart, as short as the model can use.

    Args:
        model: that is fitted.
        windows: of the run. Direct forecasts are fitted to the horizon that validation looks at.

    Raises:
        ValueError: training trajectories that are shorter.
    """
    train = windows.train
    history, horizon = model.fit_window(windows.valid.history, windows.valid.horizon)
    return MeshDynamicsDataset(
        train.path, "train", history=history, horizon=horizon, fields=train.fields, context=train.context
    )


def require_fit(model: ForecastModel, windows: Windows) -> None:
    """Refuses what a closed-form fit cannot do; nothing is looked at for other models.

    Args:
        model: that is trained. windows: on which.

    Raises:
        ValueError: several meshes for weights that belong to the nodes of one, or trajectories that are too short.
    """
    parts = fitted_parts(model).values()
    meshes = sorted({*windows.train.meshes, *windows.valid.meshes})
    if any(part.fixed_graph for part in parts) and len(meshes) > 1:
        shown = ", ".join(meshes[:4]) + (", ..." if len(meshes) > 4 else "")
        raise ValueError(
            f"model.name: wanted data on one mesh for {type(model).__name__}, whose weights belong to its nodes, given "
            f"{len(meshes)} ({shown})"
        )
    for part in parts:
        fit_windows(part, windows).close()


def fit_closed_form(forecaster: Forecaster, folder: RunFolder, windows: Windows) -> None:
    """Fits a model in closed form and keeps the solution with the lowest validation loss.

    The training windows are read once for each part of the model, in float64 sums whose size does not depend on their
    number. Then one solution for each penalty is rolled out over the validation windows. The parts of an ensemble are
    fitted one after the other, and then mixed by what they err on the validation windows. All of it is one epoch; a
    fit that was killed starts again. Where several processes train, each does the same; the work is on the CPU.

    Args:
        forecaster: its model has parts that are fitted (:func:`fitted_parts`); gets the weights.
        folder: gets best.ckpt and last.ckpt (the same), metrics.csv with one row, tensorboard/.
        windows: training and validation.
    """
    model, clock = forecaster.model, RunClock()
    forecaster.eval()
    rows = {name: _fit(part, name, forecaster, windows, clock) for name, part in fitted_parts(model).items()}
    if isinstance(model, SensorEnsemble):
        row = _mix(model, forecaster, windows, clock)
        row |= {f"{name} {key}": rows[name][key] for name in rows for key in ("penalty", "valid/loss")}
    else:
        row = rows[""]
    row |= {"seconds": round(clock.seconds(), 2), "core_seconds": round(clock.core_seconds(), 2)}
    if Share.own().rank == 0:
        _write(forecaster, folder, row, clock)


def _fit(
    model: ClosedFormModel, name: str, forecaster: Forecaster, windows: Windows, clock: RunClock
) -> dict[str, float]:
    """Gives a model the solution with the lowest validation loss; returns its metrics, and the loss of each."""
    for batch in _batches(fit_windows(model, windows)):
        model.accumulate(forecaster.normalizer.transform(batch))

    def attempt(penalty: float) -> dict[str, float]:
        try:
            model.solve(penalty)
            metrics = _validate(model, forecaster, windows)
        except torch.linalg.LinAlgError:  # a penalty too small to have a solution
            metrics = {"valid/loss": math.inf}
        _tell(f"{name}{', ' if name else ''}penalty {penalty:g}", metrics, clock)
        return metrics

    row = _choose(model, attempt)
    model.forget()
    return row


def _choose(model: ClosedFormModel, attempt: Callable[[float], dict[str, float]]) -> dict[str, float]:
    """The model's penalties are tried first, then a tenth and ten times the best, and smaller ones while they help."""
    tried = {penalty: attempt(penalty) for penalty in model.penalties}
    coarse = _best(tried)
    tried |= {penalty: attempt(penalty) for penalty in (coarse / 10, coarse * 10)}
    while (best := _best(tried)) == min(tried) and best > SMALLEST:
        tried[best / 10] = attempt(best / 10)
    model.solve(best)
    losses = {f"valid/loss at penalty {penalty:g}": tried[penalty]["valid/loss"] for penalty in sorted(tried)}
    return {"penalty": best, **tried[best], **losses}


@torch.no_grad()
def _mix(model: SensorEnsemble, forecaster: Forecaster, windows: Windows, clock: RunClock) -> dict[str, float]:
    """Gives an ensemble of fitted members their weights; returns its metrics, and how it was mixed."""
    parts = list(model.parts().values())
    total = make_plans(windows, forecaster.config, Share()).valid.windows

    def forecasts() -> Iterator[tuple[list[torch.Tensor], Batch]]:
        for batch, _ in _validation(forecaster, windows):
            yield [rollout(part, batch, batch.y.size(1)) for part in parts], batch

    moments = ErrorMoments(len(parts), windows.valid.horizon, total)
    for predictions, batch in forecasts():
        moments.add(predictions, batch)
    errors = AbsoluteErrors(mixtures(moments.sums, moments.absolute), total)
    for predictions, batch in forecasts():
        errors.add(predictions, batch)
    mixture, left_out = errors.best()
    model.mix(mixture.weight)
    metrics = _validate(model, forecaster, windows)
    _tell("mixture", metrics, clock)
    weights = {f"{name} weight": float(mixture.weight[:, place].mean()) for place, name in enumerate(model.parts())}
    how = {"shrinkage": mixture.shrinkage, "lead_groups": float(mixture.groups), "left_out_error": left_out}
    return {**metrics, **how, **weights}


def _best(tried: dict[float, dict[str, float]]) -> float:
    """The penalty of the lowest loss; the largest where no loss is finite."""
    losses = {penalty: row["valid/loss"] for penalty, row in tried.items() if math.isfinite(row["valid/loss"])}
    return min(losses, key=losses.__getitem__) if losses else max(tried)


def _tell(what: str, metrics: dict[str, float], clock: RunClock) -> None:
    if Share.own().rank == 0:
        print(f"{what}  valid/loss {metrics['valid/loss']:.4g}  {clock.seconds():.1f} s", flush=True)


def _write(forecaster: Forecaster, folder: RunFolder, row: dict[str, float], clock: RunClock) -> None:
    """What Lightning would write after its only epoch; last.ckpt comes last."""
    MetricsLog(folder.metrics).log_metrics(row, step=1)
    board = TensorBoardLogger(str(folder.path), name=TENSORBOARD, version="")
    board.log_metrics(row, step=1)
    board.finalize("success")
    checkpoint = {"state_dict": forecaster.state_dict(), "epoch": 0, "callbacks": {"RunClock": clock.state_dict()}}
    forecaster.on_save_checkpoint(checkpoint)
    for path in (folder.best, folder.last):
        AtomicCheckpointIO().save_checkpoint(checkpoint | {"stopped": True}, path)


def _batches(dataset: MeshDynamicsDataset) -> Iterator[Batch]:
    largest = max(dataset.record(mesh).num_nodes for mesh in dataset.meshes)
    yield from WindowLoader(dataset, batch_size=max(1, NODES_PER_BATCH // largest))
    dataset.close()


def _validation(forecaster: Forecaster, windows: Windows) -> Iterator[tuple[Batch, torch.Tensor]]:
    """Normalised batches of the validation windows that a run of gradients looks at, each with its truth in units."""
    plan = make_plans(windows, forecaster.config, Share()).valid
    for batch in WindowLoader(windows.valid, batch_size=plan.batch_size, sampler=PlanSampler(plan)):
        yield forecaster.normalizer.transform(batch), batch.y


@torch.no_grad()
def _validate(model: ForecastModel, forecaster: Forecaster, windows: Windows) -> dict[str, float]:
    """The metrics of free roll-outs."""
    sums: dict[str, torch.Tensor] = {}
    for data, truth in _validation(forecaster, windows):
        prediction = rollout(model, data, data.y.size(1))
        for name, value in batch_errors(prediction, data, truth, forecaster.normalizer).items():
            sums[name] = sums.get(name, 0.0) + value.double()
    return {name: float(value) for name, value in error_metrics(sums, forecaster.description.fields).items()}
