"""The figures of curves: error and divergence against horizon, conserved quantity's drift against time, training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pdgn.evaluation.labels import count_label, group_label, model_label, with_unit
from pdgn.evaluation.palette import INK, STYLE, line_styles

HEIGHT = 3.6  # inches
SMALLEST_DRIFT = 1e-8  # fields are stored in float32; less is round-off
TRUTH_STYLE: dict = {"color": "#6b7280", "linewidth": 5.0, "alpha": 0.45, "zorder": 1}


def horizon_figure(
    models: Mapping[str, Mapping], groups: Sequence[str], channel: str, unit: str, time_unit: str
) -> Figure:
    """Mean absolute error of each model against the time since the last observed frame, one panel per group.

    Args:
        models: {model: {group: scores}} as :func:`pdgn.evaluation.scores.summarise` gives them; the first is the model.
        groups: names of the groups to draw.
        channel: the channel to draw.
        unit: of the channel. time_unit: of the time.

    Returns:
        Figure: the panels share their axes; the error axis is logarithmic where it spans more than a decade.
    """
    with rc_context(STYLE):
        figure, panels, drawn = _courses(models, groups, lambda steps: steps["mae"][channel], time_unit)
        _scale(panels, drawn)
        panels[0].set_ylabel(with_unit(f"MAE of {channel}", unit))
        _legend(figure, panels[0])
    return figure


def relative_figure(
    models: Mapping[str, Mapping], groups: Sequence[str], channel: str, time_unit: str, threshold: float
) -> Figure:
    """Relative L2 error of each model against time; a roll-out counts as the threshold once it has diverged.

    Args:
        models: as in :func:`horizon_figure`. groups: likewise. channel: likewise. time_unit: likewise.
        threshold: relative L2 above which a roll-out has diverged; drawn where a curve comes near it.
    """
    with rc_context(STYLE):
        figure, panels, drawn = _courses(models, groups, lambda steps: steps["capped_relative_l2"][channel], time_unit)
        if max(drawn, default=0.0) > 0.3 * threshold:
            for axes in panels:
                axes.axhline(threshold, color=INK, linewidth=1.0, linestyle=(0, (2, 2)), label="all diverged")
        _scale(panels, drawn)
        panels[0].set_ylabel(f"relative L2 error of {channel}")
        _legend(figure, panels[0])
    return figure


def divergence_figure(models: Mapping[str, Mapping], groups: Sequence[str], time_unit: str) -> Figure:
    """Share of the roll-outs of each model that have diverged, against time.

    Args:
        models: as in :func:`horizon_figure`. groups: likewise. time_unit: likewise.
    """
    with rc_context(STYLE):
        figure, panels = _panels(len(groups))
        for axes, group in zip(panels, groups, strict=True):
            for name, style in line_styles(list(models)).items():
                scores = models[name][group]
                share = 100 * _numbers(scores["per_step"]["diverged"])
                axes.step(scores["time"], share, where="post", label=model_label(name), **style)
            _heading(axes, group, models)
            axes.set_xlabel(with_unit("time since the last observed frame", time_unit))
        panels[0].set_ylim(-3.0, 103.0)
        panels[0].set_ylabel("diverged roll-outs [%]")
        _legend(figure, panels[0])
    return figure


def drift_figure(models: Mapping[str, Mapping], groups: Sequence[str], channel: str, time_unit: str) -> Figure:
    r"""Drift of the integral, abs(sum m u(t) - sum m u(0)) / sum m abs(u(0)), of each model and the truth against time.

    Args:
        models: as in :func:`horizon_figure`. groups: likewise. channel: likewise. time_unit: likewise.

    Returns:
        Figure: the truth's own drift, in grey, says whether the equation conserves the integral. Less than 1e-8, the
        resolution of the stored numbers, is drawn as 1e-8; where the truth drifts, less than a tenth of its
        smallest drift as that, so that a model that cannot drift does not press the other curves together.
    """
    with rc_context(STYLE):
        figure, panels = _panels(len(groups))
        drawn: list[float] = []
        least = _least_drift(models, groups, channel)
        for axes, group in zip(panels, groups, strict=True):
            first = next(iter(models.values()))[group]
            curves = [("Truth", first["per_step"]["true_drift"], TRUTH_STYLE)]
            for name, style in line_styles(list(models)).items():
                curves.append((model_label(name), models[name][group]["per_step"]["drift"], style))
            for label, drift, style in curves:
                values = np.maximum(_numbers(drift[channel]), least)
                axes.plot(first["time"], values, label=label, marker=_marker(values), ms=4, **style)
                drawn += values[np.isfinite(values)].tolist()
            _heading(axes, group, models)
            axes.set_xlabel(with_unit("time since the last observed frame", time_unit))
        _scale(panels, drawn)
        panels[0].set_ylabel("relative drift of the integral")
        _legend(figure, panels[0])
    return figure


def _least_drift(models: Mapping[str, Mapping], groups: Sequence[str], channel: str) -> float:
    """What stands for no drift at all."""
    steps = [scores[group]["per_step"] for scores in models.values() for group in groups]
    found = np.concatenate([_numbers(step["true_drift"][channel]) for step in steps])
    found = found[np.isfinite(found) & (found > SMALLEST_DRIFT)]
    return max(SMALLEST_DRIFT, 0.1 * float(found.min())) if found.size else SMALLEST_DRIFT


def training_figure(curves: Mapping[str, Mapping[str, Sequence[float]]], best: float | None = None) -> Figure:
    """Loss against epoch.

    Args:
        curves: {metric: {"epoch": [...], "value": [...]}}, training first.
        best: the epoch whose checkpoint is evaluated, or ``None``.
    """
    with rc_context(STYLE):
        figure, panels = _panels(1)
        drawn: list[float] = []
        for (name, curve), style in zip(curves.items(), line_styles(list(curves)).values(), strict=True):
            values = np.asarray(curve["value"], dtype=np.float64)
            panels[0].plot(curve["epoch"], values, label=name, marker=_marker(values), ms=4, **style)
            drawn += values[np.isfinite(values)].tolist()
        if best is not None:
            label = f"best checkpoint (epoch {best:g})"
            panels[0].axvline(best, color=INK, linewidth=1.0, linestyle=(0, (2, 2)), label=label)
        _scale(panels, drawn)
        panels[0].set_xlabel("epoch")
        panels[0].set_ylabel("loss [normalised units]")
        _legend(figure, panels[0])
    return figure


def _courses(
    models: Mapping[str, Mapping],
    groups: Sequence[str],
    pick: Callable[[Mapping], Sequence[float | None]],
    time_unit: str,
) -> tuple[Figure, list[Axes], list[float]]:
    """One panel per group with a curve per model, and the numbers that were drawn."""
    figure, panels = _panels(len(groups))
    drawn: list[float] = []
    for axes, group in zip(panels, groups, strict=True):
        for name, style in line_styles(list(models)).items():
            scores = models[name][group]
            values = _numbers(pick(scores["per_step"]))
            axes.plot(scores["time"], values, label=model_label(name), marker=_marker(values), ms=4, **style)
            drawn += values[np.isfinite(values)].tolist()
        _heading(axes, group, models)
        axes.set_xlabel(with_unit("time since the last observed frame", time_unit))
    return figure, panels, drawn


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(7.2 if count == 1 else 4.9 * count + 0.6, HEIGHT), layout="constrained")
    return figure, list(figure.subplots(1, count, sharey=True, squeeze=False)[0])


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    """Floats, with NaN (a gap in the curve) where nothing was measured."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _marker(values: np.ndarray) -> str | None:
    """Markers where a curve has few points and a line alone would say little."""
    return "o" if len(values) <= 15 else None


def _heading(axes: Axes, group: str, models: Mapping[str, Mapping]) -> None:
    scores = next(iter(models.values()))[group]
    axes.set_title(f"{group_label(group)} ({count_label(scores)})", loc="left")


def _scale(panels: Sequence[Axes], drawn: Sequence[float]) -> None:
    """Logarithmic where the positive values span more than a decade, else from zero."""
    positive = [value for value in drawn if value > 0]
    if positive and max(positive) > 10 * min(positive):
        panels[0].set_yscale("log")
        panels[0].set_ylim(max(min(positive), 1e-8 * max(positive)) / 1.6, max(positive) * 1.6)
    else:
        panels[0].set_ylim(bottom=0.0)


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 5), handlelength=3.0)
