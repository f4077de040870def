"""Training without gradients: one pass over the data, then a solution for each penalty, of which validation chooses."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch_geometric.data import Batch

from pdgn.data import MeshDynamicsDataset, WindowLoader
from pdgn.models import ClosedFormModel, ForecastModel
from pdgn.rollout import rollout
from pdgn.training.batch_plan import PlanSampler
from pdgn.training.checkpoint_io import AtomicCheckpointIO
from pdgn.training.error_metrics import batch_errors, error_metrics
from pdgn.training.forecaster import Forecaster
from pdgn.training.metrics_log import MetricsLog
from pdgn.training.run_clock import RunClock
from pdgn.training.run_folder import TENSORBOARD, RunFolder
from pdgn.training.share import Share
from pdgn.training.windows import Windows, make_plans

NODES_PER_BATCH = 2**15


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
    if not isinstance(model, ClosedFormModel):
        return
    meshes = sorted({*windows.train.meshes, *windows.valid.meshes})
    if model.fixed_graph and len(meshes) > 1:
        shown = ", ".join(meshes[:4]) + (", ..." if len(meshes) > 4 else "")
        raise ValueError(
            f"model.name: wanted data on one mesh for {type(model).__name__}, whose weights belong to its nodes, given "
            f"{len(meshes)} ({shown})"
        )
    fit_windows(model, windows).close()


def fit_closed_form(forecaster: Forecaster, folder: RunFolder, windows: Windows) -> None:
    """Fits a model in closed form and keeps the solution with the lowest validation loss.

    The training windows are read once, in float64 sums whose size does not depend on their number. Then one solution
    for each penalty is rolled out over the validation windows. All of it is one epoch; a fit that was
    killed starts again. Where several processes train, each does the same; the work is on the CPU.

    Args:
        forecaster: its model is a :class:`~pdgn.models.ClosedFormModel`; gets the weights.
        folder: gets best.ckpt and last.ckpt (the same), metrics.csv with one row, tensorboard/.
        windows: training and validation.
    """
    model, clock = forecaster.model, RunClock()
    assert isinstance(model, ClosedFormModel)
    forecaster.eval()
    for batch in _batches(fit_windows(model, windows)):
        model.accumulate(forecaster.normalizer.transform(batch))
    row = _choose(forecaster, windows, clock)
    model.forget()
    row |= {"seconds": round(clock.seconds(), 2), "core_seconds": round(clock.core_seconds(), 2)}
    if Share.own().rank == 0:
        _write(forecaster, folder, row, clock)


def _choose(forecaster: Forecaster, windows: Windows, clock: RunClock) -> dict[str, float]:
    """Gives the model the solution with the lowest validation loss; returns its metrics, and the loss of each.

    The model's penalties are tried first, then a tenth and ten times the best of them.
    """
    model, tried = forecaster.model, dict[float, dict[str, float]]()
    assert isinstance(model, ClosedFormModel)
    for penalty in model.penalties:
        tried[penalty] = _try(forecaster, windows, penalty, clock)
    coarse = _best(tried)
    for penalty in (coarse / 10, coarse * 10):
        tried[penalty] = _try(forecaster, windows, penalty, clock)
    best = _best(tried)
    model.solve(best)
    losses = {f"valid/loss at penalty {penalty:g}": tried[penalty]["valid/loss"] for penalty in sorted(tried)}
    return {"penalty": best, **tried[best], **losses}


def _best(tried: dict[float, dict[str, float]]) -> float:
    """The penalty of the lowest loss; the largest where no loss is finite."""
    losses = {penalty: row["valid/loss"] for penalty, row in tried.items() if math.isfinite(row["valid/loss"])}
    return min(losses, key=losses.__getitem__) if losses else max(tried)


def _try(forecaster: Forecaster, windows: Windows, penalty: float, clock: RunClock) -> dict[str, float]:
    """The metrics of one solution; a loss of infinity where the penalty is too small to have one."""
    model = forecaster.model
    assert isinstance(model, ClosedFormModel)
    try:
        model.solve(penalty)
        metrics = _validate(forecaster, windows)
    except torch.linalg.LinAlgError:
        metrics = {"valid/loss": math.inf}
    if Share.own().rank == 0:
        print(f"penalty {penalty:g}  valid/loss {metrics['valid/loss']:.4g}  {clock.seconds():.1f} s", flush=True)
    return metrics


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


def _validate(forecaster: Forecaster, windows: Windows) -> dict[str, float]:
    """The metrics of free roll-outs over the validation windows that a run of gradients looks at."""
    plan = make_plans(windows, forecaster.config, Share()).valid
    sums: dict[str, torch.Tensor] = {}
    with torch.no_grad():
        for batch in WindowLoader(windows.valid, batch_size=plan.batch_size, sampler=PlanSampler(plan)):
            data = forecaster.normalizer.transform(batch)
            prediction = rollout(forecaster.model, data, data.y.size(1))
            for name, value in batch_errors(prediction, data, batch.y, forecaster.normalizer).items():
                sums[name] = sums.get(name, 0.0) + value.double()
    return {name: float(value) for name, value in error_metrics(sums, forecaster.description.fields).items()}
