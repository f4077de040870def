"""Surfaces of recipes: what is said about meshes from files, and options that are refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pdgn.cli.main import main
from pdgn.mesh import TriMesh, icosphere, write_mesh

TINY = str(Path(__file__).resolve().parents[2] / "datasets" / "tiny.yaml")


def words(folder: Path, mesh: str) -> list[str]:
    return ["--config", TINY, "--output", str(folder / "x.h5"), "--workers", "1", "--meshes", f"[{{name: a, {mesh}}}]"]


@pytest.mark.parametrize(
    "mesh, message",
    [
        ("shape: icosphere", "mesh 'a': option 'subdivisions': shape 'icosphere' wants it, given nothing"),
        ("shape: icosphere, options: {subdivisions: three}", "option 'subdivisions': wanted an integer, given 'three'"),
        ("shape: icosphere, options: {subdivisions: 1, radius: -1}", "mesh 'a': icosphere needs"),
        ("shape: grid, options: {nx: 9, ny: 9, size: 3}", "mesh 'a': option 'size': wanted a list of number values"),
        ("shape: grid, options: {nx: 9, ny: 9, size: [a, b]}", "option 'size': wanted a list of number values"),
        ("shape: grid, options: {nx: 9, ny: 9, size: [1, 2, 3]}", "option 'size': wanted a list of number values"),
        ("shape: grid, options: {nx: 9, ny: 9, periodic: 'no'}", "option 'periodic': wanted true or false, given 'no'"),
    ],
)
def test_options_are_refused_by_name(
    mesh: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(tmp_path, mesh), command="generate") == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("pdgn: error: ") and message in lines[-1]


def test_what_is_repaired_and_what_is_wrong_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sphere = icosphere(1)
    write_mesh(TriMesh(np.vstack([sphere.pos, np.ones((2, 3))]), sphere.face[:, ::-1]), tmp_path / "inward.obj")
    mesh = f"shape: file, file: {tmp_path / 'inward.obj'}, remove_isolated: true"
    assert main(words(tmp_path, mesh), command="generate") == 0
    shown = capsys.readouterr().out
    assert "mesh 'a': 2 isolated removed\n" in shown
    assert "mesh 'a': 1 component, closed, Euler characteristic 2; 1 inward or clockwise components\n" in shown


def test_nothing_is_said_of_a_sound_mesh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mesh(icosphere(1), tmp_path / "sound.ply")
    assert main(words(tmp_path, f"shape: file, file: {tmp_path / 'sound.ply'}"), command="generate") == 0
    assert "mesh 'a'" not in capsys.readouterr().out
