"""Readings of NOAA stations: flags, minutes, zones, regions; on a made-up file of the format of Climate Data Online."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pdgn.cli.generate import build_parser, generate, recipe_of
from pdgn.data import Box, MeshDynamicsDataset, check_file, read_noaa

HEADER = (
    '"STATION","DATE","REPORT_TYPE","LATITUDE","LONGITUDE","ELEVATION","HourlyDryBulbTemperature","HourlyPrecipitation"'
)
PLACES = {
    "72494023234": (37.62, -122.37, 2.4), "72290023188": (32.73, -117.18, 4.6), "72793024233": (47.44, -122.31, 112.5),
    "72386023169": (36.08, -115.16, 664.5), "72578024145": (43.52, -112.06, 1441.0),
}  # fmt: skip
VARIABLES = {"HourlyDryBulbTemperature": "temperature"}


def row(station: str, date: str, value: str, rain: str = "0.00", kind: str = "FM-15") -> str:
    return ",".join(f'"{entry}"' for entry in (station, date, kind, *PLACES[station], value, rain))


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def read(path: Path, **options: object):
    return read_noaa(path, variables=VARIABLES, **options)


def test_flags_gaps_and_summaries(tmp_path: Path) -> None:
    one = "72494023234"
    texts = ["45", "46s", "", "*", "-3", "M", "51.5", "50V"]
    rows = [row(one, f"2015-01-01T{hour:02d}:00:00", text) for hour, text in enumerate(texts)]
    rows += [row(one, "2015-01-01T23:59:00", "99", kind="SOD")]
    table = read(write(tmp_path / "lcd.csv", *rows), local_time=False)
    assert table.origin == "2015-01-01T00:00:00+00:00" and table.values.shape == (24, 1, 1)
    np.testing.assert_array_equal(table.values[:8, 0, 0], [45, np.nan, np.nan, np.nan, -3, np.nan, 51.5, 50])
    assert np.isnan(table.values[8:]).all()
    rows = [row(one, "2015-01-01T00:00", "1", "T"), row(one, "2015-01-01T01:00", "1", "0.02s")]
    rows += [row(one, "2015-01-01T02:00", "1", "0.05")]
    path = write(tmp_path / "rain.csv", *rows)
    rain = read_noaa(path, variables={"HourlyPrecipitation": "rain"}, local_time=False)
    np.testing.assert_array_equal(rain.values[:3, 0, 0], [0, np.nan, 0.05])


def test_a_report_counts_for_the_nearest_hour_and_the_nearest_one_wins(tmp_path: Path) -> None:
    one = "72494023234"
    times = {"00:53:00": "1", "01:05:00": "2", "01:10:00": "3", "01:29:00": "4", "01:30:00": "5", "02:56:00": ""}
    path = write(tmp_path / "lcd.csv", *(row(one, f"2015-01-01 {time}", text) for time, text in times.items()))
    values = read(path, local_time=False).values[:4, 0, 0]
    np.testing.assert_array_equal(values, [np.nan, 2, 5, np.nan])  # 01:05 is nearer to 1 h than 00:53


def test_local_standard_time_becomes_utc(tmp_path: Path) -> None:
    west, east = "72494023234", "72578024145"  # 122.37 W is 8 hours behind, 112.06 W is 7
    path = write(tmp_path / "lcd.csv", row(west, "2015-01-01T00:00", "1"), row(east, "2015-01-01T00:00", "2"))
    table = read(path)
    assert table.values[8, table.names.index(west), 0] == 1 and table.values[7, table.names.index(east), 0] == 2
    assert np.isfinite(table.values).sum() == 2


def test_a_folder_a_box_and_a_first_day(tmp_path: Path) -> None:
    for name in PLACES:
        days = [row(name, f"2014-12-{day}T12:00", "7") for day in (30, 31)]
        write(tmp_path / f"{name}.csv", *days, row(name, "2015-01-02T12:00", "8"))
    every = read(tmp_path, local_time=False)
    assert set(every.names) == set(PLACES) and len(every.values) == 4 * 24
    table = read(tmp_path, local_time=False, box=Box(35, 45, -125, -114), first=datetime(2015, 1, 1))
    assert set(table.names) == {"72494023234", "72386023169"} and table.origin.startswith("2015-01-01T00:00")
    assert len(table.values) == 48 and (table.values[36] == 8).all() and np.isfinite(table.values).sum() == 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a,2015-01-01T00:00,,1,2,3,warm,0"], r"line 2: HourlyDry.*: wanted a number, got 'warm'"),
        (["a,01/02/2015,,1,2,3,4,0"], r"line 2: DATE: wanted a date like .*, got '01/02/2015'"),
        (["a,2015-01-01T00:00,,91,2,3,4,0"], r"line 2: wanted degrees of latitude"),
        (
            ["a,2015-01-01T00:00,,1,2,3,4,0", "a,2015-01-01T01:00,,1,2.5,3,4,0"],
            r"line 3: station 'a' was at \(1.0, 2.0,",
        ),
        (["a,2015-01-01T00:00,,1,2,3,4,0", "b,2015-01-01T01:00,,1,2,3,4,0"], r"line 3: stations 'a' and 'b' are at"),
        (["a,2015-01-01T00:00,,1,2,3,,0"], "wanted readings, got none"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(write(tmp_path / "lcd.csv", *rows))


def test_an_unknown_column_and_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="wanted CSV files in this folder"):
        read(tmp_path)
    write(tmp_path / "lcd.csv", row("72494023234", "2015-01-01T00:00", "1"))
    with pytest.raises(ValueError, match="column 'HourlyDewPoint' is not there, available: STATION, DATE"):
        read_noaa(tmp_path, variables={"HourlyDewPoint": "dew"})


def test_the_recipe_makes_a_dataset_in_kelvin(tmp_path: Path) -> None:
    """Fahrenheit at minute 53, four days of five stations; the sixth reading is suspect and short enough to fill."""
    (tmp_path / "noaa").mkdir()
    begin = datetime(2014, 12, 31)
    for place, name in enumerate(PLACES):
        zone = round(PLACES[name][1] / 15)
        hours = [begin + timedelta(hours=hour - 1 + zone, minutes=53) for hour in range(24 * 6)]
        texts = [f"{50 + place + 0.1 * hour:.2f}" for hour in range(24 * 6)]
        texts[24 + 5] += "s"
        write(
            tmp_path / "noaa" / f"{name}.csv", *(row(name, f"{t:%Y-%m-%dT%H:%M:%S}", x) for t, x in zip(hours, texts))
        )
    words = ["--config", "datasets/noaa.yaml", "--output", str(tmp_path / "noaa.h5")]
    words += ["--stations.readings", str(tmp_path / "noaa"), "--stations.box", "[30, 50, -125, -110]"]
    words += ["--stations.train_days", "2", "--stations.valid_days", "1", "--stations.test_days", "1"]
    args = build_parser().parse_args(words)
    path = generate(recipe_of(args), Path(args.output), workers=1)
    assert check_file(path) == []
    data = MeshDynamicsDataset(path, "train", history=12, horizon=12)[0]
    known = {name: 50 + place for place, name in enumerate(PLACES)}
    first = sorted(data.x[:, 0, 0].tolist())  # midnight of 1 January 2015, hour 24 of the file
    expected = sorted((known[name] + 2.4 - 32) / 1.8 + 273.15 for name in PLACES)
    np.testing.assert_allclose(first, expected, atol=1e-4)  # float32 at 280 K
    assert data.x_mask.all()  # the suspect reading was filled, linearly, as the truth is linear
    np.testing.assert_allclose(sorted(data.x[:, 5, 0].tolist()), np.array(expected) + 0.5 / 1.8, atol=1e-4)
