"""Processes that share the work: the same file, no orphans, one line when one is lost, memory that does not grow."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path

import psutil
import pytest

from pdgn.cli import tasks
from pdgn.cli.jobs import plan
from pdgn.cli.main import main
from pdgn.cli.tasks import LostWorkerError
from pdgn.cli.workers import computed_by_workers, computed_here, cores
from pdgn.data import TrajectoryBlock, check_file
from tests.cli.generated import RECIPES, ROOT, SMALL, assert_same, kinds, recipe_of, start

# Enough work to be interrupted: 40 blocks of some hundredths of a second.
LONG = [
    "--config", str(RECIPES / "tiny.yaml"), "--trajectories.train", "20", "--trajectories.valid", "0",
    "--trajectories.block", "1", "--trajectories.frames", "400", "--meshes",
    json.dumps([{"name": name, "shape": "icosphere", "options": {"subdivisions": 4}} for name in "ab"]),
]  # fmt: skip

# Two blocks that last much longer than a test.
ENDLESS = [
    "--config", str(RECIPES / "tiny.yaml"), "--trajectories.test", "1", "--trajectories.frames", "1000000",
    "--trajectories.dt", "0.001", "--meshes",
    json.dumps([{"name": n, "shape": "icosphere", "options": {"subdivisions": 0}, "role": "test"} for n in "ab"]),
    "--initial.modes", "4",
]  # fmt: skip


@pytest.mark.parametrize("kind", kinds("heat"))
def test_two_workers_make_the_same_arrays_without_a_word(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "one.h5", tmp_path / "two.h5"
    assert main([*SMALL[kind], "--output", str(one), "--workers", "1"], command="generate") == 0
    capfd.readouterr()
    assert main([*SMALL[kind], "--output", str(two), "--workers", "2"], command="generate") == 0
    captured = capfd.readouterr()
    assert captured.out == f"{two}: {two.stat().st_size / 1e6:.1f} MB\n" and captured.err == ""
    assert_same(one, two)
    assert check_file(two) == []


def test_a_process_that_computes_loads_no_torch() -> None:
    code = "import sys, pdgn.cli.workers, pdgn.cli.cluster; print(sorted({'torch', 'lightning'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_a_lost_process_is_one_line_that_names_its_task() -> None:
    recipe = recipe_of(LONG)
    results = computed_by_workers(recipe, plan(recipe), 2)
    assert isinstance(next(results), TrajectoryBlock)
    for child in active_children():
        os.kill(child.pid or 0, signal.SIGKILL)
    with pytest.raises(LostWorkerError, match=r"^mesh '[ab]', block \d+: the process .* was killed \(SIGKILL\), perhaps"
                                              r" for want of memory: .* the same command continues$"):  # fmt: skip
        for _ in results:
            pass
    assert not active_children()


@pytest.mark.slow
def test_processes_end_with_the_iterator() -> None:
    recipe = recipe_of(LONG)
    results = computed_by_workers(recipe, plan(recipe), 2)
    next(results)
    assert len(active_children()) == 2
    results.close()
    assert not active_children()


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_an_error_names_mesh_and_block(workers: int) -> None:
    recipe = recipe_of([*SMALL["heat"], "--initial.modes", "500"])
    jobs = plan(recipe)[3:5]  # the last block on one surface, the first on the next
    compute = computed_here(recipe, jobs) if workers == 1 else computed_by_workers(recipe, jobs, workers)
    with pytest.raises(ValueError, match=r"^mesh 'bumpy_[01]', block [03]: num_modes: wanted at most .*[^\n]$"):
        list(compute)


def test_finished_blocks_are_kept_when_one_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unstable(recipe, job):  # type: ignore[no-untyped-def]
        if (job.mesh, job.block) == ("bumpy_1", 2):
            raise ValueError("u: not finite after step 7")
        return compute(recipe, job)

    compute, path = tasks.compute, tmp_path / "x.h5"
    words = [*SMALL["heat"], "--output", str(path), "--workers", "1"]
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "compute", unstable)
        assert main(words, command="generate") == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["pdgn: error: mesh 'bumpy_1', block 2: u: not finite after step 7"]
    kept = list((tmp_path / "x.h5.partial").glob("block=*.h5"))
    assert len(kept) >= 2
    made = []
    monkeypatch.setattr(tasks, "compute", lambda *given: (made.append(given[1]), compute(*given))[1])
    assert main(words, command="generate") == 0
    assert len(made) == len(plan(recipe_of(SMALL["heat"]))) - len(kept)


def test_a_defect_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(recipe, job):  # type: ignore[no-untyped-def]
        return {}["missing"]

    monkeypatch.setattr(tasks, "compute", broken)
    recipe = recipe_of(SMALL["heat"])
    error = pickle.loads(pickle.dumps(tasks.attempt(recipe, plan(recipe)[0])))  # as it goes to another process
    with pytest.raises(RuntimeError, match=r"(?s)mesh 'bumpy_0', block 0: Traceback.*in broken.*KeyError: 'missing'"):
        raise error


def children_of(process: subprocess.Popen[str], count: int) -> list[psutil.Process]:
    """The processes that compute, as soon as there are so many."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = [one for one in psutil.Process(process.pid).children() if "spawn_main" in command_of(one)]
        if len(found) == count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"wanted {count} processes, got {found}")


