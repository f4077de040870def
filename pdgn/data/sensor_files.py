"""Tables of stations and of their readings, read from CSV files."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pdgn.data.sensor_table import SensorColumns, SensorTable
from pdgn.data.sensor_time import (
    DEFAULT_FORMAT,
    HOURLY,
    TimeStep,
    common_step,
    duration_text,
    grid_times,
    parse_duration,
    read_date,
)

_LONGEST_AXIS = 1_000_000  # steps, 114 years of hours: a longer axis is a mistyped date
_YEARS = range(1700, 2201)
MISSING = {"", "nan", "na"}  # entries without a reading, in lower case
Place = tuple[float, ...]


def read_sensor_tables(
    stations: str | os.PathLike[str],
    readings: str | os.PathLike[str],
    *,
    variables: Mapping[str, str],
    columns: SensorColumns | None = None,
    time_step: TimeStep = HOURLY,
    time_tolerance: str = "0 s",
) -> SensorTable:
    """Read the stations that are in both files, and their readings.

    Args:
        stations: CSV with one row per station.
        readings: CSV with one row per station and time; an empty entry, NaN or NA is a gap.
        variables: column of ``readings`` → name of the field it becomes.
        columns: names of the other columns.
        time_step: of the axis, which begins at midnight UTC.
        time_tolerance: readings at most this far from a time of the axis count for it ("5 min"); of several of one
            station the nearest, of two as near the earlier one; half way between two times the earlier.

    Returns:
        The table, stations in the order of their file.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: an unknown column, a date or number that cannot be read (with its line), readings off the axis, a
            reading given twice, a station given twice, two stations at the same place, no station in both files.
    """
    columns = columns or SensorColumns()
    stations, readings = Path(stations), Path(readings)
    places = _read_places(stations, columns)
    kept = _read_values(
        readings, list(variables), columns, {name: i for i, name in enumerate(places)},
        _Clock(time_step, parse_duration("time_tolerance", time_tolerance)),
    )  # fmt: skip
    if not kept:
        raise ValueError(f"{readings}: wanted readings of the stations in {stations}, got none")
    times, indices = [time for time, _ in kept], [station for _, station in kept]
    first, days = first_day(readings, min(times), max(times), time_step.per_day)
    table = np.full((time_step.per_day * days, len(places), len(variables)), np.nan)
    table[[(time - first) // time_step.duration for time in times], indices] = [entry.values for entry in kept.values()]
    array = np.array(list(places.values()), dtype=np.float64)
    planar = columns.x is not None
    result = SensorTable(
        names=tuple(places),
        latitude=None if planar else array[:, 0],
        longitude=None if planar else array[:, 1],
        altitude=array[:, -1],
        origin=f"{first.isoformat()}+00:00",
        fields=tuple(variables.values()),
        values=table,
        step=time_step,
        position=array[:, :3] if planar else None,
    )
    return result.select(np.isin(np.arange(len(places)), indices))


def rows_of(
    path: Path, wanted: list[str], keys: Mapping[str, str] | None = None
) -> Iterator[tuple[str, dict[str, str]]]:
    """Every row with where it stands ("file line n"), after the header was checked.

    Args:
        path: a CSV file.
        wanted: columns that it must have.
        keys: column → key of a recipe that names it, for the message.

    Raises:
        FileNotFoundError, ValueError: no such file, a missing column, a row of another length, not CSV in UTF-8.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            available = reader.fieldnames or []
            missing = [name for name in wanted if name not in available]
            if missing:
                hint = f"; name yours in the recipe, {keys[missing[0]]}" if keys and missing[0] in keys else ""
                raise ValueError(
                    f"{path}: column {missing[0]!r} is not there, available: {', '.join(available) or 'none'}{hint}"
                )
            for row in reader:
                where = f"{path} line {reader.line_num}"
                if None in row or None in row.values():
                    raise ValueError(f"{where}: wanted {len(available)} entries as the header has, got another number")
                yield where, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: not a CSV file in UTF-8 ({error})") from error


