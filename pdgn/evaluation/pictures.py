"""All figures of one evaluation, as PNG with their captions."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch_geometric.data import Batch

from pdgn.evaluation.example import Example
from pdgn.evaluation.line_figures import drift_figure, group_label, horizon_figure, training_figure
from pdgn.evaluation.palette import RESOLUTION, model_label
from pdgn.evaluation.report import Picture
from pdgn.evaluation.rollout_windows import RolloutWindow, RolloutWindows, forecast_windows
from pdgn.evaluation.scores import WindowScores
from pdgn.evaluation.surface_drawing import Stage
from pdgn.evaluation.surface_figure import surface_figure
from pdgn.evaluation.tables import group_scores, shown_groups
from pdgn.training.forecaster import Forecaster
from pdgn.training.metrics_log import read_metrics

DRAWN_CHANNELS = 3


def draw_pictures(
    metrics: Mapping[str, Any],
    windows: RolloutWindows,
    forecaster: Forecaster,
    scores: Mapping[str, Sequence[WindowScores]],
    run: Path,
) -> list[Picture]:
    """The figures of the report: examples, error against horizon, drift, training.

    Args:
        metrics: what metrics.json holds. windows: the roll-outs. forecaster: the model.
        scores: {model: scores of every window}. run: folder of the checkpoint, perhaps with metrics.csv.
    """
    channels = list(metrics["units"]["channels"])[:DRAWN_CHANNELS]
    groups = shown_groups(metrics["groups"])
    pictures = []
    for group in groups:
        window = _median_window(windows, next(iter(scores.values())), metrics["groups"][group])
        pictures += [_example_picture(metrics, windows, forecaster, window, group, channel) for channel in channels]
    pictures += [_horizon_picture(metrics, groups, channel) for channel in channels]
    if any(windows.dataset.record(mesh).face is not None for mesh in windows.dataset.meshes):
        pictures += [_drift_picture(metrics, groups, channel) for channel in channels]
    return pictures + _training_pictures(metrics, run)


def _png(figure: Figure) -> bytes:
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=RESOLUTION, metadata={"Software": None})
    return target.getvalue()


def _median_window(windows: RolloutWindows, scores: Sequence[WindowScores], meshes: Sequence[str]) -> RolloutWindow:
    """The roll-out of median error: neither the best nor the worst is shown."""
    chosen = [
        (float(np.nan_to_num(score.sums.mae().total[0], nan=np.inf)), index)
        for index, score in enumerate(scores)
        if score.mesh in meshes
    ]
    return windows.windows[sorted(chosen)[(len(chosen) - 1) // 2][1]]


def _example(
    metrics: Mapping[str, Any], windows: RolloutWindows, forecaster: Forecaster, window: RolloutWindow, channel: str
) -> Example:
    data, index = windows.sample(window), list(metrics["units"]["channels"]).index(channel)
    prediction = forecast_windows(forecaster, Batch.from_data_list([data]), window.steps)[0]
    record = windows.dataset.record(window.key.mesh)
    return Example(
        title=f"{window.key.mesh}, test trajectory {window.key.row}",
        stage=Stage.of(record.pos, record.face, record.edge_index, record.edge["vector"], record.period),
        truth=data.y[:, :, index].double().numpy(),
        prediction=prediction[:, :, index],
        mask=data.y_mask.numpy(),
        time=windows.time(window),
        channel=channel,
        unit=metrics["units"]["channels"][channel],
        time_unit=metrics["units"]["time"],
        length_unit=record.unit,
    )


def _example_picture(
    metrics: Mapping[str, Any], windows: RolloutWindows, forecaster: Forecaster, window: RolloutWindow, group: str,
    channel: str,
) -> Picture:  # fmt: skip
    example = _example(metrics, windows, forecaster, window, channel)
    name = model_label(metrics["config"]["model"]["name"])
    where = {"seen": "a surface seen in training", "unseen": "a surface never seen in training"}.get(group, "test data")
    return Picture(
        _file_name(metrics, f"rollout_{group}", channel),
        _png(surface_figure(example)),
        f"{group_label(group)}: {name} on {where} ({example.title}), the roll-out of median error of its group. Truth "
        "and prediction share one colour scale; the error (prediction minus truth) has its own. "
        f"The model saw {metrics['history']} frames; t counts from the last of them.",
        f"Truth, prediction and error of {channel} on {window.key.mesh} at "
        f"{min(4, window.steps)} times from {example.time[0]:.3g} to {example.time[-1]:.3g}.",
    )


def _horizon_picture(metrics: Mapping[str, Any], groups: Sequence[str], channel: str) -> Picture:
    units, models = metrics["units"], metrics["models"]
    last = []
    for group in groups:
        for name, scores in models.items():
            final = scores["groups"][group]["per_step"]["mae"][channel][-1]
            last.append(f"{model_label(name)} {_short(final)} ({group_label(group).lower()})")
    return Picture(
        _file_name(metrics, "error_against_horizon", channel),
        _png(horizon_figure(group_scores(metrics), groups, channel, units["channels"][channel], units["time"])),
        "Mean absolute error against the time since the last observed frame, over all roll-outs of the group.",
        f"Curves of the mean absolute error of {channel}; at the last step: {', '.join(last)}.",
    )


def _drift_picture(metrics: Mapping[str, Any], groups: Sequence[str], channel: str) -> Picture:
    return Picture(
        _file_name(metrics, "conserved_quantity", channel),
        _png(drift_figure(group_scores(metrics), groups, channel, metrics["units"]["time"])),
        f"How far the integral of {channel} over the surface has moved since the last observed frame, relative to the "
        "integral of its absolute value there. The truth's own drift, in grey, says whether the equation conserves it; "
        "values below 1e-8, the resolution of the stored numbers, are drawn there.",
        f"Curves of the relative drift of the integral of {channel} for the truth and every model.",
    )


def _training_pictures(metrics: Mapping[str, Any], run: Path) -> list[Picture]:
    """Training curves, where the run's log lies beside the checkpoint."""
    if not (run / "metrics.csv").is_file():
        return []
    rows = read_metrics(run / "metrics.csv")
    curves = {}
    for key, label in (("train/loss", "training loss"), ("valid/loss", "validation loss")):
        known = [(row["epoch"], row[key]) for row in rows if key in row]
        if known:
            curves[label] = {"epoch": [epoch for epoch, _ in known], "value": [value for _, value in known]}
    if not curves:
        return []
    return [
        Picture(
            "training",
            _png(training_figure(curves, metrics["checkpoint"]["epoch"])),
            "Training and validation loss against epoch. The validation loss is that of free roll-outs, so the two "
            "need not meet.",
            "Curves of training and validation loss against epoch.",
        )
    ]


def _file_name(metrics: Mapping[str, Any], stem: str, channel: str) -> str:
    """A file name; the channel is part of it only where there are several."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in channel).strip("_")
    return stem if len(metrics["units"]["channels"]) == 1 else f"{stem}_{plain}"


def _short(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3g}"
