"""Tables about the models themselves: how long their roll-outs last, how large they are, how they were trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pdgn.evaluation.labels import count_label, group_label, model_label, plain_unit
from pdgn.evaluation.tables import Table

STOPPED = {"patience": "no gain", "epochs": "all epochs", "max_minutes": "time limit", None: "–"}


def divergence_table(models: Mapping[str, Mapping], groups: Sequence[str], time_unit: str) -> list[Table]:
    """How many roll-outs diverged, and when: median, mean and first time of those that did.

    Args:
        models: {model: {group: scores}}. groups: which of them. time_unit: unit of the times.

    Returns:
        One table; none where nothing diverged.
    """
    lines = [[model[group]["total"] for group in groups] for model in models.values()]
    if not any(total["diverged"] for line in lines for total in line):
        return []
    unit = plain_unit(time_unit)
    first = next(iter(models.values()))
    return [
        Table(
            caption=f"Time from the last observed frame to divergence{f', in {unit}' if unit else ''}, "
            "of the roll-outs that diverged",
            groups=tuple(f"{group_label(group)} ({count_label(first[group])})" for group in groups),
            columns=("diverged", "median", "mean", "first"),
            names=tuple(model_label(name) for name in models),
            cells=tuple(tuple(cell for total in line for cell in _divergence(total)) for line in lines),
            best=frozenset(),
        )
    ]


def _divergence(total: Mapping[str, Any]) -> list[str]:
    times = total["time_to_divergence"] or {}
    return [f"{100 * total['diverged']:.0f} %"] + [
        f"{times[key]:.3g}" if key in times else "–" for key in ("median", "mean", "min")
    ]


def model_table(models: Mapping[str, Mapping[str, Any]]) -> Table:
    """Size and training of each model.

    Args:
        models: what metrics.json says about each.
    """
    return Table(
        caption="The models; training ended when the validation loss no longer fell (no gain), when all epochs were "
        "done, or when its time was up (time limit)",
        groups=("",),
        columns=("parameters", "frames observed", "training [s]", "epochs", "ended by", "roll-outs [s]"),
        names=tuple(model_label(name) for name in models),
        cells=tuple(tuple(_model_cells(model)) for model in models.values()),
        best=frozenset(),
    )


def _model_cells(model: Mapping[str, Any]) -> list[str]:
    training = model["training"]
    trained = ["–"] * 3
    if training is not None:
        trained = [f"{training['seconds']:.0f}", str(training["epochs"]), STOPPED[training["stopped_by"]]]
    return [f"{model['parameters']:,}", str(model["history"]), *trained, f"{model['seconds']:.1f}"]
