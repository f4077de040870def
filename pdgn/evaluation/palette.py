"""How figures and reports look: one colour, line and name per model, colour maps, and units in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pdgn.models import MODELS

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

MODEL_NAMES = {
    "fen": "FEN",
    "gru": "GRU",
    "meshgraphnet": "MeshGraphNet",
    "mlp": "MLP",
    "padgn": "PA-DGN",
    "padgn_published": "PA-DGN, as published",
    "rgn": "RGN",
    "rgn_mesh": "RGN + MeshOP",
    "rgn_standard": "RGN + StandardOP",
    "var": "VAR",
}

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


def model_label(name: str) -> str:
    """The name of a model or baseline as a reader wants to see it; that of a run as it is."""
    return MODEL_NAMES.get(name, name.replace("_", " ").capitalize() if name in MODELS else name)


def inner_label(name: str) -> str:
    """The same within a sentence: "persistence", but "PA-DGN"."""
    label = model_label(name)
    return label.lower() if name in MODELS and label[1:] == label[1:].lower() else label


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


def with_unit(name: str, unit: str) -> str:
    """A label with its unit in brackets: "mean error [K]", "u [dimensionless]"."""
    return f"{name} [{'dimensionless' if unit in ('', '1') else plain_unit(unit)}]"


def plain_unit(unit: str) -> str:
    """A unit with raised exponents, "kg/m^2" as "kg/m²"; nothing for quantities without a unit."""
    raised = re.sub(r"\^(-?\d+)", lambda power: power[1].translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")), unit)
    return "" if unit in ("", "1") else raised


def time_label(value: float, unit: str) -> str:
    """A time for a title, "t = 0.25 s"; three significant digits."""
    return f"t = {value:.3g} {plain_unit(unit)}".rstrip()
