"""The figure of learned difference weights against the reference weights that they started from."""

from __future__ import annotations

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from pdgn.evaluation.labels import with_unit
from pdgn.evaluation.learned_weights import LearnedWeights
from pdgn.evaluation.palette import INK, STYLE
from pdgn.evaluation.raster import quick_draw
from pdgn.evaluation.surface_drawing import Stage

Array = np.ndarray
KERNELS = 4
PANEL = 2.55  # inches
OUTSIDE = 0.5  # percent of the weights left out at either end of an axis
CELLS = 42
MAP = 420  # pixels
COUNT_MAP, DEPARTURE_MAP = "Blues", "cividis"


def weights_figure(weights: LearnedWeights, stage: Stage, length_unit: str) -> Figure:
    """Learned against reference weights of each kernel, gradient above Laplacian, and where the Laplacian moved.

    Args:
        weights: of one channel on one mesh. stage: that mesh. length_unit: of its positions.

    Returns:
        Figure: at most four kernels, those that moved most; on the dashed line learned and reference weight are the
        same.
    """
    kernels = weights.farthest(KERNELS)
    inverse = "" if length_unit in ("", "1") else length_unit
    rows = (
        ("gradient", weights.gradient, weights.reference_gradient, f"{inverse}^-1" if inverse else "1"),
        ("Laplacian", weights.laplacian, weights.reference_laplacian, f"{inverse}^-2" if inverse else "1"),
    )
    with rc_context(STYLE):
        figure = Figure(figsize=(PANEL * len(kernels) + 4.0, 2 * PANEL + 0.4), layout="constrained")
        grid = figure.add_gridspec(2, len(kernels) + 1, width_ratios=[1.0] * len(kernels) + [1.35])
        for row, (name, learned, reference, unit) in enumerate(rows):
            first = None
            for column, kernel in enumerate(kernels):
                first = _density(
                    figure.add_subplot(grid[row, column], sharex=first, sharey=first), reference, learned[:, kernels],
                    column, first,
                )  # fmt: skip
                axes = figure.axes[-1]
                axes.set_title(f"kernel {kernel + 1}" if row == 0 else "", fontsize=10)
                axes.set_xlabel(with_unit(f"reference {name}", unit), fontsize=9)
                if column == 0:
                    axes.set_ylabel(with_unit(f"learned {name}", unit), fontsize=9)
        _departure(figure, figure.add_subplot(grid[:, -1]), weights, stage)
    return figure


def _density(axes: Axes, reference: Array, learned: Array, column: int, first: Axes | None) -> Axes:
    """How many edges have which pair of weights; all kernels on the axes of the first one."""
    x, y = _range(reference), _range(learned)
    inside = (reference >= x[0]) & (reference <= x[1]) & (learned[:, column] >= y[0]) & (learned[:, column] <= y[1])
    axes.hexbin(
        reference[inside], learned[inside, column], gridsize=CELLS, extent=(*x, *y), bins="log", mincnt=1,
        cmap=COUNT_MAP, linewidths=0.2, vmin=0.3,
    )  # fmt: skip
    axes.plot(x, x, color=INK, linewidth=1.0, linestyle=(0, (4, 3)), scalex=False, scaley=False)
    if first is None:
        axes.set(xlim=x, ylim=y)
    axes.tick_params(labelsize=8)
    return axes if first is None else first


def _range(values: Array) -> tuple[float, float]:
    """Of almost all values, with a little room; never of width zero, whatever is not finite left out."""
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, [OUTSIDE, 100 - OUTSIDE]) if known.size else (0.0, 1.0)
    room = 0.04 * (high - low) or 0.5 * max(abs(low), 1e-12)
    return float(low - room), float(high + room)


def _departure(figure: Figure, axes: Axes, weights: LearnedWeights, stage: Stage) -> None:
    """Where on the surface the Laplacian weights moved."""
    departure = weights.departure()
    known = departure[np.isfinite(departure)]
    high = float(np.percentile(known, 100 - OUTSIDE)) if known.size else 1.0
    colours = ScalarMappable(Normalize(0.0, high or 1.0), DEPARTURE_MAP)
    quick_draw(stage, MAP)(axes, departure, colours)
    axes.set_xticks([])
    axes.set_yticks([])
    bar = figure.colorbar(colours, ax=axes, aspect=24, pad=0.02, extend="max", location="right")
    bar.set_label("departure of the Laplacian weights\nover mean size of the reference [dimensionless]", fontsize=9)
    bar.ax.grid(False)
