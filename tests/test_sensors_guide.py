"""docs/sensors.md: its tables are read, its recipe is complete, its commands run."""

from __future__ import annotations

import re
import shlex
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml

from pdgn.cli.main import main
from pdgn.cli.recipe import StationsRecipe
from pdgn.cli.stations import read_stations
from pdgn.cli.typed import typed
from pdgn.data import check_file

GUIDE = (Path(__file__).resolve().parents[1] / "docs" / "sensors.md").read_text()
COMMANDS = [line.strip() for line in GUIDE.splitlines() if line.startswith("    pdgn ")]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)


def test_the_shown_rows_are_read_by_the_shown_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in zip(("stations.csv", "readings.csv"), blocks("csv"), strict=True):
        Path(name).write_text(text)
    (recipe,) = map(yaml.safe_load, blocks("yaml"))
    table = read_stations(typed(StationsRecipe, recipe["stations"], "stations"))
    assert table.names == ("roof-A", "roof-B", "canal") and table.altitude.tolist() == [41, 58, 33]
    np.testing.assert_array_equal(table.values[:2, :, 0], [[31.2, np.nan, 27.9], [30.8, np.nan, np.nan]])


def test_the_commands_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the shown columns: eight sensors over the five days of the recipe, one of them silent for the most part."""
    monkeypatch.chdir(tmp_path)
    headers = [text.splitlines()[0] for text in blocks("csv")]
    places = [f"roof-{i},{48.8 + 0.02 * i},{2.3 + 0.05 * (i % 3)},{30 + i}" for i in range(8)]
    begin = datetime(2024, 3, 1)
    rows = [
        f"roof-{i},{begin + timedelta(minutes=15 * step):%Y-%m-%dT%H:%M:%SZ},{30 + i + np.sin(step / 15):.2f}"
        for step in range(5 * 96)
        for i in range(8)
        if i < 7 or step < 300
    ]
    Path("stations.csv").write_text("\n".join([headers[0], *places]) + "\n")
    Path("readings.csv").write_text("\n".join([headers[1], *rows]) + "\n")
    Path("sensors.yaml").write_text(blocks("yaml")[0])
    generated, trained = (shlex.split(command)[1:] for command in COMMANDS)
    assert main(generated) == 0
    assert "dropped for coverage below 80%: roof-7 (62%)" in capsys.readouterr().out
    assert check_file("data/air.h5") == []
    (shown,) = re.findall(r"`pdgn (info [^`]+)`", GUIDE)
    assert main(shlex.split(shown)) == 0
    assert "nodes of stations: roof-0, roof-1," in capsys.readouterr().out
    assert main([*trained, "--training.epochs", "1", "--evaluation.baselines", "[]"]) == 0
    assert Path("runs/air/best.ckpt").is_file()


def test_the_keys_it_speaks_of_exist() -> None:
    spoken = set(re.findall(r"`(\w+_\w+)(?::[^`]*)?`", GUIDE))
    assert {"time_tolerance", "min_coverage", "x_column"} <= spoken
    assert spoken <= set(StationsRecipe.__dataclass_fields__)
