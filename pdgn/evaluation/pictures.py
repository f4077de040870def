"""All figures of one evaluation, with their captions, in the order of the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pdgn.evaluation.animation import animation
from pdgn.evaluation.comparison_figure import comparison_figure
from pdgn.evaluation.contestants import Contestant
from pdgn.evaluation.labels import model_label
from pdgn.evaluation.learned_weights import learned_weights
from pdgn.evaluation.line_figures import (
    divergence_figure,
    drift_figure,
    group_label,
    horizon_figure,
    relative_figure,
    training_figure,
)  # fmt: skip
from pdgn.evaluation.picture import Picture
from pdgn.evaluation.rollout_windows import WindowViews
from pdgn.evaluation.scores import WindowScores
from pdgn.evaluation.shown_windows import ShownWindow, median_window
from pdgn.evaluation.spectrum_figure import spectrum_figure
from pdgn.evaluation.surface_figure import surface_figure
from pdgn.evaluation.tables import group_scores, shown_groups
from pdgn.evaluation.weights_figure import weights_figure
from pdgn.training.metrics_log import read_metrics

DRAWN_CHANNELS = 3
SIDE_BY_SIDE = 5  # models in one figure of maps; more go into further ones
ANIMATED = 7
WEIGHTED = 4  # models whose weights are drawn


def draw_pictures(
    metrics: Mapping[str, Any],
    views: WindowViews,
    contestants: Mapping[str, Contestant],
    scores: Mapping[str, Sequence[WindowScores]],
) -> list[Picture]:
    """The figures of the report: maps, animation, errors and drift against time, spectra, weights, training.

    Args:
        metrics: what metrics.json holds. views: the roll-outs as each model sees them. contestants: the models, the
            first one leads. scores: {model: scores of every window}.
    """
    groups = shown_groups(metrics["groups"])
    first = next(iter(contestants))
    windows = views.of(contestants[first].forecaster.config.data)
    shown = {
        group: ShownWindow(
            metrics, views, contestants, median_window(windows.windows, scores[first], metrics["groups"][group])
        )
        for group in groups
    }
    surfaces = any(windows.dataset.record(mesh).face is not None for mesh in windows.dataset.meshes)
    return [
        *_maps(metrics, shown, contestants),
        *_animations(metrics, shown, contestants),
        *_courses(metrics, groups, surfaces),
        *_spectra(metrics),
        *_weights(metrics, shown, contestants),
        *_training(metrics, contestants),
    ]


def _channels(metrics: Mapping[str, Any]) -> list[str]:
    return list(metrics["units"]["channels"])[:DRAWN_CHANNELS]


def _maps(
    metrics: Mapping[str, Any], shown: Mapping[str, ShownWindow], contestants: Mapping[str, Contestant]
) -> Iterator[Picture]:
    """Truth, prediction and error: of one checkpoint at four times, of several side by side at two."""
    several = sum(not contestant.baseline for contestant in contestants.values()) > 1
    names = list(contestants)
    for group, window in shown.items():
        for channel in _channels(metrics):
            if not several:
                yield _map(metrics, window, names[0], group, channel)
                continue
            for part, first in enumerate(range(0, len(names), SIDE_BY_SIDE), 1):
                stem = f"rollout_{group}" + (f"_{part}" if len(names) > SIDE_BY_SIDE else "")
                yield _side_by_side(metrics, window, names[first : first + SIDE_BY_SIDE], group, channel, stem)


def _map(metrics: Mapping[str, Any], window: ShownWindow, name: str, group: str, channel: str) -> Picture:
    example = window.example(name, channel)
    return Picture.of(
        _file_name(metrics, f"rollout_{group}", channel),
        surface_figure(example),
        f"{group_label(group)}: {model_label(name)} on {_where(group)} ({example.title}), the roll-out of median error "
        "of its group. Truth and prediction share one colour scale; the error (prediction minus truth) has its own. "
        f"The model saw {metrics['history']} frames; t counts from the last of them.",
        f"Truth, prediction and error of {channel} on {window.window.key.mesh} at "
        f"{min(4, window.window.steps)} times from {example.time[0]:.3g} to {example.time[-1]:.3g}.",
    )


def _side_by_side(
    metrics: Mapping[str, Any], window: ShownWindow, names: Sequence[str], group: str, channel: str, stem: str
) -> Picture:
    examples = {name: window.example(name, channel) for name in names}
    first = examples[names[0]]
    return Picture.of(
        _file_name(metrics, stem, channel),
        comparison_figure(examples),
        f"{group_label(group)}: truth and predictions on {_where(group)} ({first.title}), the roll-out of median error "
        f"of {model_label(next(iter(metrics['models'])))}, in the middle and at the end. Truth and predictions share "
        "one colour scale, all errors (prediction minus truth) another, at most twice the range of the truth.",
        f"Truth, predictions and errors of {channel} on {window.window.key.mesh} by {_listed(names)}.",
    )


def _animations(
    metrics: Mapping[str, Any], shown: Mapping[str, ShownWindow], contestants: Mapping[str, Contestant]
) -> Iterator[Picture]:
    """Of the last group, the unseen surfaces where there are any, and the first channel."""
    if not metrics["evaluation"]["animation"]:
        return
    group, window = list(shown.items())[-1]
    names = list(contestants) if len(contestants) <= ANIMATED else list(contestants)[:ANIMATED]
    channel = _channels(metrics)[0]
    examples = {name: window.example(name, channel) for name in names}
    yield Picture(
        "animation",
        animation(examples),
        f"The same roll-out ({examples[names[0]].title}) in motion, on the colour scale of the truth.",
        f"Animation of {channel} on {_where(group)}: truth beside {_listed(names)}.",
        "webp",
    )


def _courses(metrics: Mapping[str, Any], groups: Sequence[str], surfaces: bool) -> Iterator[Picture]:
    """What is drawn against the time since the last observed frame."""
    scores, units, threshold = group_scores(metrics), metrics["units"], metrics["divergence_threshold"]
    for channel in _channels(metrics):
        yield Picture.of(
            _file_name(metrics, "error_against_horizon", channel),
            horizon_figure(scores, groups, channel, units["channels"][channel], units["time"]),
            "Mean absolute error against the time since the last observed frame, over all roll-outs of the group.",
            f"Curves of the mean absolute error of {channel}; at the last step: "
            f"{_last(scores, groups, 'mae', channel)}.",
        )
        yield Picture.of(
            _file_name(metrics, "relative_error", channel),
            relative_figure(scores, groups, channel, units["time"], threshold),
            "Relative L2 error, weighted by node masses, mean over the roll-outs of the group; from its divergence on "
            f"a roll-out counts as {threshold:g}.",
            f"Curves of the relative L2 error of {channel}; at the last step: "
            f"{_last(scores, groups, 'capped_relative_l2', channel)}.",
        )
    if any(model[group]["total"]["diverged"] for model in scores.values() for group in groups):
        yield Picture.of(
            "divergence",
            divergence_figure(scores, groups, units["time"]),
            f"Share of the roll-outs that have diverged: relative L2 error above {threshold:g}, or a value that is "
            "not finite.",
            "Curves of the share of diverged roll-outs against time.",
        )
    for channel in _channels(metrics) if surfaces else ():
        yield Picture.of(
            _file_name(metrics, "conserved_quantity", channel),
            drift_figure(scores, groups, channel, units["time"]),
            f"How far the integral of {channel} over the surface has moved since the last observed frame, relative to "
            "the integral of its absolute value there. The truth's own drift, in grey, says whether the equation "
            "conserves it; values below 1e-8, the resolution of the stored numbers, are drawn there.",
            f"Curves of the relative drift of the integral of {channel} for the truth and every model.",
        )


def _spectra(metrics: Mapping[str, Any]) -> Iterator[Picture]:
    truth = metrics["spectra"]
    models = {name: model["spectra"] for name, model in metrics["models"].items()}
    for channel in _channels(metrics) if truth else ():
        units = metrics["units"]
        yield Picture.of(
            _file_name(metrics, "spectrum", channel),
            spectrum_figure(truth, models, channel, units["channels"][channel], units["time"], units["length"]),
            f"Mean power of {channel} in the modes of the surface's Laplace–Beltrami operator, over all roll-outs on "
            "it, by wavenumber (the root of the eigenvalue; 0 is the mean value, short waves on the right). The dot "
            "at the end of a curve stands for all waves that are shorter still. A model that smooths too much falls "
            "below the truth on the right, one that makes noise rises above it.",
            f"Curves of the power of {channel} by wavenumber on {', '.join(truth)} for truth and models.",
        )


def _weights(
    metrics: Mapping[str, Any], shown: Mapping[str, ShownWindow], contestants: Mapping[str, Contestant]
) -> Iterator[Picture]:
    """Of the models that learn difference weights, on the last group's roll-out and the first channel."""
    window = list(shown.values())[-1]
    found = {name: learned_weights(contestants[name].forecaster, window.sample(name)) for name in contestants}
    learned = {name: weights for name, weights in found.items() if weights is not None}
    for number, (name, weights) in enumerate(list(learned.items())[:WEIGHTED], 1):
        kernels = weights.gradient.shape[1]
        which = f"the four of {kernels} kernels that moved most" if kernels > 4 else "every kernel"
        yield Picture.of(
            "weights" if len(learned) == 1 else f"weights_{number}",
            weights_figure(weights, window.stage, window.record.unit),
            f"{model_label(name)}: learned difference weights of {which} against the fixed ones that they are "
            f"measured by (cotangent weights on a mesh), for the edges of {window.window.key.mesh}; on the dashed line "
            "both are the same, darker cells hold more edges, and half a percent of them lie beyond each end of an "
            "axis. Right: where the Laplacian's weights moved, root mean square over edges and kernels.",
            f"Densities of learned against reference weights of {model_label(name)}, and a map of their difference.",
        )


