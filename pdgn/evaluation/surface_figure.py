"""The figure of truth, prediction and error on the surface at several times."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from pdgn.evaluation.example import Example
from pdgn.evaluation.labels import plain_unit, time_label, with_unit
from pdgn.evaluation.palette import ERROR_MAP, RESOLUTION, SIGNAL_MAP, STYLE
from pdgn.evaluation.raster import quick_draw

MAX_TIMES = 4
PANEL_WIDTH = 2.35  # inches


def surface_figure(example: Example) -> Figure:
    """Truth, prediction and error (prediction - truth), row by row, at up to four times, column by column.

    Truth and prediction share one colour scale, taken from the truth; the error has its own, symmetric about zero.

    Args:
        example: the forecast to draw.

    Returns:
        Figure: rows truth, prediction, error.
    """
    steps = chosen_steps(example.truth.shape[1])
    truth = np.where(example.mask, example.truth, np.nan)
    rows = {"Truth": truth, "Prediction": example.prediction, "Error": example.prediction - truth}
    signal, error = colour_scales(truth[:, steps], rows["Error"][:, steps])
    with rc_context(STYLE):
        height = PANEL_WIDTH * panel_aspect(example)
        figure = Figure(figsize=(PANEL_WIDTH * len(steps) + 1.5, 3 * height + 0.95), layout="constrained")
        panels = figure.subplots(3, len(steps), squeeze=False)
        draw = quick_draw(example.stage, round(PANEL_WIDTH * RESOLUTION))
        for row, (name, values) in enumerate(rows.items()):
            colours = error if name == "Error" else signal
            for column, step in enumerate(steps):
                draw(panels[row, column], values[:, step], colours)
                if row == 0:
                    panels[0, column].set_title(time_label(example.time[step], example.time_unit))
            _name_row(panels[row, 0], name)
        _label_maps(panels, example)
        _colour_bars(figure, panels, signal, error, example)
        figure.suptitle(example.title, fontsize=11)
    return figure


def chosen_steps(steps: int) -> list[int]:
    """Up to four predicted steps, the first and the last among them, evenly spread."""
    return sorted({int(step) for step in np.round(np.linspace(0, steps - 1, min(MAX_TIMES, steps)))})


def colour_scales(truth: np.ndarray, error: np.ndarray) -> tuple[ScalarMappable, ScalarMappable]:
    """The scale of truth and prediction, and that of the error: symmetric, at most twice the range of the truth."""
    known = truth[np.isfinite(truth)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        low, high = low - 0.5 * max(abs(low), 1.0), high + 0.5 * max(abs(high), 1.0)
    wrong = np.abs(error[np.isfinite(error)])
    largest = min(float(wrong.max()) if wrong.size else 0.0, 2.0 * (high - low)) or 1e-3 * (high - low)
    return ScalarMappable(Normalize(low, high), SIGNAL_MAP), ScalarMappable(Normalize(-largest, largest), ERROR_MAP)


def panel_aspect(example: Example) -> float:
    """Height over width of a panel."""
    points, _ = example.stage.view.project(example.stage.pos)
    width, height = np.maximum(np.ptp(points, axis=0), 1e-300)
    return float(np.clip(height / width, 0.6, 1.5))


def _name_row(axes: Axes, name: str) -> None:
    axes.annotate(
        name, (0, 0.5), xytext=(-10, 0), xycoords="axes fraction", textcoords="offset points",
        rotation=90, ha="right", va="center", fontsize=10.5, fontweight="bold", annotation_clip=False,
    )  # fmt: skip


def _label_maps(panels: np.ndarray, example: Example) -> None:
    """Frames round the maps, and their size with its unit, once, under the lower left one."""
    if not example.stage.flat:
        return
    frame_maps(panels.flat)
    size = np.ptp([panels[-1, 0].get_xlim(), panels[-1, 0].get_ylim()], axis=1)
    panels[-1, 0].set_xlabel(f"{size[0]:.3g} × {size[1]:.3g} {plain_unit(example.length_unit)}".rstrip())


def frame_maps(panels: Iterable[Axes]) -> None:
    """A thin frame and no ticks."""
    for axes in panels:
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(True)
            spine.set_color("#c3c8cf")


def _extend(example: Example, signal: ScalarMappable) -> str:
    """Which ends of the colour bar get an arrow: those that the drawn predictions pass by more than a hundredth."""
    shown = example.prediction[:, chosen_steps(example.truth.shape[1])]
    shown, low, high = shown[np.isfinite(shown)], *signal.get_clim()
    margin = 0.01 * (high - low)
    below, above = bool((shown < low - margin).any()), bool((shown > high + margin).any())
    return {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[below, above]


def _colour_bars(
    figure: Figure, panels: np.ndarray, signal: ScalarMappable, error: ScalarMappable, example: Example
) -> None:
    extend = _extend(example, signal)
    bar = figure.colorbar(signal, ax=list(panels[:2].flat), extend=extend, aspect=28, pad=0.02)
    bar.set_label(with_unit(example.channel, example.unit), fontsize=9)
    bar = figure.colorbar(error, ax=list(panels[2]), aspect=14, pad=0.02)
    bar.set_label(with_unit("error", example.unit), fontsize=9)
    for colour_bar in figure.axes[-2:]:
        colour_bar.grid(False)
