"""The windows of data that a run trains and validates on."""

from __future__ import annotations

from typing import Any, NamedTuple

from pdgn.data import Context, MeshDynamicsDataset, WindowLoader, open_file
from pdgn.models import Channels
from pdgn.training.batch_plan import BatchPlan, PlanSampler, window_nodes
from pdgn.training.config import RunConfig
from pdgn.training.description import FieldDescription, ForecastDescription
from pdgn.training.share import Share


class Windows(NamedTuple):
    """Training and validation windows of one file.

    Args:
        train: windows of the split "train".
        valid: windows of the split "valid".
    """

    train: MeshDynamicsDataset
    valid: MeshDynamicsDataset


def open_windows(config: RunConfig) -> Windows:
    """Opens the file of a config.

    Args:
        config: the resolved config.

    Returns:
        Its windows.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a split without windows, a field or a context that the file does not have.
    """
    data = config.data
    context = Context(node=data.node_context, edge=data.edge_context, forcing=data.forcing)
    train, valid = (
        MeshDynamicsDataset(
            data.file,
            split,
            history=history,
            horizon=horizon,
            stride=data.stride,
            fields=data.fields,
            context=context,
        )
        for split, history, horizon in (
            ("train", data.train_history or data.history, data.horizon),
            ("valid", data.history, data.valid_horizon or data.horizon),
        )
    )
    return Windows(train, valid)


def require_test_horizon(config: RunConfig) -> None:
    """Refuses before training a roll-out that evaluation would refuse after it; a file without test data may pass.

    Args:
        config: the resolved config.

    Raises:
        ValueError: evaluation.horizon is longer than the test trajectories.
    """
    if config.evaluation.horizon is None:
        return
    with open_file(config.data.file) as file:
        tables = [table for name in file.mesh_names if (table := file.trajectories(name)) is not None]
    frames = min((len(table.time) for table in tables if (table.split == "test").any()), default=None)
    if frames is not None and config.data.history + config.evaluation.horizon > frames:
        raise ValueError(
            f"evaluation.horizon: wanted at most {frames - config.data.history}, as test trajectories of "
            f"{config.data.file} have {frames} frames and {config.data.history} are observed, "
            f"given {config.evaluation.horizon}"
        )


def describe(windows: MeshDynamicsDataset, config: RunConfig) -> ForecastDescription:
    """What a model trained on these windows has to remember.

    Args:
        windows: the training windows.
        config: the resolved config.

    Returns:
        The description.
    """
    names = [name.partition("[")[0] for name in windows.channel_names]
    lengths = [float(windows.record(mesh).edge["length"].mean()) for mesh in windows.meshes]
    return ForecastDescription(
        model=dict(config.model),
        channels=Channels(*windows.channels),
        context=windows.context,
        fields=tuple(FieldDescription(name, windows.unit[name], names.count(name)) for name in windows.fields),
        history=config.data.history,
        dt=windows.dt,
        time_unit=windows.time_axis.unit,
        edge_length=(min(lengths), max(lengths)),
    )


class Plans(NamedTuple):
    """The batches of the training and of the validation windows.

    Args:
        train: of the windows of the split "train".
        valid: of the windows of the split "valid".
        nodes: number of nodes of every training window; empty where one process trains alone.
    """

    train: BatchPlan
    valid: BatchPlan
    nodes: list[int]


def make_plans(windows: Windows, config: RunConfig, share: Share) -> Plans:
    """Deals the windows out, those for training in an order keyed by (seed, epoch).

    Args:
        windows: what is dealt out.
        config: the resolved config.
        share: the part of this process.

    Returns:
        Training and validation batches.
    """
    settings = config.training
    return Plans(
        train=BatchPlan(len(windows.train), settings.batch_size, share, config.seed, settings.epoch_windows),
        valid=BatchPlan(len(windows.valid), settings.batch_size, share, limit=settings.valid_windows),
        nodes=window_nodes(windows.train) if share.processes > 1 else [],
    )


def make_loaders(windows: Windows, plans: Plans, config: RunConfig, epoch: int) -> tuple[WindowLoader, WindowLoader]:
    """Loaders of this process's part of every batch.

    Args:
        windows: what is loaded.
        plans: its batches.
        config: the resolved config.
        epoch: epochs completed before the first pass.

    Returns:
        Training and validation loader.
    """
    settings = config.training
    options: dict[str, Any] = {
        "batch_size": settings.batch_size // settings.all_processes,
        "num_workers": settings.workers,
        "persistent_workers": settings.workers > 0,
    }
    return (
        WindowLoader(windows.train, sampler=PlanSampler(plans.train, epoch), **options),
        WindowLoader(windows.valid, sampler=PlanSampler(plans.valid), **options),
    )
