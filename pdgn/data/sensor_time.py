"""Times of sensor readings: the step of the regular axis, dates as files write them, the nearest time of the axis."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

DEFAULT_FORMAT = "%Y%m%d%H%M%S"
DAY = timedelta(days=1)
_UNITS = {"s": timedelta(seconds=1), "min": timedelta(minutes=1), "h": timedelta(hours=1), "d": DAY}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+) *(s|min|h|d)")
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?")
_COMPACT = {14: DEFAULT_FORMAT, 12: "%Y%m%d%H%M"}  # by the number of digits


class TimeStep(NamedTuple):
    """The step of a regular axis that begins at midnight: ``number`` of a ``unit``, which is "s", "min", "h" or "d"."""

    number: float = 1.0
    unit: str = "h"

    @classmethod
    def parse(cls, text: str) -> TimeStep:
        """The step that a text tells.

        Args:
            text: for example "1 h", "10 min", "30 s", "1 d".

        Raises:
            ValueError: another form, or a day is not a whole number of such steps.
        """
        step = cls(*_parts("time_step", text))
        duration = step.duration
        if duration <= timedelta() or DAY % duration:
            raise ValueError(
                f"time_step: wanted a step of which a day is a whole number (10 min, 6 h, 1 d), got {text!r}"
            )
        return step

    @property
    def duration(self) -> timedelta:
        """Of one step."""
        return self.number * _UNITS[self.unit]

    @property
    def per_day(self) -> int:
        """Steps of a day."""
        return round(DAY / self.duration)

    @property
    def hours(self) -> float:
        """Length in hours."""
        return self.duration / _UNITS["h"]

    def __str__(self) -> str:
        return f"{self.number:g} {self.unit}"


HOURLY = TimeStep()


def parse_duration(key: str, text: str) -> timedelta:
    """A duration such as "10 min"; units are s, min, h and d.

    Args:
        key: what the duration is, for the message.
        text: a number and a unit.

    Raises:
        ValueError: another form.
    """
    number, unit = _parts(key, text)
    return number * _UNITS[unit]


def _parts(key: str, text: str) -> tuple[float, str]:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{key}: wanted a number and a unit of {', '.join(_UNITS)}, such as '10 min', got {text!r}")
    return float(found[1]), found[2]


def duration_text(duration: timedelta) -> str:
    """A duration in the largest unit that makes it a whole number: "90 min"; parts of a second as "0.5 s"."""
    for unit in ("d", "h", "min"):
        if duration and not duration % _UNITS[unit]:
            return f"{duration // _UNITS[unit]} {unit}"
    return f"{duration.total_seconds():g} s"


def read_date(text: str, date_format: str = DEFAULT_FORMAT) -> datetime:
    """The time that a text tells, in UTC.

    Args:
        text: of the default format (seconds may be missing) or ISO 8601, where no other format is named: date and time
            with "T" or a blank between them, with or without seconds and zone; a date alone is its midnight. A time
            without zone is UTC.
        date_format: of :meth:`datetime.datetime.strptime`.

    Returns:
        Without zone, UTC.

    Raises:
        ValueError: another form.
    """
    text = text.strip()
    if date_format != DEFAULT_FORMAT:
        time = datetime.strptime(text, date_format)
    elif text.isascii() and text.isdecimal() and len(text) in _COMPACT:
        time = datetime.strptime(text, _COMPACT[len(text)])
    elif _ISO.fullmatch(text):
        time = datetime.fromisoformat(text)
    else:
        raise ValueError(f"wanted a date like {DEFAULT_FORMAT} or ISO 8601, got {text!r}")
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)


def grid_times(time: datetime, step: TimeStep) -> tuple[datetime, datetime]:
    """The two times of the axis round a time, equal where it lies on the axis.

    Args:
        time: without zone.
        step: of the axis, which begins at midnight.

    Returns:
        (last one before or at it, first one after or at it).
    """
    midnight = time.replace(hour=0, minute=0, second=0, microsecond=0)
    count, rest = divmod(time - midnight, step.duration)
    before = midnight + count * step.duration
    return (before, before + step.duration) if rest else (before, before)


def common_step(times: list[datetime]) -> timedelta:
    """The longest step of an axis from midnight on which all times lie and of which a day is a whole number."""
    day = DAY // timedelta.resolution
    return timedelta(microseconds=math.gcd(day, *((t - datetime.min) // timedelta.resolution for t in times)))
