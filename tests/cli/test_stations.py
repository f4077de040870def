"""Stations of a recipe: their keys, what is stored of them, what is printed and told of them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from pdgn.cli.generate import build_parser, generate, recipe_of
from pdgn.cli.main import main
from pdgn.cli.recipe import Recipe, StationsRecipe
from pdgn.data import check_file, config_hash, open_file

ROOT = Path(__file__).resolve().parents[2]
# Of the files that pdgn wrote of these recipes before it knew the later keys.
HASHES = {
    "stations": "597069aebfb4dbe47954520241796c668ee2f1b7d1853452f7c78f9138fca1a1",
    "noaa": "c576f76f057ace121bf6ccd30a78d6f03c18b6de1a55addcf79308e2860e09b5",
}


def shipped(name: str, *words: str) -> Recipe:
    config = str(ROOT / f"datasets/{name}.yaml")
    return recipe_of(build_parser().parse_args(["--config", config, "--output", "x.h5", *words]))


def make(folder: Path, *words: str, unit: str = "km", late: int = 0) -> int:
    """Two days of six stations every half hour, the last one silent for the first 35 of them; then `pdgn generate`."""
    plan = [f"S0{i},{48 + 0.1 * i},{2 + 0.1 * (i % 2)},{i},{3 * (i % 2)}" for i in range(6)]
    rows = [
        f"S0{i},2024-03-0{1 + step // 48}T{step % 48 // 2:02d}:{30 * (step % 2) + late:02d},{20 + i}"
        for step in range(96)
        for i in range(6)
        if i < 5 or step >= 35
    ]
    (folder / "places.csv").write_text("name,lat,lon,x,y\n" + "\n".join(plan) + "\n")
    (folder / "readings.csv").write_text("who,when,v\n" + "\n".join(rows) + "\n")
    stations = {"stations": str(folder / "places.csv"), "readings": str(folder / "readings.csv"), "field": "v"}
    stations |= {"station_column": "name", "readings_station_column": "who", "date_column": "when", "value_column": "v"}
    stations |= {"train_days": 1, "valid_days": 0, "test_days": 1, "min_coverage": 0.64}
    (folder / "own.yaml").write_text(yaml.safe_dump({"name": "own", "unit": unit, "stations": stations}))
    return main(["generate", "--config", str(folder / "own.yaml"), "--output", str(folder / "own.h5"), *words])


DEGREES = ("--stations.latitude_column", "lat", "--stations.longitude_column", "lon")
HALF = ("--stations.time_step", "30 min")


def stored_config(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> str:
    """The YAML text that `generate` gives to the file."""
    texts: list[str] = []
    monkeypatch.setattr("pdgn.cli.generate.write_stations", lambda *given, **_: texts.append(given[2]["config"]))
    generate(recipe, Path("x.h5"))
    return texts[0]


@pytest.mark.parametrize("name", HASHES)
def test_hashes_stay_where_later_keys_are_not_given(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert config_hash(stored_config(shipped(name), monkeypatch)) == HASHES[name]


def test_later_keys_are_stored_where_they_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = yaml.safe_load(stored_config(shipped("stations"), monkeypatch))
    words = ("--stations.time_tolerance", "5 min", "--stations.latitude_column", "latitude_deg")
    found = yaml.safe_load(stored_config(shipped("stations", *words), monkeypatch))
    plain["stations"]["time_tolerance"] = "5 min"  # the other is the default
    assert found == plain


def test_own_columns_and_steps_names_and_what_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(tmp_path, *DEGREES, *HALF) == 0
    assert "dropped for coverage below 64%: S05 (63.5%)" in capsys.readouterr().out
    assert check_file(tmp_path / "own.h5") == []
    assert main(["info", str(tmp_path / "own.h5")]) == 0
    shown = capsys.readouterr().out
    assert "\n  nodes of stations: S00, S01, S02, S03, S04\n" in shown and re.search(r" 48 +30 min ", shown)
    assert main(["info", str(tmp_path / "own.h5"), "--config"]) == 0
    (tmp_path / "own.yaml").write_text(capsys.readouterr().out)  # the stored recipe makes the file again
    words = ["--config", str(tmp_path / "own.yaml"), "--output", str(tmp_path / "again.h5")]
    assert main(["generate", *words]) == 0
    with open_file(tmp_path / "own.h5") as first, open_file(tmp_path / "again.h5") as second:
        assert first.attributes["config_hash"] == second.attributes["config_hash"]


def test_planar_coordinates_have_the_unit_of_the_recipe(tmp_path: Path) -> None:
    assert make(tmp_path, *HALF, "--stations.x_column", "x", "--stations.y_column", "y", unit="m") == 0
    with open_file(tmp_path / "own.h5") as file:
        record = file.record("stations")
    assert record.unit == "m"
    np.testing.assert_array_equal(record.pos, [[i, 3 * (i % 2), 0] for i in range(5)])


def test_times_off_the_steps_are_one_line_and_a_tolerance_takes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(tmp_path, *DEGREES, *HALF, late=2) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "the first at 2024-03-01T00:02:00 (nearest: 00:00:00 and 00:30:00)" in said
    tolerance = re.findall(r"stations\.time_tolerance to '([^']+)'", said)[0]
    assert make(tmp_path, *DEGREES, *HALF, "--stations.time_tolerance", tolerance, late=2) == 0
    assert check_file(tmp_path / "own.h5") == []


def test_a_step_that_is_too_fine_names_the_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(tmp_path, *DEGREES, "--stations.time_step", "10 min") == 2
    said = capsys.readouterr().err
    assert "S00 (33%)" in said and "S05 (21%)" in said and "in steps of 10 min; lower stations.min_coverage" in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x_column": "x"}, r"stations\.y_column: wanted a column, as x and y go together, given None"),
        ({"z_column": "z"}, r"stations\.x_column: wanted a column, as x and y go together, given None"),
        ({"date_format": "iso"}, r"stations\.date_format: wanted a format of strptime with a year, .*, given 'iso'"),
        ({"date_format": "%d.%m. %H:%M"}, r"stations\.date_format: wanted a format of strptime with a year"),
        ({"time_step": "7 min"}, r"stations\.time_step: wanted a step of which a day is a whole number"),
        ({"time_tolerance": "5"}, r"stations\.time_tolerance: wanted a number and a unit of s, min, h, d"),
        (
            {"stations": None, "format": "noaa", "time_step": "1 d"},
            r"stations\.time_step: wanted nothing, as files of NOAA",
        ),
    ],
)
def test_wrong_keys_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StationsRecipe(**{"stations": "s.csv", "readings": "r.csv", **options})


def test_help_lists_every_key_of_the_stations_with_its_meaning() -> None:
    shown = build_parser().format_help()
    section = shown[shown.index("keys of --stations: ") :]
    for name in StationsRecipe.__dataclass_fields__:
        found = re.search(rf"--stations\.{name}\n((?: {{8}}.*\n)+)", section)
        assert found and len(found[1].split("(")[0].split()) > 1, name
    assert "required" in section and "default: %Y%m%d%H%M%S)" in section and "keys of --sensors: " in shown
