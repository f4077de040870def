"""Hourly readings of NOAA stations: files of Local Climatological Data (LCD), as Climate Data Online gives them out.

What is read: CSV with a header; one row per report with STATION, DATE (ISO 8601, minutes included), LATITUDE, LONGITUDE
[degrees], ELEVATION [m], perhaps REPORT_TYPE, and columns such as HourlyDryBulbTemperature; further columns are not
looked at. One file may hold several stations, and one station may be spread over several files.

An entry is a number; a number with the flag "s" is suspect and counts as no reading; "V" (variable) is taken off its
number; "T" is a trace, 0; empty, "*" and "M" are no reading. Summaries of days and months (REPORT_TYPE SOD, SOM) are
left out. Reports come at any minute: each counts for the hour that is nearest, and of several for one hour that counts
which is nearest to it (the earlier one of two as near).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pdgn.data.sensor_files import first_day, require_place, rows_of, table_number
from pdgn.data.sensor_table import SensorTable

STATION, DATE, LATITUDE, LONGITUDE, ELEVATION, REPORT = (
    "STATION", "DATE", "LATITUDE", "LONGITUDE", "ELEVATION", "REPORT_TYPE",
)  # fmt: skip
SUMMARIES = {"SOD", "SOM"}
NOTHING = {"", "*", "M"}
HOUR = timedelta(hours=1)


class Box(NamedTuple):
    """A region between two latitudes and two longitudes [degrees], east positive."""

    south: float
    north: float
    west: float
    east: float

    def holds(self, latitude: float, longitude: float) -> bool:
        """Whether a place is in it."""
        return self.south <= latitude <= self.north and self.west <= longitude <= self.east


class _Reading(NamedTuple):
    """What is kept of an hour: how far from it the report came, and its values."""

    away: timedelta
    values: tuple[float, ...]


def read_noaa(
    path: str | os.PathLike[str],
    *,
    variables: Mapping[str, str],
    box: Box | None = None,
    local_time: bool = True,
    first: datetime | None = None,
) -> SensorTable:
    """Reads stations and their hourly readings.

    Args:
        path: a CSV file, or a folder of them.
        variables: column → name of the field that it becomes, for example {"HourlyDryBulbTemperature": "temperature"}.
        box: stations outside are left out.
        local_time: dates are local standard time, as in LCD files, and not UTC. They are moved by the whole hours of
            longitude/15 to the east of Greenwich, which is the zone that a clock would have by the sun: near the
            borders of legal zones an hour off.
        first: midnight (UTC) of the first day, earlier readings are left out; none: that of the first reading.

    Returns:
        The table, stations in the order in which they appear.

    Raises:
        FileNotFoundError: no such file, or no CSV file in the folder.
        ValueError: an unknown column, an entry that cannot be read (with its line), a station at two places, two
            stations at one, no reading.
    """
    places: dict[str, tuple[float, ...]] = {}
    kept: dict[tuple[str, datetime], _Reading] = {}
    wanted = [STATION, DATE, LATITUDE, LONGITUDE, ELEVATION, *variables]
    for where, row in _all_rows(Path(path), wanted):
        if row.get(REPORT, "").strip() in SUMMARIES:
            continue
        values = tuple(_value(where, name, row[name]) for name in variables)
        if np.isnan(values).all():
            continue
        name = row[STATION]
        latitude, longitude, height = (table_number(where, key, row[key]) for key in (LATITUDE, LONGITUDE, ELEVATION))
        if box is not None and not box.holds(latitude, longitude):
            continue
        _take_place(where, name, (latitude, longitude, height), places)
        time = _time(where, row[DATE]) - (HOUR * round(longitude / 15) if local_time else timedelta())
        hour = (time + HOUR / 2).replace(minute=0, second=0, microsecond=0)
        reading = _Reading(abs(time - hour), values)
        if (name, hour) not in kept or reading.away < kept[name, hour].away:
            kept[name, hour] = reading
    if first is not None:
        kept = {key: reading for key, reading in kept.items() if key[1] >= first}
    if not kept:
        raise ValueError(f"{path}: wanted readings{' from ' + first.isoformat() if first else ''}, got none")
    return _table(Path(path), places, kept, tuple(variables.values()), first)


def _all_rows(path: Path, wanted: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"{path}: wanted CSV files in this folder, given none")
    for file in files:
        yield from rows_of(file, wanted)


def _value(where: str, name: str, text: str) -> float:
    text = text.strip()
    if text in NOTHING or re.fullmatch(r"-?[\d.]+s", text):
        return np.nan
    return 0.0 if text == "T" else table_number(where, name, text.removesuffix("V"))


def _time(where: str, text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{where}: {DATE}: wanted a date like 2015-01-31T23:53:00, got {text!r}") from None
    if time.tzinfo is not None:
        raise ValueError(f"{where}: {DATE}: wanted a time without zone, got {text!r}")
    return time


def _take_place(where: str, name: str, place: tuple[float, ...], places: dict[str, tuple[float, ...]]) -> None:
    if name not in places:
        places[name] = require_place(where, name, place, places)
    elif places[name] != place:
        raise ValueError(f"{where}: station {name!r} was at {places[name]} before, now at {place}")


def _table(
    path: Path,
    places: Mapping[str, tuple[float, ...]],
    kept: Mapping[tuple[str, datetime], _Reading],
    fields: Sequence[str],
    first: datetime | None,
) -> SensorTable:
    hours = [hour for _, hour in kept]
    begin, days = first_day(path, first or min(hours), max(hours))
    values = np.full((24 * days, len(places), len(fields)), np.nan)
    index = {name: place for place, name in enumerate(places)}
    for (name, hour), reading in kept.items():
        values[(hour - begin) // HOUR, index[name]] = reading.values
    latitude, longitude, altitude = np.array(list(places.values())).T
    table = SensorTable(
        tuple(places), latitude, longitude, altitude, f"{begin.isoformat()}+00:00", tuple(fields), values
    )
    return table.select(np.isfinite(values).any(axis=(0, 2)))
