"""The figure of several models' predictions of one roll-out, side by side on the surface."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from pdgn.evaluation.example import Example
from pdgn.evaluation.labels import model_label, time_label, with_unit
from pdgn.evaluation.palette import RESOLUTION, STYLE
from pdgn.evaluation.raster import quick_draw
from pdgn.evaluation.surface_figure import colour_scales, frame_maps, panel_aspect

PANEL_WIDTH = 2.05  # inches


def comparison_figure(examples: Mapping[str, Example]) -> Figure:
    """Truth and predictions, column by column, in the middle and at the end of a roll-out; errors below each.

    All panels share one colour scale, taken from the truth, all errors another, symmetric about zero.

    Args:
        examples: {model: its forecast}, all of the same window.

    Returns:
        Figure: rows are signal and error at the middle, signal and error at the end.
    """
    first = next(iter(examples.values()))
    truth = np.where(first.mask, first.truth, np.nan)
    steps = sorted({(truth.shape[1] - 1) // 2, truth.shape[1] - 1})
    wrong = np.stack([(example.prediction - truth)[:, steps] for example in examples.values()])
    signal, error = colour_scales(truth[:, steps], wrong)
    with rc_context(STYLE):
        height = PANEL_WIDTH * panel_aspect(first)
        size = (PANEL_WIDTH * (1 + len(examples)) + 1.3, 2 * len(steps) * height + 0.8)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(2 * len(steps), 1 + len(examples), squeeze=False)
        draw = quick_draw(first.stage, round(PANEL_WIDTH * RESOLUTION))
        for place, step in enumerate(steps):
            upper, lower = panels[2 * place], panels[2 * place + 1]
            draw(upper[0], truth[:, step], signal)
            lower[0].set_axis_off()
            for column, example in enumerate(examples.values(), 1):
                draw(upper[column], example.prediction[:, step], signal)
                draw(lower[column], wrong[column - 1, :, place], error)
            _name_rows(upper[0], lower[0], time_label(first.time[step], first.time_unit))
        if first.stage.flat:
            frame_maps(axes for axes in panels.flat if axes.axison)
        for axes, name in zip(panels[0], ["Truth", *(model_label(name) for name in examples)], strict=True):
            axes.set_title(name, fontsize=min(10.0, 200.0 / len(name)))  # long names fit the panel
        _colour_bars(figure, panels, signal, error, first)
        figure.suptitle(first.title, fontsize=11)
    return figure


def _name_rows(upper: Axes, lower: Axes, time: str) -> None:
    upper.annotate(
        time, (0, 0.5), xytext=(-10, 0), xycoords="axes fraction", textcoords="offset points",
        rotation=90, ha="right", va="center", fontsize=10, fontweight="bold", annotation_clip=False,
    )  # fmt: skip
    lower.text(1.0, 0.5, "Error", transform=lower.transAxes, ha="right", va="center", fontsize=10, fontweight="bold")


def _colour_bars(
    figure: Figure, panels: np.ndarray, signal: ScalarMappable, error: ScalarMappable, example: Example
) -> None:
    half = len(panels) // 2
    upper, lower = (panels[:half], panels[half:]) if half > 1 else (panels[:1], panels[1:])
    for place, colours, label in ((upper, signal, example.channel), (lower, error, "error")):
        bar = figure.colorbar(colours, ax=list(place.flat), extend="both", aspect=24, pad=0.02)
        bar.set_label(with_unit(label, example.unit), fontsize=9)
        bar.ax.grid(False)
