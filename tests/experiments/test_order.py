"""Claims hold: rows trained again at a small budget come out in the order of the tables."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.directional import run_row
from experiments.rows import Row
from tests.experiments.test_rows import config_of_row

ROOT = Path(__file__).resolve().parents[2]
MINUTES = 0.7


def run(*words: str) -> None:
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_directional_derivatives(tmp_path: Path) -> None:
    scores = {}
    for model in ("finite-difference", "sdl-silu", "ours"):
        run_row(model, 0, tmp_path / model, MINUTES)
        scores[model] = json.loads((tmp_path / model / "metrics.json").read_text())["scores"]
    for function in scores["sdl-silu"]:
        assert (
            scores["ours"][function] < 0.5 * scores["sdl-silu"][function] < 0.5 * scores["finite-difference"][function]
        )


@pytest.mark.slow
def test_heat_on_surfaces(tmp_path: Path) -> None:
    data = tmp_path / "heat.h5"
    sizes = ["--trajectories.train", "6", "--trajectories.valid", "2", "--trajectories.test", "2"]
    run("datasets/generate.py", "--config", "experiments/datasets/heat.yaml", *sizes, "--output", str(data))
    errors = {}
    for model in ("persistence", "meshgraphnet", "ours"):
        config = config_of_row(Row("heat", model, 0, True)).to_dict()
        config |= {"name": model, "output": str(tmp_path)}
        config["data"]["file"] = str(data)
        config["training"]["max_core_minutes"] = MINUTES
        path = tmp_path / f"{model}.yaml"
        path.write_text(json.dumps(config))  # JSON is YAML
        run("train.py", "--config", str(path))
        run("evaluate.py", "--checkpoint", str(tmp_path / model / "best.ckpt"))
        found = json.loads((tmp_path / model / "metrics.json").read_text())["models"][config["model"]["name"]]["groups"]
        errors[model] = {group: found[group]["total"]["end_relative_l2"]["u"] for group in ("seen", "unseen")}
    for group in ("seen", "unseen"):
        assert errors["ours"][group] < 0.1 * errors["persistence"][group]
        assert errors["ours"][group] < 0.1 * errors["meshgraphnet"][group]
