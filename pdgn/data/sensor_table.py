"""Stations and their readings on a regular axis of time, and how files name their columns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pdgn.data.sensor_time import DEFAULT_FORMAT, HOURLY, TimeStep


@dataclass(frozen=True)
class SensorColumns:
    """Names of the columns, in a recipe ``stations.<name>_column``, and how dates are written.

    Args:
        station: identifies a station, in both files.
        latitude, longitude: degrees.
        altitude: metres; may be absent from the file under its default name.
        date: time of a reading; UTC where it tells no zone.
        date_format: of :meth:`datetime.datetime.strptime`; beside the default one, ISO 8601 is read too.
        readings_station: identifies a station in the readings, where its name is another one there.
        x, y, z: planar coordinates in place of latitude and longitude, all in one unit of length; z may be None.

    Raises:
        ValueError: x without y, or y or z without x.
    """

    station: str = "id"
    latitude: str = "latitude_deg"
    longitude: str = "longitude_deg"
    altitude: str = "altitude_m"
    date: str = "date"
    date_format: str = DEFAULT_FORMAT
    readings_station: str | None = None
    x: str | None = None
    y: str | None = None
    z: str | None = None

    def __post_init__(self) -> None:
        if (self.x is None) != (self.y is None) or (self.z is not None and self.x is None):
            raise ValueError(f"columns: wanted x and y (and perhaps z), got x {self.x}, y {self.y}, z {self.z}")

    @property
    def position(self) -> dict[str, str]:
        """The columns that say where a station is: name in this class → name in the file."""
        names = ("latitude", "longitude") if self.x is None else ("x", "y", "z")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True, eq=False)
class SensorTable:
    """Readings of V stations on a regular axis of whole days (UTC).

    Args:
        names: of the stations, V.
        latitude, longitude: [V] degrees, or None where ``position`` tells the places.
        altitude: [V] metres, 0 where the file has none.
        origin: midnight of the first day, ISO 8601, UTC; ``values[t]`` is t steps later.
        fields: names, C.
        values: [T, V, C] float64, NaN where there is no reading; T is a multiple of ``step.per_day``.
        step: of the axis.
        position: [V, 3] planar coordinates, z = 0 where the file has none; or None.
    """

    names: tuple[str, ...]
    latitude: np.ndarray | None
    longitude: np.ndarray | None
    altitude: np.ndarray
    origin: str
    fields: tuple[str, ...]
    values: np.ndarray
    step: TimeStep = HOURLY
    position: np.ndarray | None = None

    def coverage(self) -> np.ndarray:
        """Fraction of time steps at which a station reported every field, [V]."""
        return np.isfinite(self.values).all(-1).mean(axis=0)

    def select(self, keep: np.ndarray) -> SensorTable:
        """The table of some stations.

        Args:
            keep: [V] bool.
        """
        return replace(
            self,
            names=tuple(name for name, kept in zip(self.names, keep) if kept),
            latitude=None if self.latitude is None else self.latitude[keep],
            longitude=None if self.longitude is None else self.longitude[keep],
            position=None if self.position is None else self.position[keep],
            altitude=self.altitude[keep],
            values=self.values[:, keep],
        )
