"""`pdgn check`: what it prints and its exit status."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from pdgn.cli import check
from pdgn.cli.main import main
from tests.data.dummy import write_dummy


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dummy(tmp_path_factory.mktemp("check") / "good.h5")


def test_a_good_file_is_one_word(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(good), str(good)]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{good}: good\n" * 2 and captured.err == ""  # no bar where there is no terminal


def test_the_first_ten_violations_are_named_and_the_rest_counted(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.h5"
    shutil.copy(good, bad)
    with h5py.File(bad, "r+") as file:
        for number in range(12):
            file[f"meshes/sphere/extra_{number:02d}"] = 1.0
        file["trajectories/square/fields/u"][1, 3, 2, 0] = np.nan
    assert main(["check", str(bad), str(good)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{bad}: 13 violations" and lines[-1] == f"{good}: good"
    assert [line.partition(": ")[0] for line in lines[1:11]] == [f"  /meshes/sphere/extra_{k:02d}" for k in range(10)]
    assert lines[11] == "  and 3 more" and len(lines) == 13


def test_a_bar_shows_on_a_terminal_once_it_takes_long(
    good: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert main(["check", str(good)]) == 0
    assert capsys.readouterr().err.strip() == ""
    monkeypatch.setattr(check, "PATIENCE", 0.0)
    assert main(["check", str(good)]) == 0
    assert "100%" in capsys.readouterr().err
