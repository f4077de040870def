"""Sensor tables: reading, gaps, projection, and days split in time; on made-up tables and on real stations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pdgn.data import (
    Context,
    MeshDynamicsDataset,
    Normalizer,
    SensorColumns,
    check_file,
    interpolate_gaps,
    project,
    read_sensor_tables,
    sensor_trajectories,
)
from tests.data.dummy import dummy_writer

STATIONS = "id,latitude_deg,longitude_deg,altitude_m\na,48,-3,10\nb,48,-2,20\nc,49,-3,\nd,49,-2,40\nsilent,50,-2,0\n"


def value(station: int, hour: int) -> float:
    return 280 + station + 0.5 * hour


def readings(days: int = 3, skip: frozenset = frozenset(), extra: str = "") -> str:
    rows = [
        f"{name},201401{1 + hour // 24:02d}{hour % 24:02d}0000,{'' if (i, hour) in skip else value(i, hour)}"
        for hour in range(24 * days)
        for i, name in enumerate("abcd")
    ]
    return "id,date,t\n" + "\n".join([*rows, "ghost,20140101000000,1.0"]) + "\n" + extra


def table(folder: Path, stations: str = STATIONS, text: str | None = None, variables: dict | None = None, **columns):
    (folder / "stations.csv").write_text(stations)
    (folder / "readings.csv").write_text(readings() if text is None else text)
    return read_sensor_tables(
        folder / "stations.csv",
        folder / "readings.csv",
        variables=variables or {"t": "temperature"},
        columns=SensorColumns(**columns),
    )


def test_tables_are_read_on_a_regular_axis(tmp_path):
    result = table(tmp_path, text=readings(skip=frozenset({(1, 5)})))
    assert result.names == ("a", "b", "c", "d") and result.origin == "2014-01-01T00:00:00+00:00"
    assert result.altitude.tolist() == [10, 20, 0, 40] and result.values.shape == (72, 4, 1)
    expected = np.array([[value(i, hour) for i in range(4)] for hour in range(72)])
    expected[5, 1] = np.nan
    np.testing.assert_array_equal(result.values[..., 0], expected)
    np.testing.assert_allclose(result.coverage(), [1, 71 / 72, 1, 1])


def test_an_hour_that_nobody_reports_is_a_gap(tmp_path):
    text = "id,date,t\na,20140101050000,1\na,20140101070000,3\nb,20140102230000,4\n"
    result = table(tmp_path, text=text)
    assert result.values.shape == (48, 2, 1)  # whole days, from the first midnight
    assert np.flatnonzero(np.isfinite(result.values[:, 0, 0])).tolist() == [5, 7]


def test_short_gaps_are_interpolated_and_long_ones_and_ends_are_not():
    nan = np.nan
    series = np.array([nan, 1.0, nan, nan, 4.0, nan, nan, nan, 8.0, nan])
    filled, mark = interpolate_gaps(np.stack([series, np.arange(10.0)], axis=1), 2)
    np.testing.assert_array_equal(filled[:, 0], [nan, 1, 2, 3, 4, nan, nan, nan, 8, nan])
    np.testing.assert_array_equal(np.flatnonzero(mark[:, 0]), [2, 3])
    np.testing.assert_array_equal(filled[:, 1], np.arange(10.0))
    assert np.isnan(series).sum() == 7 and not interpolate_gaps(series, 0)[1].any()


def test_projection_is_in_kilometres_and_crosses_the_date_line():
    degree = 6371.0088 * np.pi / 180  # 111.195 km
    pos = project(np.array([60.0, 60.0, 61.0, 59.0]), np.array([179.0, -179.0, 180.0, 180.0]))
    np.testing.assert_allclose(pos[1] - pos[0], [2 * degree * 0.5, 0, 0], atol=1e-9)  # cos 60° = ½
    np.testing.assert_allclose(pos[2] - pos[3], [0, 2 * degree, 0], atol=1e-9)
    np.testing.assert_allclose(pos.mean(0), 0, atol=1e-9)


def write(folder: Path, result) -> Path:
    options = {"time_unit": result.axis, "field_attributes": {"temperature": {"unit": "K"}}}
    with dummy_writer(folder / "stations.h5", **options) as writer:
        writer.write_mesh(result.block.mesh, result.record)
        writer.write_block(result.block)
        return writer.finish()


def test_days_are_split_in_time_and_keep_their_hour(tmp_path):
    skip = frozenset({(0, 30), *((1, hour) for hour in range(50, 56)), (2, 23), (2, 24)})
    result = sensor_trajectories(
        table(tmp_path, text=readings(skip=skip)),
        days={"train": 1, "valid": 0, "test": 2},
        neighbours=2,
        max_gap_hours=3,
    )
    # station 2 misses the last hour of the first split and the first of the second: nothing is filled across a split
    assert result.report == ({}, 4 * 72 - 9, 1, 8)
    assert result.report.describe().endswith("stations dropped for low coverage: none")
    path = write(tmp_path, result)
    assert check_file(path) == []
    context = Context(node=["altitude"], forcing=["hour_of_day"])
    train = MeshDynamicsDataset(path, "train", history=12, horizon=12, context=context)
    test = MeshDynamicsDataset(path, "test", history=12, horizon=12, context=context)
    assert len(train) == 1 and len(test) == 25 and test.unit == {"temperature": "K"} and test.dt == 1.0
    for windows, first in ((train, 0), (test, 24)):
        (key,) = windows.trajectories()
        np.testing.assert_array_equal(windows.time(key), first + np.arange(24.0 * (1 if windows is train else 2)))
        for start in range(len(windows)):
            data = windows[start]
            hours = first + start + np.arange(24)
            frames = np.concatenate([data.x, data.y], 1)[..., 0]
            mask = np.concatenate([data.x_mask, data.y_mask], 1)
            expected = np.array(
                [[value(i, hour) for hour in hours] for i in range(4)]
            )  # linear, as what was interpolated
            np.testing.assert_allclose(frames[mask], expected[mask], rtol=1e-7)
            unread = {(1, hour) for hour in range(50, 56)} | {(2, 23), (2, 24)}
            assert {(i, hours[t]) for i, t in np.argwhere(~mask)} == {(i, hour) for i, hour in unread if hour in hours}
            angle = 2 * np.pi * hours / 24
            np.testing.assert_allclose(data.forcing[0], np.stack([np.sin(angle), np.cos(angle)], 1), atol=1e-6)


def test_stations_that_report_too_little_are_dropped_and_listed(tmp_path):
    skip = frozenset((3, hour) for hour in range(36))
    result = sensor_trajectories(table(tmp_path, text=readings(skip=skip)), days={"train": 3}, neighbours=2)
    assert result.report.dropped == {"d": 0.5} and result.record.num_nodes == 3
    assert result.report.describe().endswith("stations dropped for low coverage: d (50%)")
    with pytest.raises(ValueError, match="wanted more than 4 stations with coverage of 0%, got 4"):
        sensor_trajectories(table(tmp_path), days={"train": 3}, min_coverage=0.0)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"variables": {"rain": "rain"}}, r"readings\.csv: column 'rain' is not there, available: id, date, t"),
        ({"station": "number"}, r"stations\.csv: column 'number' is not there, available: id, latitude_deg"),
        (
            {"text": readings(extra="a,2014-01-01,1\n")},
            r"readings\.csv line 291: date: .*%Y%m%d%H%M%S, got '2014-01-01'",
        ),
        ({"text": readings(extra="a,20140101003000,1\n")}, "wanted a reading on the hour"),
        (
            {"text": readings(extra="a,20140101000000,1\n")},
            "line 291: a second reading of station 'a' at 20140101000000",
        ),
        ({"text": readings(extra="a,20140109000000,warm\n")}, "line 291: t: wanted a number, got 'warm'"),
        ({"text": readings(extra="a,20140109000000,inf\n")}, "line 291: t: wanted a finite number"),
        ({"text": readings(extra="a,20140109000000\n")}, "line 291: wanted 3 entries as the header has"),
        ({"text": readings(extra="a,99990109000000,1\n")}, "wanted at most 1000000 hours"),
        ({"text": "id,date,t\nx,20140101000000,1\n"}, r"wanted readings of the stations in .*stations\.csv, got none"),
        ({"text": ""}, "column 'id' is not there, available: none"),
        ({"stations": STATIONS + "e,48,-3,1\n"}, "line 7: stations 'a' and 'e' are at the same place"),
        ({"stations": STATIONS + "a,48,-4,1\n"}, "line 7: id: wanted a name given once, got 'a'"),
        ({"stations": STATIONS + "e,98,-4,1\n"}, "line 7: wanted degrees of latitude and longitude, got 98"),
    ],
)
def test_mistakes_in_tables_are_one_line_errors(tmp_path, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        table(tmp_path, **options)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_tables_are_one_line_errors(tmp_path):
    table(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"none\.csv: no such file"):
        read_sensor_tables(tmp_path / "none.csv", tmp_path / "readings.csv", variables={"t": "t"})
    (tmp_path / "readings.csv").write_bytes(b"id,date,t\n\xff\xfe")
    with pytest.raises(ValueError, match=r"readings\.csv: not a CSV file in UTF-8"):
        read_sensor_tables(tmp_path / "stations.csv", tmp_path / "readings.csv", variables={"t": "t"})


@pytest.mark.parametrize(
    "days, message",
    [
        ({"train": 3, "test": 1}, "wanted between 1 and 3 days in all, as the readings have, got 4"),
        ({"train": 0}, "got 0"),
        ({"holdout": 1}, "wanted numbers of days for train, valid, test, got 'holdout'"),
    ],
)
def test_days_that_are_not_there_are_refused(tmp_path, days, message):
    with pytest.raises(ValueError, match=message):
        sensor_trajectories(table(tmp_path), days=days, neighbours=2)


def test_real_stations(shared_data, tmp_path):
    """49 stations, of which 46 report; three have no thermometer and one was silent for three days."""
    folder = shared_data / "molene"
    columns = SensorColumns(station="numer_sta")
    readings = read_sensor_tables(
        folder / "stations.csv", folder / "hourly.csv", variables={"t": "temperature"}, columns=columns
    )
    assert readings.values.shape == (576, 46, 1)
    result = sensor_trajectories(readings, days={"train": 16, "valid": 4, "test": 4})
    assert sorted(result.report.dropped) == ["29022001", "29082001", "29190001", "44103001"]
    assert result.record.num_nodes == 42 and result.report[1:] == (24183, 8, 1)
    path = write(tmp_path, result)
    assert check_file(path) == []
    context = Context(node=["pos", "altitude"], forcing=["hour_of_day"])
    sizes = {}
    for split in ("train", "valid", "test"):
        windows = MeshDynamicsDataset(path, split, history=12, horizon=12, context=context)
        sizes[split] = len(windows)
    assert sizes == {"train": 16 * 24 - 23, "valid": 4 * 24 - 23, "test": 4 * 24 - 23}
    normalizer = Normalizer.fit(MeshDynamicsDataset(path, "train", history=12, horizon=12, context=context))
    train = readings.select(np.isin(readings.names, [str(name) for name in result.record.node["station"]])).values[:384]
    assert normalizer.signal_mean.item() == pytest.approx(np.nanmean(train), abs=0.01)  # K; a few were interpolated
