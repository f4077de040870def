"""What a trained model has to remember to be used on data of its own kind."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from pdgn.data import Context
from pdgn.models import Channels


@dataclass(frozen=True)
class FieldDescription:
    """One physical field among the channels of the signal.

    Args:
        name: its name in the dataset.
        unit: its unit.
        channels: how many consecutive channels it takes.
    """

    name: str
    unit: str
    channels: int = 1


@dataclass(frozen=True)
class ForecastDescription:
    """What a checkpoint says about its model and the data it expects.

    Args:
        model: {"name": ..., options of the constructor}.
        channels: sizes of the model's inputs.
        context: names of the context features, in order.
        fields: the fields that make up the signal, in order.
        history: observed frames in training.
        dt: time between frames.
        time_unit: its unit.
        edge_length: least and largest mean length of the edges of a mesh, in its unit; None: not known.
    """

    model: dict[str, Any]
    channels: Channels
    context: Context
    fields: tuple[FieldDescription, ...]
    history: int
    dt: float
    time_unit: str = "1"
    edge_length: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The description as plain values, for a checkpoint.

        Returns:
            What `from_dict` reads.
        """
        return {
            "model": dict(self.model),
            "channels": self.channels._asdict(),
            "context": dataclasses.asdict(self.context),
            "fields": [dataclasses.asdict(field) for field in self.fields],
            "history": self.history,
            "dt": self.dt,
            "time_unit": self.time_unit,
            "edge_length": None if self.edge_length is None else list(self.edge_length),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ForecastDescription:
        """Reads a description back.

        Args:
            values: what `to_dict` gave.

        Returns:
            The description.
        """
        return cls(
            model=dict(values["model"]),
            channels=Channels(**values["channels"]),
            context=Context(**values["context"]),
            fields=tuple(FieldDescription(**field) for field in values["fields"]),
            history=values["history"],
            dt=values["dt"],
            time_unit=values["time_unit"],
            edge_length=None if values.get("edge_length") is None else tuple(values["edge_length"]),
        )
