"""Rolls a model and its baselines out on test trajectories and writes what came of it."""

from __future__ import annotations

import math
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from pdgn.data import SPLITS, DatasetFile, open_file
from pdgn.data.disk import write_bytes
from pdgn.evaluation.contestants import load_contestants
from pdgn.evaluation.metrics_file import read_metrics_file, write_metrics
from pdgn.evaluation.pictures import draw_pictures
from pdgn.evaluation.report import report_html
from pdgn.evaluation.rollout_windows import RolloutWindow, RolloutWindows, forecast_windows
from pdgn.evaluation.scores import WindowScores, score_window, summarise
from pdgn.evaluation.tables import Table, error_table, group_scores, shown_groups
from pdgn.training.checkpoint import read_checkpoint
from pdgn.training.device import choose_device
from pdgn.training.forecaster import Forecaster
from pdgn.version import __version__

PACKAGES = ("pdgn", "torch", "torch-geometric", "lightning", "numpy", "scipy", "h5py")
TABLED_MESHES = 8  # more would not fit a page; metrics.json has all


class Evaluation(NamedTuple):
    """What an evaluation found.

    Args:
        metrics: what metrics.json holds.
        tables: errors by seen and unseen surfaces, one table per channel, then by mesh.
        report: path of report.html.
    """

    metrics: dict[str, Any]
    tables: list[Table]
    report: Path


def evaluate(
    checkpoint: str | Path,
    data: str | Path | None = None,
    *,
    output: str | Path | None = None,
    device: str = "auto",
    progress: bool | None = None,
    overwrite: bool = False,
) -> Evaluation:
    """Rolls a model and the baselines of its config out over the test trajectories; writes metrics, figures and report.

    Every model sees the same windows through the same code. metrics.json, report.html and figures/*.png are each
    written whole or not at all.

    Args:
        checkpoint: best.ckpt or last.ckpt of a run.
        data: dataset file; by default the one of the config.
        output: folder for the results; by default that of the checkpoint.
        device: "auto", "cpu" or "cuda".
        progress: show a progress bar; by default where standard error is a terminal.
        overwrite: replace an evaluation on other data; one on the same data is always replaced.

    Raises:
        FileNotFoundError: the checkpoint, the data or a trained baseline is missing.
        ValueError: the data does not fit the model.
        FileExistsError: the folder holds an evaluation on other data.
        OSError: the output cannot be written.
    """
    contestants = load_contestants(checkpoint)
    forecaster = next(iter(contestants.values()))
    config = forecaster.config
    path = str(data if data is not None else config.data.file)
    folder = Path(output) if output is not None else Path(checkpoint).parent
    place = choose_device(device)
    settings = config.evaluation
    with RolloutWindows(path, config.data, settings.horizon, settings.stride) as windows:
        _require_units(windows, forecaster, path)
        if not overwrite:
            _refuse_other(folder / "metrics.json", path)
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        scores, seconds = {}, {}
        for name, contestant in contestants.items():
            began = time.perf_counter()
            scores[name] = _score(contestant.to(place), windows, settings.divergence_threshold, name, progress)
            seconds[name] = time.perf_counter() - began
        metrics = _describe(checkpoint, path, forecaster, windows, place)
        groups = _groups(windows, config.data.file, path)
        metrics["groups"] = {group: sorted(meshes) for group, meshes in groups.items()}
        metrics["models"] = {
            name: _model_scores(contestants[name], scores[name], metrics["groups"], windows, seconds[name])
            for name in contestants
        }
        write_metrics(folder / "metrics.json", metrics)
        tables = _tables(metrics)
        run = Path(checkpoint).parent
        pictures = draw_pictures(metrics, windows, forecaster, scores, run) if settings.figures else []
    for picture in pictures:
        write_bytes(folder / "figures" / f"{picture.name}.png", picture.png)
    report = folder / "report.html"
    write_bytes(report, report_html(metrics, tables, pictures).encode())
    return Evaluation(metrics, tables, report)


def _score(
    forecaster: Forecaster, windows: RolloutWindows, threshold: float, name: str, progress: bool | None
) -> list[WindowScores]:
    """The scores of every window, in the order of ``windows.windows``."""
    found: dict[RolloutWindow, WindowScores] = {}
    shown = sys.stderr.isatty() if progress is None else progress
    with tqdm(total=len(windows.windows), desc=f"rolling out {name}", unit="window", disable=not shown) as bar:
        for chosen, batch in windows.batches():
            predictions = forecast_windows(forecaster, batch, chosen[0].steps)
            for window, data, prediction in zip(chosen, batch.cpu().to_data_list(), predictions, strict=True):
                known = bool(data.x_mask[:, -1].all())
                found[window] = score_window(
                    prediction, data.y.numpy(), data.y_mask.numpy(), data.mass.numpy(),
                    data.x[:, -1].numpy() if known else None, time=windows.time(window), threshold=threshold,
                    source=(*window.key, window.start),
                )  # fmt: skip
            bar.update(len(chosen))
    return [found[window] for window in windows.windows]


