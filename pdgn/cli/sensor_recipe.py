"""What a recipe says about sensors: those that observe a simulation, and stations whose readings are tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pdgn.cli.wanted import require, require_at_least


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
        stations: CSV of stations: id, latitude, longitude [degrees], altitude [m]; none with format "noaa", whose
            files say where each station is.
        readings: CSV of hourly readings, one row per station and hour; with format "noaa" a file of Local
            Climatological Data or a folder of them (`pdgn.data.read_noaa`).
        field: name of the field in the file.
        unit: its unit.
        station_column: column of both tables that names the station.
        date_column: column of the readings with the hour, UTC.
        value_column: column of the readings to take.
        train_days: days for training, the first ones.
        valid_days: days for validation, after them.
        test_days: days for test, after those.
        neighbours: k of the symmetrised nearest-neighbour graph.
        max_gap_hours: gaps up to this length are interpolated linearly in time; longer ones are masked.
        min_coverage: stations that report a smaller fraction of the hours are dropped, and named.
        format: "tables" or "noaa".
        first_date: YYYY-MM-DD, the first day of training; none: that of the first reading. Of format "noaa".
        box: south, north, west, east [degrees] of the stations that are taken; none: all. Of format "noaa".
        scale: what values are multiplied with.
        offset: what is then added [unit].
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
    max_gap_hours: int = 3
    min_coverage: float = 0.8
    format: Literal["tables", "noaa"] = "tables"
    first_date: str | None = None
    box: list[float] | None = None
    scale: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        noaa = self.format == "noaa"
        tables = "none, as the files of NOAA say where stations are" if noaa else "the path of a table"
        require("stations.stations", (self.stations is None) == noaa, tables, self.stations)
        require("stations.box", self.box is None or (noaa and len(self.box) == 4),
                "four numbers, with format 'noaa'", self.box)  # fmt: skip
        require("stations.first_date", self.first_date is None or (noaa and _is_date(self.first_date)),
                "YYYY-MM-DD, with format 'noaa'", self.first_date)  # fmt: skip


def _is_date(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d") == text
    except ValueError:
        return False