def _training(metrics: Mapping[str, Any], contestants: Mapping[str, Contestant]) -> Iterator[Picture]:
    """Training curves, where the log of a run lies beside its checkpoint: both losses of one, validation of several."""
    given = {name: entry for name, entry in contestants.items() if not entry.baseline and entry.checkpoint}
    curves: dict[str, dict[str, list[float]]] = {}
    for name, entry in given.items():
        log = Path(entry.checkpoint or "").parent / "metrics.csv"
        rows = read_metrics(log) if log.is_file() else []
        wanted = {"train/loss": "training loss", "valid/loss": "validation loss"}
        if len(given) > 1:
            wanted = {"valid/loss": model_label(name)}
        for key, label in wanted.items():
            known = [(row["epoch"], row[key]) for row in rows if key in row]
            if known:
                curves[label] = {"epoch": [epoch for epoch, _ in known], "value": [value for _, value in known]}
    if curves:
        several = len(given) > 1
        yield Picture.of(
            "training",
            training_figure(curves, None if several else metrics["checkpoint"]["epoch"]),
            "Validation loss against epoch, each in the normalised units of its run."
            if several
            else "Training and validation loss against epoch. The validation loss is that of free roll-outs, so the "
            "two need not meet.",
            f"Curves against epoch: {_listed(list(curves))}.",
        )


def _last(scores: Mapping[str, Mapping], groups: Sequence[str], metric: str, channel: str) -> str:
    """The last value of each curve, in words."""
    values = []
    for group in groups:
        for name, model in scores.items():
            last = model[group]["per_step"][metric][channel][-1]
            shown = "not measured" if last is None else f"{last:.3g}"
            values.append(f"{model_label(name)} {shown} ({group_label(group).lower()})")
    return ", ".join(values)


def _where(group: str) -> str:
    words = {"seen": "a surface seen in training", "unseen": "a surface never seen in training"}
    return words.get(group, "test data")


def _listed(names: Sequence[str]) -> str:
    labels = [model_label(name) for name in names]
    return " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)


def _file_name(metrics: Mapping[str, Any], stem: str, channel: str) -> str:
    """A file name; the channel is part of it only where there are several."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in channel).strip("_")
    return stem if len(metrics["units"]["channels"]) == 1 else f"{stem}_{plain}"
