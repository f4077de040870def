"""Tables of stations and of their hourly readings, read from CSV files."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

_LONGEST_AXIS = 1_000_000  # hours, 114 years: a longer axis is a mistyped date


@dataclass(frozen=True)
class SensorColumns:
    """Names of the columns, and how dates are written (UTC).

    Args:
        station: identifies a station, in both files.
        latitude, longitude: degrees; altitude: metres, may be absent from the file.
        date: time of a reading, on the hour.
        date_format: of :meth:`datetime.datetime.strptime`.
    """

    station: str = "id"
    latitude: str = "latitude_deg"
    longitude: str = "longitude_deg"
    altitude: str = "altitude_m"
    date: str = "date"
    date_format: str = "%Y%m%d%H%M%S"


@dataclass(frozen=True, eq=False)
class SensorTable:
    """Hourly readings of V stations on a regular axis of whole days (UTC).

    Args:
        names: of the stations, V.
        latitude, longitude: [V] degrees. altitude: [V] metres, 0 where the file has none.
        origin: midnight of the first day, ISO 8601, UTC; hour t of ``values`` is t hours later.
        fields: names, C.
        values: [T, V, C] float64, NaN where there is no reading; T is a multiple of 24.
    """

    names: tuple[str, ...]
    latitude: np.ndarray
    longitude: np.ndarray
    altitude: np.ndarray
    origin: str
    fields: tuple[str, ...]
    values: np.ndarray

    def coverage(self) -> np.ndarray:
        """Fraction of hours at which a station reported every field, [V]."""
        return np.isfinite(self.values).all(-1).mean(axis=0)

    def select(self, keep: np.ndarray) -> SensorTable:
        """The table of some stations.

        Args:
            keep: [V] bool.
        """
        return replace(
            self,
            names=tuple(name for name, kept in zip(self.names, keep) if kept),
            latitude=self.latitude[keep],
            longitude=self.longitude[keep],
            altitude=self.altitude[keep],
            values=self.values[:, keep],
        )


def read_sensor_tables(
    stations: str | os.PathLike[str],
    readings: str | os.PathLike[str],
    *,
    variables: Mapping[str, str],
    columns: SensorColumns | None = None,
) -> SensorTable:
    """Read the stations that are in both files, and their readings.

    Args:
        stations: CSV with one row per station.
        readings: CSV with one row per station and hour; an empty entry is a gap.
        variables: column of ``readings`` → name of the field it becomes.
        columns: names of the other columns.

    Returns:
        The table, stations in the order of their file.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: an unknown column, a date or number that cannot be read (with its line), a reading off the hour or
            given twice, a station given twice, two stations at the same place, no station in both files.
    """
    columns = columns or SensorColumns()
    stations, readings = Path(stations), Path(readings)
    places = _read_places(stations, columns)
    hours, indices, values = _read_values(
        readings, list(variables), columns, {name: i for i, name in enumerate(places)}
    )
    if not values:
        raise ValueError(f"{readings}: wanted readings of the stations in {stations}, got none")
    first, days = first_day(readings, min(hours), max(hours))
    table = np.full((24 * days, len(places), len(variables)), np.nan)
    offset = [int((hour - first) / timedelta(hours=1)) for hour in hours]
    table[offset, indices] = values
    position = np.array(list(places.values()))
    origin = first.isoformat() + "+00:00"
    latitude, longitude, altitude = position.T
    result = SensorTable(tuple(places), latitude, longitude, altitude, origin, tuple(variables.values()), table)
    return result.select(np.isin(np.arange(len(places)), indices))


def rows_of(path: Path, wanted: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Every row with where it stands ("file line n"), after the header was checked."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            available = reader.fieldnames or []
            missing = [name for name in wanted if name not in available]
            if missing:
                raise ValueError(
                    f"{path}: column {missing[0]!r} is not there, available: {', '.join(available) or 'none'}"
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


def _read_places(path: Path, columns: SensorColumns) -> dict[str, tuple[float, float, float]]:
    """Station → latitude, longitude, altitude."""
    places: dict[str, tuple[float, float, float]] = {}
    for where, row in rows_of(path, [columns.station, columns.latitude, columns.longitude]):
        name = row[columns.station]
        latitude = table_number(where, columns.latitude, row[columns.latitude])
        longitude = table_number(where, columns.longitude, row[columns.longitude])
        altitude = table_number(where, columns.altitude, row.get(columns.altitude) or "0")
        if not name or name in places:
            raise ValueError(f"{where}: {columns.station}: wanted a name given once, got {name!r}")
        places[name] = require_place(where, name, (latitude, longitude, altitude), places)
    return places


def require_place(
    where: str, name: str, place: tuple[float, float, float], places: Mapping[str, tuple[float, float, float]]
) -> tuple[float, float, float]:
    """A station's latitude and longitude [degrees] and altitude [m], where no other one is.

    Raises:
        ValueError: no degrees, or another station at the same place.
    """
    latitude, longitude, _ = place
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 360):
        raise ValueError(f"{where}: wanted degrees of latitude and longitude, got {latitude} and {longitude}")
    for other, (north, east, _) in places.items():
        if (north, east % 360) == (latitude, longitude % 360):
            raise ValueError(f"{where}: stations {other!r} and {name!r} are at the same place")
    return place


def _read_values(
    path: Path, variables: list[str], columns: SensorColumns, index: Mapping[str, int]
) -> tuple[list[datetime], list[int], list[list[float]]]:
    """Hour, station and values of every reading of a known station."""
    hours, indices, values = [], [], []
    dates: dict[str, datetime] = {}
    seen: set[tuple[datetime, int]] = set()
    for where, row in rows_of(path, [columns.station, columns.date, *variables]):
        station, text = index.get(row[columns.station]), row[columns.date]
        if station is None:
            continue
        if text not in dates:
            dates[text] = _hour(where, text, columns)
        hour = dates[text]
        if (hour, station) in seen:
            raise ValueError(f"{where}: a second reading of station {row[columns.station]!r} at {text}")
        seen.add((hour, station))
        hours.append(hour)
        indices.append(station)
        values.append([table_number(where, name, row[name]) if row[name].strip() else np.nan for name in variables])
    return hours, indices, values


def _hour(where: str, text: str, columns: SensorColumns) -> datetime:
    try:
        hour = datetime.strptime(text, columns.date_format)
    except ValueError:
        raise ValueError(f"{where}: {columns.date}: wanted a date like {columns.date_format}, got {text!r}") from None
    if (hour.minute, hour.second, hour.microsecond) != (0, 0, 0) or hour.tzinfo is not None:
        raise ValueError(f"{where}: {columns.date}: wanted a reading on the hour, UTC without zone, got {text!r}")
    return hour


def first_day(path: Path, first: datetime, last: datetime) -> tuple[datetime, int]:
    """Midnight of the first day, and the number of days."""
    days = (last.date() - first.date()).days + 1
    if 24 * days > _LONGEST_AXIS:
        raise ValueError(f"{path}: readings reach from {first} to {last}: wanted at most {_LONGEST_AXIS} hours")
    return first.replace(hour=0), days
