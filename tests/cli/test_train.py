"""`pdgn train`, from the config in the repository to a checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from pdgn.cli.main import main
from pdgn.training import load_forecaster, read_metrics
from tests.training.tiny import write_dataset

TINY = str(Path(__file__).resolve().parents[2] / "configs" / "tiny.yaml")


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    file = write_dataset(tmp_path / "tiny.h5")
    return ["--config", TINY, "--data.file", str(file), "--output", str(tmp_path / "runs")]


def test_the_tiny_config_trains_the_model_and_its_baseline(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--training.epochs", "2"], command="train") == 0
    folder = tmp_path / "runs" / "tiny"
    last = capsys.readouterr().out.splitlines()[-1]
    assert "trained (2 epochs, all of the config); next" in last
    assert last.endswith(f"pdgn evaluate --checkpoint {folder / 'best.ckpt'}")
    assert load_forecaster(folder / "best.ckpt").description.model["name"] == "padgn"
    baseline = load_forecaster(folder / "fixed_operators" / "best.ckpt")
    assert baseline.description.model["hidden_channels"] == 8
    assert (
        len(read_metrics(folder / "metrics.csv")) == len(read_metrics(folder / "fixed_operators" / "metrics.csv")) == 2
    )
    # The same command again, then with permission.
    assert main([*words, "--training.epochs", "2"], command="train") == 2
    assert capsys.readouterr().err.endswith("holds a finished run; choose another --name, or --overwrite it\n")
    assert main([*words, "--training.epochs", "1", "--overwrite"], command="train") == 0
    assert len(read_metrics(folder / "metrics.csv")) == 1


@pytest.mark.parametrize(
    "more, message",
    [
        (["--data.file", "nowhere.h5"], "nowhere.h5"),
        (["--training.learning_rat", "1"], "did you mean 'training.learning_rate'"),
        (["--data.history", "9"], "longer than the trajectories"),
        (["--evaluation.baselines", "[persistance]"], "evaluation.baselines: unknown 'persistance'"),
        (["--model.num_kernels", "0"], "num_kernels"),
    ],
)
def test_a_users_mistake_is_one_line(
    words: list[str], more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, *more], command="train") == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("pdgn: error: ") and message in captured.err
    assert captured.err.count("\n") == 1 and captured.out == ""
