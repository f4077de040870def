"""A `dask.distributed` cluster: the same file, and one line for everything that may be wrong with a cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pdgn.cli import cluster as module
from pdgn.cli.cluster import computed_on_cluster, versions
from pdgn.cli.jobs import plan
from pdgn.cli.main import main
from pdgn.cli.tasks import LostWorkerError
from pdgn.cli.workers import computed_here
from pdgn.data import TrajectoryBlock
from tests.cli.generated import ROOT, SMALL, assert_same, kinds, recipe_of

distributed = pytest.importorskip("distributed")


@contextmanager
def local_cluster(**options: Any) -> Iterator[Any]:
    standard = {"processes": True, "threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 60}
    with distributed.LocalCluster(**{**standard, **options}) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with local_cluster(n_workers=2) as cluster:
        yield cluster.scheduler_address


@pytest.mark.parametrize("kind", kinds("heat"))
def test_a_cluster_makes_the_same_arrays(kind: str, address: str, tmp_path: Path) -> None:
    here, there = tmp_path / "here.h5", tmp_path / "there.h5"
    assert main([*SMALL[kind], "--output", str(here), "--workers", "1"], command="generate") == 0
    assert main([*SMALL[kind], "--output", str(there), "--scheduler", address], command="generate") == 0
    assert_same(here, there)


def test_workers_with_other_versions_are_refused(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*SMALL["heat"], "--output", str(tmp_path / "x.h5"), "--scheduler", address]
    for other, given in (({"pdgn": "0.0.0"}, f"pdgn {versions()['pdgn']}"), ({"absent": "1"}, "no absent")):
        monkeypatch.setattr(module, "versions", lambda other=other: other)
        assert main(words, command="generate") == 2
        name, version = next(iter(other.items()))
        line = f"pdgn: error: --scheduler: wanted workers with {name} {version} as here, given {given}\n"
        assert capsys.readouterr().err == line
    assert not list(tmp_path.iterdir())


def test_a_worker_that_joins_later_is_asked_too() -> None:
    recipe = recipe_of(SMALL["heat"])
    (answer,) = module._attempt({"pdgn": "0.0.0"}, recipe, module.Bundle(0, tuple(plan(recipe)[:1])))
    assert isinstance(answer, ValueError) and "wanted workers with pdgn 0.0.0" in str(answer)


def test_an_error_in_a_block_is_one_line(address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*SMALL["heat"], "--output", str(tmp_path / "x.h5"), "--scheduler", address, "--initial.modes", "500"]
    assert main(words, command="generate") == 2
    error = capsys.readouterr().err
    assert error.startswith("pdgn: error: mesh '") and "num_modes: wanted at most" in error and error.count("\n") == 1


@pytest.mark.parametrize("given", ["nonsense", "", "udp://here:1", "tcp://here", "here:x"])
def test_an_address_that_is_none_is_refused_at_once(
    given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*SMALL["heat"], "--output", str(tmp_path / "x.h5"), "--scheduler", given]
    assert main(words, command="generate") == 2
    wanted = f"--scheduler: wanted the address of a scheduler, tcp://HOST:PORT, given {given!r}"
    assert capsys.readouterr().err == f"pdgn: error: {wanted}\n" and not list(tmp_path.iterdir())


def test_nobody_at_the_address_is_one_line_within_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 1.0)
    start = time.monotonic()
    words = [*SMALL["heat"], "--output", str(tmp_path / "x.h5"), "--scheduler", "tcp://127.0.0.1:1"]
    assert main(words, command="generate") == 2 and time.monotonic() - start < 10
    error = capsys.readouterr().err
    assert error.startswith("pdgn: error: --scheduler: wanted a scheduler at 'tcp://127.0.0.1:1', given no answer")
    assert error.count("\n") == 1 and not list(tmp_path.iterdir())


def test_dask_is_asked_for_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    words = [*SMALL["heat"], "--output", str(tmp_path / "x.h5"), "--scheduler", "tcp://127.0.0.1:8786"]
    assert main(words, command="generate") == 2
    assert "not installed; pip install 'pdgn[distributed]'" in capsys.readouterr().err


def test_a_cluster_without_workers_is_one_line() -> None:
    recipe = recipe_of(SMALL["heat"])
    wanted = pytest.raises(LostWorkerError, match="wanted at least one worker, given none for 1 s")
    with local_cluster(n_workers=0) as cluster, wanted:
        list(computed_on_cluster(recipe, plan(recipe), cluster.scheduler_address, patience=1))


def kill_workers(cluster: Any, count: int) -> None:
    with distributed.Client(cluster, set_as_default=False) as client:
        for process in list(client.run(os.getpid).values())[:count]:
            os.kill(process, signal.SIGKILL)


@pytest.mark.slow
def test_the_work_of_a_vanished_worker_is_done_by_another() -> None:
    recipe = recipe_of(SMALL["flow"])
    wanted = {(block.mesh, block.index): block for block in computed_here(recipe, plan(recipe))}
    given = {}
    with local_cluster(n_workers=2) as cluster:
        for block in computed_on_cluster(recipe, plan(recipe), cluster.scheduler_address):
            assert isinstance(block, TrajectoryBlock)
            given[block.mesh, block.index] = block
            if len(given) in (1, 4):
                kill_workers(cluster, 1)
    assert given.keys() == wanted.keys()
    for key, block in wanted.items():
        for name, values in block.fields.items():
            assert given[key].fields[name].tobytes() == values.tobytes()


@pytest.mark.slow
def test_a_task_that_takes_its_workers_with_it_is_one_line() -> None:
    recipe = recipe_of(SMALL["flow"])
    with local_cluster(n_workers=2) as cluster:
        cluster.scheduler.allowed_failures = 0
        results = computed_on_cluster(recipe, plan(recipe), cluster.scheduler_address)
        next(results)
        kill_workers(cluster, 2)
        with pytest.raises(LostWorkerError, match=r"^mesh '\w+', block \d+: several workers of the cluster vanished"):
            list(results)


@pytest.mark.slow
def test_one_worker_of_four_threads_makes_the_same_arrays(tmp_path: Path) -> None:
    here, there = tmp_path / "here.h5", tmp_path / "there.h5"
    assert main([*SMALL["flow"], "--output", str(here), "--workers", "1"], command="generate") == 0
    with local_cluster(n_workers=1, threads_per_worker=4) as cluster:
        words = [*SMALL["flow"], "--output", str(there), "--scheduler", cluster.scheduler_address]
        assert main(words, command="generate") == 0
    assert_same(here, there)


@contextmanager
def command_line_cluster(folder: Path, **environment: str) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and a worker as one starts them on two machines."""
    file, processes = folder / "scheduler.json", []
    for words in (["scheduler", "--port", "0", "--no-dashboard"], ["worker", "--nthreads", "1", "--no-dashboard"]):
        command = [sys.executable, "-m", "dask", *words, "--scheduler-file", str(file)]
        pipe = subprocess.DEVNULL
        processes.append(
            subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, env={**os.environ, **environment})
        )
    try:
        end = time.monotonic() + 60
        while not file.exists() or not file.read_text().endswith("}"):
            assert time.monotonic() < end
            time.sleep(0.1)
        yield distributed.utils.json.loads(file.read_text())["address"], processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_a_cluster_without_pdgn_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pdgn").mkdir()
    (tmp_path / "pdgn" / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'pdgn'\")\n")
    words = [*SMALL["heat"], "--output", str(tmp_path / "x.h5"), "--scheduler"]
    with command_line_cluster(tmp_path, PYTHONPATH=str(tmp_path)) as (address, _):
        assert main([*words, address], command="generate") == 2
    wanted = f"--scheduler: wanted workers with pdgn {versions()['pdgn']} as here, given no pdgn"
    assert capsys.readouterr().err == f"pdgn: error: {wanted}\n"


@pytest.mark.slow
def test_a_scheduler_that_goes_away_is_one_line(tmp_path: Path) -> None:
    recipe = recipe_of(SMALL["flow"])
    with command_line_cluster(tmp_path, PYTHONPATH=str(ROOT)) as (address, processes):
        results = computed_on_cluster(recipe, plan(recipe), address)
        next(results)
        processes[0].kill()
        start = time.monotonic()
        with pytest.raises(LostWorkerError, match="the scheduler at '.*' went away .* the same command continues$"):
            list(results)
        assert time.monotonic() - start < 90
