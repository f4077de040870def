"""`pdgn evaluate`: the table and the path on standard output, one line for every mistake."""

from __future__ import annotations

import runpy
import shutil
import sys
from pathlib import Path

import pytest

from pdgn.cli.main import main
from tests.evaluation.tiny import make_run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return make_run(tmp_path_factory.mktemp("run"), figures=False)


def test_the_command_prints_the_table_and_the_report(run, capsys):
    assert main(["evaluate", "--checkpoint", str(run), "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    for shown in ("MAE and RMSE in K", "PA-DGN", "Persistence", "Unseen surfaces (2 trajectories)"):
        assert shown in out
    assert out.strip().splitlines()[-1] == f"report: {run.parent / 'report.html'}"


def test_several_checkpoints_are_compared_in_one_table(run, tmp_path, capsys):
    other = tmp_path / "other" / "best.ckpt"
    other.parent.mkdir()
    shutil.copy(run, other)
    words = ["evaluate", "--checkpoint", str(run), "--checkpoint", str(other)]
    assert main([*words, "--output", str(tmp_path / "both")]) == 0
    out = capsys.readouterr().out
    assert "tiny (2)" in out and out.count("Persistence") == 1 and (tmp_path / "both" / "report.html").is_file()
    assert main(words) == 2
    error = capsys.readouterr().err.strip()
    assert error == "pdgn: error: --output: wanted a folder for the comparison of 2 checkpoints, given none"


def test_the_script_in_the_repository_does_the_same(run, tmp_path, monkeypatch, capsys):
    script = str(ROOT / "evaluate.py")
    monkeypatch.setattr(sys, "argv", [script, "--checkpoint", str(run), "--output", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(script, run_name="__main__")
    assert stopped.value.code == 0
    assert capsys.readouterr().out.strip().endswith("report.html") and (tmp_path / "out" / "metrics.json").is_file()


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "the following arguments are required: --checkpoint"),
        (["--checkpont", "x"], "required: --checkpoint"),
        (["--checkpoint", "missing.ckpt"], "missing.ckpt: wanted a checkpoint file, given no file"),
        (["--checkpoint", "RUN", "--data", "missing.h5"], "missing.h5"),
        (["--checkpoint", "RUN", "--devise", "cpu"], "unrecognized arguments: --devise cpu (did you mean '--device'?)"),
        (["--checkpoint", "RUN", "--device", "abacus"], "--device: wanted auto, cpu or cuda, given 'abacus'"),
    ],
)
def test_mistakes_are_one_line(run, capsys, words, message):
    words = [str(run) if word == "RUN" else word for word in words]
    assert main(["evaluate", *words]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("pdgn: error: ") and message in error and "\n" not in error


def test_an_output_that_cannot_be_made_is_one_line(run, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["evaluate", "--checkpoint", str(run), "--output", str(tmp_path / "file" / "out")]) == 2
    error = capsys.readouterr().err.strip()
    assert "file" in error and "\n" not in error
