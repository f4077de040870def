"""What a recipe says about sensors: those that observe a simulation, and stations whose readings are tables."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from pdgn.cli.wanted import require, require_at_least
from pdgn.data import SensorColumns
from pdgn.data.sensor_time import TimeStep, parse_duration

_LATER = "later"


def _later(default: Any) -> Any:
    """A key that came after files were made: stored only where it is not the default."""
    return field(default=default, metadata={_LATER: True})


@dataclass(frozen=True)
class SensorRecipe:
    """Observe the simulation at sampled vertices.

    The network holds the truth at its sensors, and, with noise or gaps, what they report under `<field>_observed`:
    values with noise, masked where they are missing. Datasets then show reports as history and the truth as target.

    Args:
        count: number of sensors.
        graph: "knn" (symmetrised k nearest neighbours in space), "geodesic_knn" (along the surface, the lengths of
            edges stored as edge array `geodesic_length`) or "delaunay" (planar).
        k: neighbours of "knn" and "geodesic_knn".
        sampling: "random" or "farthest", both without replacement.
        stride: candidates are every stride-th vertex of a grid in each direction.
        seed: of the sensors' places, noise and gaps, beside the recipe's own: another seed, the same trajectories.
        noise: standard deviation of the white noise on every report, in units of the standard deviation of the field
            over all nodes and frames of the trajectory (the product is stored as parameter `<field>_noise`).
        gaps: fraction of the reports that are missing.
        gap_length: mean length of a gap [frames]; gaps come and go as a two-state Markov chain, the same for all
            fields of a sensor.
        keep_surface: keep the surface with its full fields too; the network is then `<surface>_sensors`, its node
            array `vertex` the vertices of the surface.
    """

    count: int
    graph: Literal["knn", "geodesic_knn", "delaunay"] = "knn"
    k: int = 4
    sampling: Literal["random", "farthest"] = "random"
    stride: int = 1
    seed: int = 0
    noise: float = 0.0
    gaps: float = 0.0
    gap_length: float = 3.0
    keep_surface: bool = False

    def __post_init__(self) -> None:
        require_at_least("sensors", self, count=2, k=1, stride=1, seed=0, noise=0, gap_length=1)
        require("sensors.gaps", 0 <= self.gaps < 1, "a fraction of at least 0 and below 1", self.gaps)
        least = self.gaps / (1 - self.gaps)
        require(
            "sensors.gap_length", self.gap_length >= least,
            f"at least gaps/(1 - gaps) = {least:g} frames, as a gap ends before the next begins", self.gap_length,
        )  # fmt: skip

    @property
    def degraded(self) -> bool:
        """Whether reports differ from the truth, so that they are stored beside it."""
        return self.noise > 0 or self.gaps > 0


def observed_by(count: int) -> SensorRecipe:
    """What `--sensors N` means: noise of 5 %, a tenth of the reports missing, the surface kept.

    Args:
        count: number of sensors.

    Returns:
        The recipe of the sensors.
    """
    return SensorRecipe(count, noise=0.05, gaps=0.1, keep_surface=True)


@dataclass(frozen=True)
class StationsRecipe:
    """Readings of real stations instead of a simulation.

    Args:
        stations: CSV of stations: name, latitude, longitude [degrees] or x, y, z, altitude [m]; none with format
            "noaa", whose files say where each station is.
        readings: CSV of readings, one row per station and time; an empty entry, NaN or NA is a gap; with format "noaa"
            a file of Local Climatological Data or a folder of them (`pdgn.data.read_noaa`).
        field: name of the field in the file.
        unit: its unit.
        station_column: column of both tables that names the station.
        date_column: column of the readings with the time, UTC where it tells no zone.
        value_column: column of the readings to take.
        train_days: days for training, the first ones.
        valid_days: days for validation, after them.
        test_days: days for test, after those.
        neighbours: k of the symmetrised nearest-neighbour graph.
        max_gap_hours: gaps up to this length are interpolated linearly in time; longer ones are masked.
        min_coverage: stations that report a smaller fraction of the time steps are dropped, and named.
        format: "tables" or "noaa".
        first_date: YYYY-MM-DD, the first day of training; none: that of the first reading. Of format "noaa".
        box: south, north, west, east [degrees] of the stations that are taken; none: all. Of format "noaa".
        scale: what values are multiplied with.
        offset: what is then added [unit].
        readings_station_column: column of the readings that names the station; none: as `station_column`.
        latitude_column: column of the stations [degrees].
        longitude_column: column of the stations [degrees].
        altitude_column: column of the stations [m]; 0 where the table has no column of the default name.
        x_column: planar coordinate in place of latitude and longitude; the unit is the recipe's `unit`.
        y_column: with `x_column`.
        z_column: with `x_column`; none: 0.
        date_format: of `strptime`, for example "%d.%m.%Y %H:%M"; with the default one ISO 8601 is read too.
        time_step: between readings, "15 min", "1 h", "1 d"; a day is a whole number of steps.
        time_tolerance: readings at most this far from a step count for it, for example "5 min".
    """

    stations: str | None
    readings: str
    field: str = "temperature"
    unit: str = "K"
    station_column: str = "numer_sta"
    date_column: str = "date"
    value_column: str = "t"
    train_days: int = 16
    valid_days: int = 4
    test_days: int = 4
    neighbours: int = 4
    max_gap_hours: float = 3
    min_coverage: float = 0.8
    format: Literal["tables", "noaa"] = "tables"
    first_date: str | None = None
    box: list[float] | None = None
    scale: float = 1.0
    offset: float = 0.0
    readings_station_column: str | None = _later(None)
    latitude_column: str = _later(SensorColumns.latitude)
    longitude_column: str = _later(SensorColumns.longitude)
    altitude_column: str = _later(SensorColumns.altitude)
    x_column: str | None = _later(None)
    y_column: str | None = _later(None)
    z_column: str | None = _later(None)
    date_format: str = _later(SensorColumns.date_format)
    time_step: str = _later("1 h")
    time_tolerance: str = _later("0 s")

    def __post_init__(self) -> None:
        noaa = self.format == "noaa"
        tables = "none, as the files of NOAA say where stations are" if noaa else "the path of a table"
        require("stations.stations", (self.stations is None) == noaa, tables, self.stations)
        require("stations.box", self.box is None or (noaa and len(self.box) == 4),
                "four numbers, with format 'noaa'", self.box)  # fmt: skip
        require("stations.first_date", self.first_date is None or (noaa and _is_date(self.first_date)),
                "YYYY-MM-DD, with format 'noaa'", self.first_date)  # fmt: skip
        for name in self.chosen() if noaa else ():
            require(f"stations.{name}", False, "nothing, as files of NOAA have it fixed", getattr(self, name))
        planar = any((self.x_column, self.y_column, self.z_column))
        for name in ("x_column", "y_column"):
            given = getattr(self, name)
            require(f"stations.{name}", bool(given) == planar, "a column, as x and y go together", given)
        with_year = any(f"%{letter}" in self.date_format for letter in "YyGcx")  # else strptime takes 1900
        require("stations.date_format", with_year, "a format of strptime with a year, such as %Y-%m-%d %H:%M",
                self.date_format)  # fmt: skip
        try:
            TimeStep.parse(self.time_step)
            parse_duration("time_tolerance", self.time_tolerance)
        except ValueError as error:
            raise ValueError(f"stations.{error}") from None

    def chosen(self) -> list[str]:
        """Those keys that files of earlier recipes lack whose value is not the default."""
        later = (item for item in fields(self) if _LATER in item.metadata)
        return [item.name for item in later if getattr(self, item.name) != item.default]

    def stored(self) -> dict[str, Any]:
        """Keys and values for the file, without later keys at their defaults: configs and hashes stay as they were."""
        chosen = self.chosen()
        return {
            item.name: getattr(self, item.name)
            for item in fields(self)
            if _LATER not in item.metadata or item.name in chosen
        }


def _is_date(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d") == text
    except ValueError:
        return False
