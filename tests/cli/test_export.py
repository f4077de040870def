"""`pdgn export`: its options, what it prints, and one line for a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from pdgn.cli.main import main
from tests.data.dummy import write_dummy


def test_export_says_what_to_open_and_refuses_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = write_dummy(tmp_path / "dummy.h5", frames=3), tmp_path / "out"
    words = ["export", str(data), "--to", str(out), "--mesh", "sphere", "square", "--split", "valid", "test"]
    assert main([*words, "--trajectory", "3", "4"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines == [
        f"{out}: 4 files to open with ParaView",
        "  sphere_3.pvd", "  sphere_4.pvd", "  square_3.pvd", "  square_4.pvd",
    ]  # fmt: skip
    assert captured.err == "" and all((out / line.strip()).is_file() for line in lines[1:])
    for more, message in (
        ([], "sphere_3: exists; give --overwrite to replace it, or another folder"),
        (["--mesh", "cube"], "wanted one of the meshes sphere, square, unseen, got 'cube'"),
        (["--split", "dev"], "split: wanted one of train, valid, test, got 'dev'"),
        (["--trajectory", "77"], "wanted trajectories in [0, 6), got 77"),
        (["--trajectory", "one"], "invalid int value: 'one'"),
        (["--meshes", "cube"], "did you mean '--mesh'"),
    ):
        assert main([*words, *more]) == 2
        captured = capsys.readouterr()
        assert message in captured.err and captured.err.count("\n") == 1 and captured.out == ""
    assert main([*words, "--overwrite"]) == 0
    assert "8 files to open" in capsys.readouterr().out
    assert main(["export", str(data), "--to", str(data)]) == 2
    assert "dummy.h5: wanted a folder, got a file" in capsys.readouterr().err