def _groups(windows: RolloutWindows, trained_on: str, path: str) -> dict[str, set[str]]:
    """Which meshes make up each group: "seen" ones have training trajectories, "unseen" ones have none."""
    meshes = windows.dataset.meshes
    seen = {mesh for mesh in meshes if windows.dataset.mesh_group(mesh) == "seen"}
    if Path(path).resolve() != Path(trained_on).resolve() and Path(trained_on).is_file():
        seen = _trained_meshes(windows, trained_on)
    groups = {"seen": seen, "unseen": set(meshes) - seen, "all": set(meshes)}
    groups |= {f"mesh:{mesh}": {mesh} for mesh in meshes}
    return {group: members for group, members in groups.items() if members}


def _trained_meshes(windows: RolloutWindows, trained_on: str) -> set[str]:
    """The meshes of another file that the training file has too, with training trajectories."""
    found = set()
    with open_file(trained_on) as file:
        for mesh in set(windows.dataset.meshes) & set(file.mesh_names):
            table = file.trajectories(mesh)
            same = np.array_equal(file.record(mesh).pos, windows.dataset.record(mesh).pos)
            if same and table is not None and (table.split == "train").any():
                found.add(mesh)
    return found


def _model_scores(
    forecaster: Forecaster,
    scores: Sequence[WindowScores],
    groups: Mapping[str, Sequence[str]],
    windows: RolloutWindows,
    seconds: float,
) -> dict[str, Any]:
    channels = windows.dataset.channel_names
    return {
        "parameters": sum(parameter.numel() for parameter in forecaster.model.parameters()),
        "options": {key: value for key, value in forecaster.description.model.items() if key != "name"},
        "seconds": seconds,
        "groups": {
            group: summarise([score for score in scores if score.mesh in meshes], channels)
            for group, meshes in groups.items()
        },
    }


def _require_units(windows: RolloutWindows, forecaster: Forecaster, path: str) -> None:
    for field in forecaster.description.fields:
        given = windows.dataset.unit.get(field.name)
        if given != field.unit:
            raise ValueError(f"{path}: field '{field.name}': wanted [{field.unit}] as in training, given [{given}]")
    wanted, dataset = forecaster.description, windows.dataset
    unit = dataset.time_axis.unit
    if unit != wanted.time_unit or not math.isclose(dataset.dt, wanted.dt, rel_tol=1e-6):  # times are often rounded
        raise ValueError(
            f"{path}: time step: wanted {wanted.dt:g} {wanted.time_unit} as in training, given {dataset.dt:g} {unit}"
        )


def _refuse_other(earlier: Path, path: str) -> None:
    """An evaluation on other data would be lost."""
    if not earlier.is_file():
        return
    try:
        other = read_metrics_file(earlier)["data"]
    except (ValueError, KeyError):  # of another schema, or damaged
        return
    with open_file(path) as file:
        if file.attributes["config_hash"] != other["config_hash"]:
            raise FileExistsError(
                f"{earlier}: holds an evaluation on {other['file']}; give another --output, or --overwrite"
            )


def _describe(
    checkpoint: str | Path, path: str, forecaster: Forecaster, windows: RolloutWindows, device: torch.device
) -> dict[str, Any]:
    """Everything in metrics.json but the scores."""
    config, dataset = forecaster.config, windows.dataset
    with open_file(path) as file:
        attributes = file.attributes
        meshes = {name: _mesh_counts(file, name) for name in file.mesh_names}
    return {
        "name": config.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "pdgn_version": __version__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU ({platform.machine()})",
        "versions": {name: version(name) for name in PACKAGES},
        "checkpoint": {"file": str(checkpoint), "epoch": _epoch(checkpoint)},
        "data": {
            "file": path,
            "name": str(attributes["name"]),
            "description": str(attributes["description"]),
            "config_hash": str(attributes["config_hash"]),
        },
        "config": config.to_dict(),
        "evaluation": asdict(config.evaluation),
        "history": config.data.history,
        "horizon": config.evaluation.horizon,
        "divergence_threshold": config.evaluation.divergence_threshold,
        "time_step": dataset.dt,
        "units": {
            "channels": dict(zip(dataset.channel_names, dataset.channel_units, strict=True)),
            "time": dataset.time_axis.unit,
            "length": dataset.record(dataset.meshes[0]).unit,
        },
        "meshes": meshes,
    }


def _mesh_counts(file: DatasetFile, name: str) -> dict[str, int]:
    table = file.trajectories(name)
    splits = [] if table is None else table.split.tolist()
    return {"nodes": file.record(name).num_nodes, **{split: splits.count(split) for split in SPLITS}}


def _epoch(checkpoint: str | Path) -> int | None:
    epoch = read_checkpoint(checkpoint).get("epoch")
    return None if epoch is None else int(epoch) + 1


def _tables(metrics: Mapping[str, Any]) -> list[Table]:
    """One table per channel of seen and unseen surfaces, then one per channel of every mesh."""
    meshes = [group for group in metrics["groups"] if group.startswith("mesh:")]
    units, scores = metrics["units"]["channels"].items(), group_scores(metrics)
    tables = [error_table(scores, shown_groups(metrics["groups"]), channel, unit) for channel, unit in units]
    if 1 < len(meshes) <= TABLED_MESHES:
        tables += [error_table(scores, meshes, channel, unit, ("mae", "relative_l2")) for channel, unit in units]
    return tables
