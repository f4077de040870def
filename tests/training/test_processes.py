"""Several processes train as one does; a killed one ends the job, and the job goes on where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
import yaml

from pdgn.data import DatasetWriter, MeshRecord, TrajectoryBlock
from pdgn.mesh import icosphere
from pdgn.training import RunConfig, TrainingDivergedError, read_checkpoint, read_metrics, train
from pdgn.training.launcher import own_ranks
from tests.training.tiny import TIME, tiny_config

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """21 training and 9 validation windows on meshes of 12 and 42 nodes; each has other readings."""
    rng = np.random.default_rng(3)
    path = tmp_path_factory.mktemp("data") / "masked.h5"
    attributes = {"u": {"unit": "K", "equation": "u_t = -u", "boundary": "none"}}
    with DatasetWriter(path, config="recipe: masked", name="masked", seed=3, field_attributes=attributes) as writer:
        for name, subdivisions, trainings, validations in (("small", 0, 3, 2), ("large", 1, 4, 1)):
            mesh, split = icosphere(subdivisions), ("train",) * trainings + ("valid",) * validations + ("test",)
            writer.write_mesh(name, MeshRecord.from_mesh(mesh))
            start = rng.normal(size=(len(split), 1, len(mesh.pos), 1))
            values = (start * np.exp(-TIME)[None, :, None, None]).astype(np.float32)
            mask = rng.random(values.shape[:3]) < rng.uniform(0.3, 1.0, size=(len(split), len(TIME), 1))
            writer.write_block(TrajectoryBlock(name, 0, TIME, {"u": values}, mask={"u": mask}, split=split))
        writer.finish()
    return path


def config_of(dataset: Path, output: Path, **training: object) -> RunConfig:
    """Batches of 4, 4, 4, 4, 4 and 1 windows, validation of 4, 4 and 1: one process is idle in the last one."""
    config = tiny_config(dataset, output, **training)
    return replace(
        config,
        data=replace(config.data, stride=2, horizon=2),
        evaluation=replace(config.evaluation, baselines=["fixed_operators"]),
    )


@pytest.fixture(scope="module")
def alone(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(config_of(dataset, tmp_path_factory.mktemp("alone")))


@pytest.fixture(scope="module")
def together(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(config_of(dataset, tmp_path_factory.mktemp("together"), processes=2))


def curve(folder: Path) -> list[dict[str, float]]:
    rows = read_metrics(folder / "metrics.csv")
    return [{name: value for name, value in row.items() if name not in {"seconds", "core_seconds"}} for row in rows]


def require_close(folder: Path, reference: Path) -> None:
    for part in (".", "fixed_operators"):
        one, other = curve(folder / part), curve(reference / part)
        assert len(one) == len(other) == 4
        for row, expected in zip(one, other):
            # sums in float32 in another order
            assert row == pytest.approx(expected, rel=1e-5)
        weights, expected_weights = (read_checkpoint(place / part / "last.ckpt") for place in (folder, reference))
        assert weights["global_step"] == expected_weights["global_step"] == 4 * 6
        assert weights["state_dict"].keys() == expected_weights["state_dict"].keys()


def require_same(folder: Path, reference: Path) -> None:
    for part in (".", "fixed_operators"):
        assert curve(folder / part) == curve(reference / part)
        one, other = (read_checkpoint(place / part / "last.ckpt")["state_dict"] for place in (folder, reference))
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_two_processes_take_the_course_of_one(
    alone: Path, together: Path, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require_close(together, alone)
    # Not because nothing depends on the windows, the masks or the draws:
    other = train(config_of(dataset, alone.parent / "other seed", noise_std=0.02))
    assert curve(other)[0]["train/loss"] != pytest.approx(curve(alone)[0]["train/loss"], rel=1e-4)


def test_one_line_per_epoch_and_no_chatter(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(config_of(dataset, tmp_path, processes=2, epochs=2, workers=1, recompute=True))
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].endswith("weights on 21 windows in 2 processes") and lines[1].startswith("epoch 1/2  train/loss")
    assert len(lines) == 2 * 3 and said.err == ""


def when(condition: Callable[[], bool], action: Callable[[], object]) -> threading.Thread:
    """Does something in another thread as soon as a condition holds."""

    def watch() -> None:
        while not condition():
            time.sleep(0.01)
        action()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def rank_processes(parent: psutil.Process) -> dict[int, psutil.Process]:
    return {int(child.environ()["RANK"]): child for child in parent.children() if "RANK" in child.environ()}


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_ends_the_job_and_the_same_call_continues(
    victim: int, dataset: Path, together: Path, tmp_path: Path
) -> None:
    config = config_of(dataset, tmp_path, processes=2, workers=1)
    metrics, everyone = tmp_path / "tiny" / "metrics.csv", []

    def begun() -> bool:
        return metrics.exists() and len(read_metrics(metrics)) >= 3  # the checkpoint of an epoch follows its row

    def kill() -> None:
        ranks = rank_processes(psutil.Process())
        everyone.extend([*ranks.values(), *(child for rank in ranks.values() for child in rank.children())])
        ranks[victim].send_signal(signal.SIGKILL)
        everyone.append(time.monotonic())

    thread = when(begun, kill)
    message = rf"^{tmp_path}/tiny: process {victim} of 2 .* was killed by SIGKILL, .* the same command continues after"
    with pytest.raises(ChildProcessError, match=message) as caught:
        train(config)
    thread.join()
    assert time.monotonic() - everyone.pop() < 5 and "\n" not in str(caught.value)
    _, alive = psutil.wait_procs(everyone, timeout=2)
    assert len(everyone) >= 2 and not alive
    assert read_checkpoint(tmp_path / "tiny" / "last.ckpt")["epoch"] + 1 >= 2
    assert not (tmp_path / "tiny" / "fixed_operators" / "finished").exists()
    train(config)
    require_same(tmp_path / "tiny", together)


def test_one_process_continues_what_two_began(dataset: Path, alone: Path, tmp_path: Path) -> None:
    config = config_of(dataset, tmp_path, processes=2)
    metrics = tmp_path / "tiny" / "metrics.csv"
    when(metrics.exists, lambda: rank_processes(psutil.Process())[0].kill())
    with pytest.raises(ChildProcessError):
        train(config)
    train(replace(config, training=replace(config.training, processes=1)))
    require_close(tmp_path / "tiny", alone)


def test_what_a_process_raises_is_raised_here(dataset: Path, tmp_path: Path) -> None:
    config = config_of(dataset, tmp_path, processes=2, learning_rate=1e30, clip=None)
    with pytest.raises(TrainingDivergedError, match=r"^epoch \d, batch \d: wanted a finite .*Try a smaller training"):
        train(config)
    damaged = tmp_path / "tiny" / "last.ckpt"
    damaged.write_bytes(b"no checkpoint")
    with pytest.raises(ValueError, match=r"last\.ckpt: wanted a pdgn-forecaster checkpoint"):
        train(config)


def words(dataset: Path, output: Path, **training: object) -> list[str]:
    config = config_of(dataset, output, **training)
    path = output / "config.yaml"
    path.write_text(yaml.safe_dump(config.to_dict()))
    return ["--config", str(path)]


SCRIPT = """
import sys, yaml
from pdgn.training import RunConfig, train
train(RunConfig.from_dict(yaml.safe_load(open(sys.argv[2]))))
"""

CALLS = {
    "the script of the repository, from another folder": [str(ROOT / "train.py")],
    "the module": ["-m", "pdgn.cli.main", "train"],
    "a program without a guard": ["-c", SCRIPT],
}


@pytest.mark.parametrize("how", CALLS)
def test_however_it_is_called(how: str, dataset: Path, together: Path, tmp_path: Path) -> None:
    command = [sys.executable, *CALLS[how], *words(dataset, tmp_path, processes=2)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    require_same(tmp_path / "tiny", together)


@pytest.mark.parametrize("number, status", [(signal.SIGKILL, -9), (signal.SIGTERM, -15), (signal.SIGINT, 130)])
def test_nothing_outlives_the_command(number: int, status: int, dataset: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "train.py"), *words(dataset, tmp_path, processes=2, epochs=1000, workers=1)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        metrics = tmp_path / "tiny" / "metrics.csv"
        while not metrics.exists():
            assert running.poll() is None
            time.sleep(0.01)
        family = psutil.Process(running.pid).children(recursive=True)
        running.send_signal(number)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == status and errors.count("\n") == (1 if status > 0 else 0)
    _, alive = psutil.wait_procs(family, timeout=5)
    assert len(family) >= 4 and not alive


def on_machine(number: int, port: int, arguments: list[str]) -> subprocess.Popen:
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "NODE_RANK": str(number)}
    command = [sys.executable, str(ROOT / "train.py"), *arguments]
    return subprocess.Popen(command, env={**os.environ, **place}, stdout=-1, stderr=-1, text=True)


def test_two_machines(dataset: Path, together: Path, tmp_path: Path) -> None:
    port = own_ranks(config_of(dataset, tmp_path))[0].port
    machines = [on_machine(number, port, words(dataset, tmp_path, machines=2)) for number in (1, 0)]
    said = [machine.communicate(timeout=300) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], said
    require_same(tmp_path / "tiny", together)


def test_a_machine_that_is_lost_ends_the_other(dataset: Path, tmp_path: Path) -> None:
    port = own_ranks(config_of(dataset, tmp_path))[0].port
    arguments = words(dataset, tmp_path, machines=2, epochs=1000)
    machines = [on_machine(number, port, arguments) for number in (0, 1)]
    while not (tmp_path / "tiny" / "metrics.csv").exists():
        assert machines[0].poll() is None
        time.sleep(0.01)
    machines[1].kill()
    _, errors = machines[0].communicate(timeout=60)
    machines[1].communicate(timeout=60)
    assert machines[0].returncode == 2 and errors.count("\n") == 1
    assert "process 0 on machine 0 of 2 (counted from 0): another process ended or is out of reach" in errors