def table_number(where: str, name: str, text: str) -> float:
    """A number of a table; where and name tell its place in the message. ValueError: the text is none."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{where}: {name}: wanted a number, got {text!r}") from None
    if not np.isfinite(value):
        raise ValueError(f"{where}: {name}: wanted a finite number or an empty entry, got {text!r}")
    return value


def _read_places(path: Path, columns: SensorColumns) -> dict[str, Place]:
    """Station → latitude, longitude, altitude; or x, y, z, altitude."""
    places: dict[str, Place] = {}
    position = columns.position
    keys = {column: f"stations.{name}_column" for name, column in {"station": columns.station, **position}.items()}
    if columns.altitude != SensorColumns.altitude:
        keys[columns.altitude] = "stations.altitude_column"
    for where, row in rows_of(path, list(keys), keys):
        name = row[columns.station].strip()
        place = tuple(table_number(where, column, row[column]) for column in position.values())
        altitude = row.get(columns.altitude) or ""
        height = 0.0 if altitude.strip().lower() in MISSING else table_number(where, columns.altitude, altitude)
        if not name or name in places:
            raise ValueError(f"{where}: {columns.station}: wanted a name given once, got {name!r}")
        if columns.x is None:
            places[name] = require_place(where, name, (*place, height), places)
        else:
            _require_alone(where, name, place, places)
            places[name] = (*place, *([0.0] if columns.z is None else []), height)
    return places


def _require_alone(where: str, name: str, place: Place, places: Mapping[str, Place]) -> None:
    other = next((other for other, taken in places.items() if taken[: len(place)] == place), None)
    if other is not None:
        raise ValueError(f"{where}: stations {other!r} and {name!r} are at the same place")


def require_place(where: str, name: str, place: Place, places: Mapping[str, Place]) -> Place:
    """A station's latitude and longitude [degrees] and altitude [m], where no other one is.

    Raises:
        ValueError: no degrees, or another station at the same place.
    """
    latitude, longitude = place[:2]
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 360):
        raise ValueError(f"{where}: wanted degrees of latitude and longitude, got {latitude} and {longitude}")
    for other, (north, east, *_) in places.items():
        if (north, east % 360) == (latitude, longitude % 360):
            raise ValueError(f"{where}: stations {other!r} and {name!r} are at the same place")
    return place


class _Clock(NamedTuple):
    """The axis, and how far from its times a reading may be."""

    step: TimeStep
    tolerance: timedelta


class _Reading(NamedTuple):
    """What is kept of a time of the axis: its values, when the reading was and how far from that time.

    The least of several is kept: with a value before empty ones, then the nearest, then the earlier.
    """

    empty: bool
    away: timedelta
    time: datetime
    values: list[float]


def _read_values(
    path: Path, variables: list[str], columns: SensorColumns, index: Mapping[str, int], clock: _Clock
) -> dict[tuple[datetime, int], _Reading]:
    """(time of the axis, station) → the reading that is nearest to it, of every known station."""
    kept: dict[tuple[datetime, int], _Reading] = {}
    dates: dict[str, datetime] = {}
    places: dict[datetime, str] = {}
    identifier = columns.readings_station or columns.station
    keys = {
        identifier: "stations.station_column or stations.readings_station_column",
        columns.date: "stations.date_column",
    }
    keys |= dict.fromkeys(variables, "stations.value_column")
    seen: set[tuple[datetime, int]] = set()
    for where, row in rows_of(path, list(keys), keys):
        station, text = index.get(row[identifier].strip()), row[columns.date]
        if station is None:
            continue
        if text not in dates:
            dates[text] = _date(where, text, columns)
            places.setdefault(dates[text], where)
        time = dates[text]
        before, after = grid_times(time, clock.step)
        nearest = before if time - before <= after - time else after
        values = [_value(where, name, row[name]) for name in variables]
        reading = _Reading(bool(np.isnan(values).all()), abs(time - nearest), time, values)
        other = kept.get((nearest, station))
        if (time, station) in seen:
            raise ValueError(f"{where}: a second reading of station {row[identifier]!r} at {text}")
        seen.add((time, station))
        if other is None or reading[:3] < other[:3]:
            kept[nearest, station] = reading
    _require_on_axis(places, clock)
    return kept


def _value(where: str, name: str, text: str) -> float:
    return np.nan if text.strip().lower() in MISSING else table_number(where, name, text)


def _date(where: str, text: str, columns: SensorColumns) -> datetime:
    try:
        date = read_date(text, columns.date_format)
    except (ValueError, OverflowError):
        iso = " or ISO 8601 (2014-01-31T23:00:00Z)" if columns.date_format == DEFAULT_FORMAT else ""
        raise ValueError(
            f"{where}: {columns.date}: wanted a date like {columns.date_format}{iso}, got {text!r}; another format is "
            f"named in the recipe, stations.date_format"
        ) from None
    if date.year not in _YEARS:
        raise ValueError(
            f"{where}: {columns.date}: wanted a year from {_YEARS.start} to {_YEARS.stop - 1}, got {date.year} "
            f"({text!r})"
        )
    return date


def _require_on_axis(places: Mapping[datetime, str], clock: _Clock) -> None:
    """Refuses times (with where each is read first) that are too far from the axis.

    Raises:
        ValueError: one message for all of them: the first, its nearest times, and the keys that would take them.
    """
    away = {
        time: min(time - before, after - time) for time in places for before, after in [grid_times(time, clock.step)]
    }
    off = [time for time in places if away[time] > clock.tolerance]
    if not off:
        return
    before, after = (f"{time:%H:%M:%S}" for time in grid_times(off[0], clock.step))
    common = common_step(list(places))
    # A step of which most times lack readings is an accident of their minutes.
    full = 2 * len(away) > (max(away) - min(away)) / common
    hint = f" ({duration_text(common)!r} has them all)" if full else ""
    enough = duration_text(timedelta(seconds=math.ceil(max(away.values()).total_seconds())))
    raise ValueError(
        f"{places[off[0]]}: wanted readings every {clock.step} from midnight UTC, got {len(off)} of {len(away)} times "
        f"between, the first at {off[0].isoformat()} (nearest: {before} and {after}); set in the recipe "
        f"stations.time_step to the step of the readings{hint}, or stations.time_tolerance to {enough!r}, so that each "
        f"counts for the nearest time"
    )


def first_day(path: Path, first: datetime, last: datetime, per_day: int = 24) -> tuple[datetime, int]:
    """Midnight of the first day, and the number of days, of readings so many times a day."""
    days = (last.date() - first.date()).days + 1
    if per_day * days > _LONGEST_AXIS:
        raise ValueError(
            f"{path}: readings reach from {first} to {last}: wanted at most {_LONGEST_AXIS} times, {per_day} a day; is "
            "a date mistyped, or stations.time_step too short?"
        )
    return first.replace(hour=0, minute=0, second=0, microsecond=0), days
