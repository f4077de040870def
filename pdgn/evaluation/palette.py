"""How figures look: one colour and line per model, colour maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# Okabe and Ito's palette, told apart by readers with any common colour blindness.
MODEL_COLOUR = "#0072B2"
BASELINE_COLOURS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
BASELINE_DASHES: tuple[Any, ...] = ((0, (5, 2)), (0, (1, 1.4)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)), (0, (9, 3)))
SIGNAL_MAP = "viridis"
ERROR_MAP = "RdBu_r"
MISSING_COLOUR = "#c8c8c8"
INK = "#22272e"
FAINT = "#d5d9df"
RESOLUTION = 150  # dots per inch of the PNG files

STYLE: dict[Any, Any] = {
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.labelsize": 10,
    "axes.edgecolor": "#6b7280",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e8eb",
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": "#4b5563",
    "ytick.color": "#4b5563",
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.dpi": RESOLUTION,
}


def line_styles(names: Sequence[str]) -> dict[str, dict]:
    """Colour, dash and width of the line of each model: the first stands out, and no two of thirty are alike."""
    styles = {}
    for index, name in enumerate(names):
        if index == 0:
            styles[name] = {"color": MODEL_COLOUR, "linestyle": "-", "linewidth": 2.4, "zorder": 3}
        else:
            count = len(BASELINE_COLOURS)
            place, turn = (index - 1) % count, (index - 1) // count
            dash = BASELINE_DASHES[(place + turn) % len(BASELINE_DASHES)]
            styles[name] = {"color": BASELINE_COLOURS[place], "linestyle": dash, "linewidth": 1.9}
    return styles
