"""Times of readings: forms of dates, steps, the nearest times of the axis."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from pdgn.data.sensor_time import TimeStep, common_step, duration_text, grid_times, parse_duration, read_date

FIVE = datetime(2014, 1, 31, 5, 0)


@pytest.mark.parametrize(
    "text",
    [
        "20140131050000", "201401310500", "2014-01-31T05:00:00", "2014-01-31 05:00:00", "2014-01-31T05:00",
        "2014-01-31 05:00", "2014-01-31T05:00:00Z", "2014-01-31T05:00Z", "2014-01-31T05:00:00.0Z", " 2014-01-31 05:00 ",
        "2014-01-31T07:30:00+02:30", "2014-01-30T22:00-0700",
    ],
)  # fmt: skip
def test_forms_of_a_date_without_a_format(text: str) -> None:
    assert read_date(text) == FIVE and read_date(text).tzinfo is None


def test_other_forms_need_their_format() -> None:
    assert read_date("31.01.2014 05:00", "%d.%m.%Y %H:%M") == FIVE
    assert read_date("2014-01-31 07:00 +0200", "%Y-%m-%d %H:%M %z") == FIVE
    assert read_date("2014-01-31") == FIVE.replace(hour=0)
    # 2014013112 3 0 would be minute 3 to strptime
    assert read_date("201401311230") == datetime(2014, 1, 31, 12, 30)
    for text in ("31.01.2014 05:00", "2014-01", "1391144400", "2014013105", "2014-01-31T05", "2014-02-30", ""):
        with pytest.raises(ValueError):
            read_date(text)
    with pytest.raises(ValueError):
        read_date("2014-01-31T05:00", "%d.%m.%Y %H:%M")


@pytest.mark.parametrize(("text", "per_day", "hours"), [("1 h", 24, 1), ("10min", 144, 1 / 6), ("1 d", 1, 24)])
def test_steps(text: str, per_day: int, hours: float) -> None:
    step = TimeStep.parse(text)
    assert step.per_day == per_day and step.hours == hours and TimeStep.parse(str(step)) == step


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("7 min", r"time_step: wanted a step of which a day is a whole number .*, got '7 min'"),
        ("0 h", "of which a day is a whole number"),
        ("2 d", "of which a day is a whole number"),
        ("1 week", r"time_step: wanted a number and a unit of s, min, h, d, such as '10 min', got '1 week'"),
        ("60", "wanted a number and a unit"),
    ],
)
def test_steps_that_are_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TimeStep.parse(text)


def test_times_of_the_axis_round_a_time() -> None:
    quarter = TimeStep.parse("15 min")
    assert grid_times(FIVE, quarter) == (FIVE, FIVE)
    late = FIVE.replace(hour=23, minute=59, second=59, microsecond=1)
    assert grid_times(late, quarter) == (FIVE.replace(hour=23, minute=45), datetime(2014, 2, 1))
    assert common_step([FIVE, FIVE + timedelta(minutes=25), FIVE + timedelta(hours=7)]) == timedelta(minutes=5)
    assert common_step([FIVE.replace(hour=0)]) == timedelta(days=1)


@pytest.mark.parametrize("text", ["5 min", "1 h", "90 s", "0 s", "3 d", "0.5 s"])
def test_durations_are_told_as_they_are_read(text: str) -> None:
    assert duration_text(parse_duration("time_tolerance", text)) == text
