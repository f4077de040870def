"""The figure of spectra: power by eigenvalue of truth and predictions at a few times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pdgn.evaluation.labels import model_label, plain_unit, time_label, with_unit
from pdgn.evaluation.line_figures import TRUTH_STYLE
from pdgn.evaluation.palette import STYLE, line_styles

PANEL = (3.6, 3.1)  # inches
BELOW, ABOVE = 0.1, 10.0  # how far beyond the truth's own range a curve is followed


def spectrum_figure(
    truth: Mapping[str, Mapping[str, Any]],
    models: Mapping[str, Mapping[str, Mapping[str, Any]]],
    channel: str,
    unit: str,
    time_unit: str,
    length_unit: str,
) -> Figure:
    """Mean power of a mode against its wavenumber, the root of its eigenvalue; one row per mesh, one column per time.

    Args:
        truth: {mesh: spectra}, as metrics.json has them. models: {model: {mesh: spectra}}, the first is the model.
        channel: the channel. unit: its unit. time_unit: of the times. length_unit: of the positions.

    Returns:
        Figure: logarithmic power; curves that leave the range of the truth by far are cut off. The dot at the end of a
        curve stands for all the shorter waves.
    """
    columns = max(len(spectra["time"]) for spectra in truth.values())
    with rc_context(STYLE):
        figure = Figure(figsize=(PANEL[0] * columns + 0.6, PANEL[1] * len(truth) + 0.6), layout="constrained")
        panels = figure.subplots(len(truth), columns, squeeze=False, sharey="row")
        for row, (mesh, spectra) in zip(panels, truth.items(), strict=True):
            for axes in row[len(spectra["time"]) :]:
                axes.set_visible(False)
            for step, time in enumerate(spectra["time"]):
                _draw(row[step], spectra["eigenvalue"], spectra["power"][channel][step], TRUTH_STYLE, "Truth")
                for name, style in line_styles(list(models)).items():
                    if mesh in models[name]:
                        power = models[name][mesh]["power"][channel][step]
                        _draw(row[step], spectra["eigenvalue"], power, style, model_label(name))
                row[step].set_title(f"{mesh}, {time_label(time, time_unit)}", loc="left")
            _limit(row, spectra["power"][channel])
            row[0].set_ylabel(f"mean power of a mode [{_squared(unit)}]")
            for axes in row:
                axes.set_xlabel(
                    with_unit("root of the eigenvalue", "1" if length_unit in ("", "1") else f"{length_unit}^-1")
                )
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 5), handlelength=3.0)
    return figure


def _draw(axes: Axes, eigenvalue: Sequence[float], power: Sequence[float], style: Mapping, label: str) -> None:
    axes.plot(np.sqrt(eigenvalue), power, label=label, marker="o", markersize=5, markevery=[-1], **style)


def _limit(row: Sequence[Axes], truth: Sequence[Sequence[float]]) -> None:
    """Logarithmic, a few decades beyond what the truth has."""
    known = np.array(truth, dtype=np.float64)
    known = known[np.isfinite(known) & (known > 0)]
    if known.size:
        row[0].set_yscale("log")
        row[0].set_ylim(max(BELOW * known.min(), 1e-12 * known.max()), ABOVE * known.max())


def _squared(unit: str) -> str:
    """The unit of a square, "K" as "K²" and "kg/m^2" as "(kg/m²)²"."""
    plain = plain_unit(unit)
    if not plain:
        return "dimensionless"
    return f"{plain}²" if plain.isalpha() else f"({plain})²"
