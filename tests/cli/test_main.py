"""The command line as a whole: commands, one-line errors, and the whole way from recipe to prediction."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pdgn
from pdgn.cli.main import COMMANDS, main
from pdgn.mesh import icosphere, write_mesh

ROOT = Path(__file__).resolve().parents[2]


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in COMMANDS)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"pdgn {pdgn.__version__}"


def test_an_unknown_command_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian"]) == 2
    assert "did you mean 'train'" in capsys.readouterr().err


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_helps(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert f"usage: pdgn {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["check"], ["check", "--all", "x.h5"], ["evaluate", "--check", "x"], ["summary", "--step"]]
)
def test_an_option_is_never_taken_for_another(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"pdgn: error: pdgn {words[0]}: ") and error.count("\n") == 1
    assert "required" in error or "unrecognized" in error


def test_check_names_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.h5").write_text("no HDF5 here")
    assert main(["check", str(tmp_path / "text.h5")]) == 2
    captured = capsys.readouterr()
    assert "text.h5" in captured.err and captured.err.count("\n") == 1


@pytest.mark.parametrize("figures", ["false", pytest.param("true", marks=pytest.mark.slow)])
def test_from_recipe_to_prediction(figures: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, runs = tmp_path / "tiny.h5", tmp_path / "runs"
    recipe, config = str(ROOT / "datasets" / "tiny.yaml"), str(ROOT / "configs" / "tiny.yaml")
    assert main(["generate", "--config", recipe, "--output", str(data), "--workers", "1"]) == 0
    words = ["--data.file", str(data), "--output", str(runs), "--training.epochs", "2", "--evaluation.figures", figures]
    assert main(["train", "--config", config, *words]) == 0
    checkpoint = runs / "tiny" / "best.ckpt"
    assert main(["evaluate", "--checkpoint", str(checkpoint)]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("PA-DGN", "Persistence", "Fixed operators", "report.html"))
    metrics = json.loads((checkpoint.parent / "metrics.json").read_text())
    assert set(metrics["groups"]) >= {"seen", "unseen"}

    mesh, observed = icosphere(2), np.ones((2, 162))
    write_mesh(mesh, tmp_path / "mesh.obj")
    np.save(tmp_path / "observed.npy", observed)
    words = ["--mesh", str(tmp_path / "mesh.obj"), "--observed", str(tmp_path / "observed.npy"), "--steps", "4"]
    assert main(["predict", "--checkpoint", str(checkpoint), *words, "--output", str(tmp_path / "out.npz")]) == 0
    prediction = pdgn.load(checkpoint).predict(mesh, observed, steps=4)
    assert prediction.shape == (4, 162, 1) and np.isfinite(prediction).all()
    with np.load(tmp_path / "out.npz") as stored:
        assert any(np.array_equal(stored[name], prediction) for name in stored.files)


@pytest.mark.slow
@pytest.mark.parametrize("script", ["train.py", "evaluate.py", "datasets/generate.py"])
def test_the_scripts_are_the_commands(script: str) -> None:
    done = subprocess.run([sys.executable, ROOT / script, "--nonsense"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2 and done.stderr.startswith("pdgn: error: ") and done.stderr.count("\n") == 1
