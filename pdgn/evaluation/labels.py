"""Names of models, groups, quantities and times as a reader wants to see them."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Of every model of the registry; the registry itself would load torch.
MODEL_NAMES = {
    "fen": "FEN",
    "fixed_operators": "Fixed operators",
    "gru": "GRU",
    "local_linear": "Local linear",
    "meshgraphnet": "MeshGraphNet",
    "mlp": "MLP",
    "operator_network": "Operator network",
    "padgn": "PA-DGN",
    "padgn_published": "PA-DGN, as published",
    "persistence": "Persistence",
    "rgn": "RGN",
    "rgn_mesh": "RGN + MeshOP",
    "rgn_standard": "RGN + StandardOP",
    "sensor_ensemble": "Sensor ensemble",
    "var": "VAR",
}


def model_label(name: str) -> str:
    """The name of a model or baseline as a reader wants to see it; that of a run as it is."""
    return MODEL_NAMES.get(name, name)


def inner_label(name: str) -> str:
    """The same within a sentence: "persistence", but "PA-DGN"."""
    label = model_label(name)
    return label.lower() if name in MODEL_NAMES and label[1:] == label[1:].lower() else label


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


def group_label(group: str) -> str:
    """The name of a group in words."""
    words = {"seen": "Seen surfaces", "unseen": "Unseen surfaces", "all": "All test trajectories"}
    return words.get(group, group.removeprefix("mesh:"))


def count_label(scores: Mapping) -> str:
    """How many trajectories, and windows where there are more, a group of scores stands for."""
    trajectories, windows = scores["trajectories"], scores["windows"]
    text = f"{trajectories} trajector{'y' if trajectories == 1 else 'ies'}"
    return text if windows == trajectories else f"{text}, {windows} windows"