def command_of(process: psutil.Process) -> str:
    """Its command line; nothing for one that has ended."""
    try:
        return " ".join(process.cmdline())
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return ""


def wait_for(folder: Path, pattern: str) -> None:
    end = time.monotonic() + 30
    while not list(folder.glob(pattern)):
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_no_process_outlives_the_command(number: signal.Signals, tmp_path: Path) -> None:
    process = start(*ENDLESS, "--output", str(tmp_path / "x.h5"), "--workers", "2")
    children = children_of(process, 2)
    wait_for(tmp_path / "x.h5.partial", "mesh=b.h5")
    process.send_signal(number)
    error = process.communicate(timeout=30)[1]
    assert not psutil.wait_procs(children, timeout=10)[1]  # in the middle of a block
    assert process.returncode == -number and error == ""


@pytest.mark.slow
def test_an_interruption_is_one_line_and_ends_all(tmp_path: Path) -> None:
    process = start(*LONG, "--output", str(tmp_path / "x.h5"), "--workers", "2")
    children = children_of(process, 2)
    wait_for(tmp_path / "x.h5.partial", "block=*.h5")
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does for Ctrl-C
    error = process.communicate(timeout=30)[1]
    assert not psutil.wait_procs(children, timeout=10)[1]
    assert process.returncode == 130
    assert error == "pdgn: interrupted; what was finished is kept, the same command continues\n"
    assert list((tmp_path / "x.h5.partial").glob("block=*.h5"))


@pytest.mark.slow
def test_a_killed_process_ends_the_command_with_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    words = [*LONG, "--output", str(path), "--workers", "2"]
    process = start(*words)
    child = children_of(process, 2)[0]
    wait_for(tmp_path / "x.h5.partial", "block=*.h5")
    child.kill()
    error = process.communicate(timeout=30)[1]
    assert process.returncode == 2 and error.startswith("pdgn: error: mesh '") and error.count("\n") == 1
    assert list((tmp_path / "x.h5.partial").glob("block=*.h5"))


def test_cores_are_those_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 5, 6}, raising=False)
    assert cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert cores() == 7


MEASURE = """
import resource, sys
from pdgn.cli.main import main
assert main(sys.argv[1:], command="generate") == 0
print(*(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
"""


def peaks(path: Path, trajectories: int, workers: int) -> list[float]:
    """Peak memory [MB] of the command and of the largest of its processes."""
    words = [*LONG, "--trajectories.train", str(trajectories), "--trajectories.block", "4", "--trajectories.test", "0"]
    words += [
        "--geodesic_sources",
        "0",
        "--output",
        str(path),
        "--workers",
        str(workers),
        "--trajectories.frames",
        "100",
    ]
    done = subprocess.run([sys.executable, "-c", MEASURE, *words], capture_output=True, text=True, cwd=ROOT, check=True)
    return [int(word) / 1024 for word in done.stdout.split()[-2:]]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_memory_does_not_grow_with_the_number_of_trajectories(workers: int, tmp_path: Path) -> None:
    few, many = (peaks(tmp_path / f"{count}.h5", count, workers) for count in (16, 256))
    # 256 trajectories are 2 · 256 · 100 · 2562 · 4 bytes = 525 MB; a block of four is 4 MB.
    assert many[0] - few[0] < 20 and many[1] - few[1] < 20
