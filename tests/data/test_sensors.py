"""Sensor tables: reading, gaps, projection, and days split in time; on made-up tables and on real stations."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import h5py
import numpy as np
import pytest

from pdgn.data import (
    Context,
    MeshDynamicsDataset,
    MeshRecord,
    Normalizer,
    SensorColumns,
    check_file,
    interpolate_gaps,
    open_file,
    project,
    read_sensor_tables,
    sensor_trajectories,
)
from pdgn.data.contents import contents
from pdgn.data.schema import LIBRARY_VERSION, set_attributes
from pdgn.data.sensor_dataset import coverage_text
from pdgn.data.sensor_time import TimeStep
from pdgn.data.shards import read_record, write_record
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
    assert result.report == ({}, 4 * 72 - 9, 1, 8, 0.9)
    assert result.report.describe().endswith("stations dropped for coverage below 90%: none")
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
    assert result.report.describe().endswith("stations dropped for coverage below 90%: d (50%)")
    with pytest.raises(ValueError, match="wanted more than 4 stations with coverage of 0%, got 4"):
        sensor_trajectories(table(tmp_path), days={"train": 3}, min_coverage=0.0)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"variables": {"rain": "rain"}}, r"readings\.csv: column 'rain' is not there, available: id, date, t"),
        (
            {"station": "number"},
            r"stations\.csv: column 'number' is not there, available: id, latitude_deg, .*altitude_m; name yours in "
            r"the recipe, stations\.station_column$",
        ),
        ({"latitude": "lat"}, r"stations\.csv: column 'lat' .* recipe, stations\.latitude_column$"),
        ({"altitude": "height"}, r"stations\.csv: column 'height' .* recipe, stations\.altitude_column$"),
        ({"readings_station": "device"}, r"readings\.csv: column 'device' .* stations\.readings_station_column$"),
        ({"date": "time"}, r"readings\.csv: column 'time' .* recipe, stations\.date_column$"),
        ({"x": "x"}, "columns: wanted x and y .*, got x x, y None, z None"),
        (
            {"text": readings(extra="a,1.1.2014,1\n")},
            r"readings\.csv line 291: date: .*%Y%m%d%H%M%S or ISO 8601 .*, got '1.1.2014'; .* stations\.date_format$",
        ),
        (
            {"text": readings(extra="a,20140101001000,1\na,20140102011000,1\nb,20140101001000,1\n")},
            r"line 291: wanted readings every 1 h from midnight UTC, got 2 of 74 times between, the first at "
            r"2014-01-01T00:10:00 \(nearest: 00:00:00 and 01:00:00\); set in the recipe stations\.time_step to the "
            r"step of the readings, or stations\.time_tolerance to '10 min', so that each counts for the nearest time$",
        ),
        (
            {"text": readings(extra="a,20140101000000,1\n")},
            "line 291: a second reading of station 'a' at 20140101000000",
        ),
        ({"text": readings(extra="a,20140109000000,warm\n")}, "line 291: t: wanted a number, got 'warm'"),
        ({"text": readings(extra="a,20140109000000,inf\n")}, "line 291: t: wanted a finite number"),
        ({"text": readings(extra="a,20140109000000\n")}, "line 291: wanted 3 entries as the header has"),
        ({"text": readings(extra="a,99990109000000,1\n")}, "line 291: date: wanted a year from 1700 to 2200, got 9999"),
        ({"text": readings(extra="a,0001-01-01T00:00:00+05:00,1\n")}, "line 291: date: wanted a date like"),
        (
            {"text": readings(extra="a,21990109000000,1\n")},
            "wanted at most 1000000 times, 24 a day; is a date mistyped",
        ),
        ({"text": readings(extra=" a,20140101000000,1\n")}, "a second reading of station"),
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


def test_columns_have_names_of_their_own(tmp_path):
    header, rest = STATIONS.partition("\n")[::2]
    result = table(
        tmp_path, stations="sensor,lat,lon,height\n" + rest, text=readings().replace("id,date,t", "device,time,t"),
        station="sensor", latitude="lat", longitude="lon", altitude="height", date="time", readings_station="device",
    )  # fmt: skip
    plain = table(tmp_path, stations=f"{header}\n{rest}")
    for name in ("latitude", "longitude", "altitude", "values"):
        np.testing.assert_array_equal(getattr(result, name), getattr(plain, name))
    assert result.names == plain.names and result.origin == plain.origin


def test_words_for_missing_readings_are_gaps(tmp_path):
    words = ["NaN", "nan", "NA", " ", "1.5"]
    text = "id,date,t\n" + "".join(f"a,2014-01-01T{hour:02d}:00Z,{word}\n" for hour, word in enumerate(words))
    values = table(tmp_path, text=text).values[:, 0, 0]
    assert np.flatnonzero(np.isfinite(values)).tolist() == [4] and values[4] == 1.5


def test_planar_coordinates_stay_as_they_are_in_their_unit(tmp_path):
    places = {"a": (0, 0, 1), "b": (30, 0, 2), "c": (0, 40, 3), "d": (30, 40, 4)}
    rows = [",".join(map(str, (name, *place))) for name, place in places.items()]
    (tmp_path / "flat").mkdir()
    plan = "id,east,north,up\n" + "\n".join(rows) + "\n"
    flat = table(tmp_path / "flat", stations=plan, x="east", y="north")
    high = table(tmp_path, stations=plan, x="east", y="north", z="up")
    assert flat.latitude is None and flat.position.tolist() == [[x, y, 0] for x, y, _ in places.values()]
    assert high.position.tolist() == [list(place) for place in places.values()]
    result = sensor_trajectories(flat, days={"train": 3}, neighbours=2, unit="m")
    assert check_file(write(tmp_path, result)) == []
    with open_file(tmp_path / "stations.h5") as file:
        record = file.record("stations")
    assert record.unit == "m" and set(record.edge["length"]) == {30, 40} and "latitude" not in record.node
    assert record.names == ("a", "b", "c", "d")
    with pytest.raises(ValueError, match=r"line 6: stations 'a' and 'e' are at the same place"):
        table(tmp_path, stations=plan + "e,0,0,9\n", x="east", y="north")


def quarter_hours(shift: int = 0, days: int = 2) -> str:
    """Four stations every 15 minutes, `shift` seconds late; station i reports i + its step."""
    begin = datetime(2014, 1, 1) + timedelta(seconds=shift)
    rows = (
        f"{name},{begin + timedelta(minutes=15 * step)},{i + step}\n"
        for step in range(96 * days)
        for i, name in enumerate("abcd")
    )
    return "id,date,t\n" + "".join(rows)


def steps_of(folder: Path, text: str, step: str, tolerance: str = "0 s"):
    (folder / "stations.csv").write_text(STATIONS)
    (folder / "readings.csv").write_text(text)
    return read_sensor_tables(
        folder / "stations.csv", folder / "readings.csv", variables={"t": "temperature"},
        time_step=TimeStep.parse(step), time_tolerance=tolerance,
    )  # fmt: skip


def test_readings_have_a_step_of_their_own(tmp_path):
    lines = quarter_hours().splitlines(keepends=True)
    gone = {(0, step) for step in (*range(10, 22), *range(30, 43))}  # 12 entries are three hours, 13 more
    text = "".join(line for k, line in enumerate(lines) if k == 0 or ((k - 1) % 4, (k - 1) // 4) not in gone)
    result = sensor_trajectories(
        steps_of(tmp_path, text, "15 min"), days={"train": 1, "test": 1}, neighbours=2, min_coverage=0.5
    )
    assert result.report[:4] == ({}, 4 * 192 - 25, 12, 13) and result.axis == ("min", "2014-01-01T00:00:00+00:00")
    path = write(tmp_path, result)
    assert check_file(path) == []
    windows = MeshDynamicsDataset(path, "test", history=12, horizon=12, context=Context(forcing=["hour_of_day"]))
    assert windows.dt == 15 and len(windows) == 96 - 23
    (key,) = windows.trajectories()
    np.testing.assert_array_equal(windows.time(key), 1440 + 15 * np.arange(96))
    np.testing.assert_array_equal(windows[0].x[:, 0, 0], 96 + np.arange(4))
    np.testing.assert_allclose(windows[24].forcing[0, 0], [1, 0], atol=1e-6)  # 24 quarters of an hour: 6 o'clock


def test_readings_between_the_steps_count_for_the_nearest_within_the_tolerance(tmp_path):
    text = quarter_hours(shift=200) + "a,2014-01-01T00:13:00,-7\nb,2014-01-01T00:17:00,\n"
    with pytest.raises(ValueError, match=r"line 2: .* got 192 of 194 times .*readings, or .*time_tolerance to '200 s'"):
        steps_of(tmp_path, text, "15 min", "199 s")
    values = steps_of(tmp_path, text, "15 min", "200 s").values[..., 0]
    expected = np.arange(192.0)[:, None] + np.arange(4)
    expected[1, 0] = -7  # 00:13:00 is nearer to a quarter past than 00:18:20; an empty entry takes no place
    np.testing.assert_array_equal(values, expected)
    with pytest.raises(
        ValueError, match=r"got 144 of 192 times .* step of the readings \('15 min' has them all\), or "
    ):
        steps_of(tmp_path, quarter_hours(), "1 h")
    again = quarter_hours() + "a,2014-01-01 00:15:00Z,3\n"
    with pytest.raises(ValueError, match="line 770: a second reading of station 'a' at 2014-01-01 00:15:00Z"):
        steps_of(tmp_path, again, "15 min")


def test_coverage_is_told_with_the_digits_that_matter(tmp_path):
    text = coverage_text({"S06": 0.7996, "S07": 0.5, "S08": 0.8 - 1e-7, "S09": 0.8}, 0.8)
    assert text == "S06 (79.96%), S07 (50%), S08 (79.99999%), S09 (80%)"
    skip = frozenset((i, hour) for i in (1, 2, 3) for hour in range(5 * i))
    with pytest.raises(ValueError) as caught:
        sensor_trajectories(
            table(tmp_path, text=readings(skip=skip)), days={"train": 3}, neighbours=2, min_coverage=0.87
        )
    message = str(caught.value)
    assert "wanted more than 2 stations with coverage of 87%, got 2: the 4 stations of both files report " in message
    assert "a (100%), b (93%), c (86%), d (79%) of the 72 times in steps of 1 h; lower stations.min_coverage" in message
    assert "stations.time_step" in message and "\n" not in message


@pytest.mark.parametrize(
    "names, told", [(["S01", "Ä b", "3", "4"], True), (["01", "2", "3", "4"], True), (["1", "2", "3", "4"], False)]
)
def test_names_of_stations_are_kept(tmp_path, names, told):
    stations, text = STATIONS, readings()
    for old, new in zip("abcd", names):
        stations, text = stations.replace(f"\n{old},", f"\n{new},"), text.replace(f"\n{old},", f"\n{new},")
    result = sensor_trajectories(table(tmp_path, stations=stations, text=text), days={"train": 3}, neighbours=2)
    path = write(tmp_path, result)
    assert check_file(path) == [] and contents(path).meshes[0].names == tuple(names)
    with open_file(path) as file:
        record = file.record("stations")
    assert record.names == (tuple(names) if told else ())
    assert ("station" in record.node) == all(name.isdecimal() for name in names)


def test_ten_thousand_names_fit_and_wrong_ones_are_found(tmp_path):
    pos = np.random.default_rng(0).random((10_000, 3))
    ring = np.arange(10_000)
    edges = np.stack([np.concatenate([np.roll(ring, 1), np.roll(ring, -1)]), np.concatenate([ring, ring])])
    edges = edges[:, np.argsort(edges[1], kind="stable")]
    names = [f"station number {k}" for k in ring]
    record = MeshRecord.from_sensors(pos, edges, names=names)
    with h5py.File(tmp_path / "record.h5", "w", libver=LIBRARY_VERSION) as file:
        write_record(file, record)
        assert read_record(file).names == tuple(names)
    for wrong in (names[:-1], [*names[:-1], names[0]], [*names[:-1], ""]):
        with pytest.raises(ValueError, match="pos: attribute 'names': wanted 10000 different names or none, got "):
            MeshRecord.from_sensors(pos, edges, names=wrong)
    path = write(tmp_path, sensor_trajectories(table(tmp_path), days={"train": 3}, neighbours=2))
    with h5py.File(path, "r+") as file:
        set_attributes(file["meshes/stations/pos"], {"names": ["a", "b"]})
    assert any("attribute 'names': wanted 4 different names or none, got 2" in v.message for v in check_file(path))


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
    assert result.record.num_nodes == 42 and result.report[1:4] == (24183, 8, 1)
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
