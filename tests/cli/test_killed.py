"""Killed with SIGKILL at any moment and started again, generation ends with the same arrays."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pdgn.cli.main import main
from pdgn.data import check_file
from tests.cli.generated import SMALL, assert_same, start

FINISHED = "exists and is finished"  # what the command says where it was killed after its file was in place


def run_to_the_end(words: list[str]) -> float:
    """Seconds that the whole command takes."""
    begin = time.monotonic()
    process = start(*words)
    output, error = process.communicate(timeout=120)
    assert process.returncode == 0 or FINISHED in error, output + error
    return time.monotonic() - begin


def kill_after(seconds: float, words: list[str]) -> bool:
    """Starts the command and kills it and its processes; whether it was still running."""
    process = start(*words)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    _, error = process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGKILL) or FINISHED in error, error
    return process.returncode == -signal.SIGKILL


def survive(kind: str, workers: int, kills: int, folder: Path) -> None:
    """Kills runs at random moments, continues them, and compares their files with that of an undisturbed run."""
    whole, words = folder / "whole.h5", [*SMALL[kind], "--workers", str(workers)]
    seconds = run_to_the_end([*words, "--output", str(whole)])
    moments, count, number = random.Random(0), 0, 0
    while count < kills:
        path = folder / f"{number}.h5"
        number += 1
        assert number < 4 * kills + 8, "the command ended before it could be killed"
        # A start takes most of the time of these small runs: the moments lie after it as well as in it.
        for _ in range(3):
            killed = kill_after(moments.uniform(0.3, 1.05) * seconds, [*words, "--output", str(path)])
            count += killed
            if not killed or count >= kills:
                break
        run_to_the_end([*words, "--output", str(path)])
        assert_same(whole, path)
        assert check_file(path) == []
        assert not path.with_name(path.name + ".partial").exists()


@pytest.mark.slow
def test_two_kills(tmp_path: Path) -> None:
    """Killed soon after its first block, then later, and continued."""
    path, whole, moments = tmp_path / "x.h5", tmp_path / "whole.h5", random.Random(0)
    assert main([*SMALL["flow"], "--workers", "1", "--output", str(whole)], command="generate") == 0
    words = [*SMALL["flow"], "--workers", "1", "--output", str(path)]
    for number in (1, 2):
        process = start(*words)
        while len(list(tmp_path.glob("x.h5.partial/block=*.h5"))) < number and process.poll() is None:
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.01))
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
        process.communicate()
    assert main(words, command="generate") == 0
    assert_same(whole, path)


@pytest.mark.slow
@pytest.mark.parametrize("kind, workers, kills", [("flow", 2, 20), ("plane", 2, 8), ("heat", 1, 8)])
def test_many_kills(kind: str, workers: int, kills: int, tmp_path: Path) -> None:
    survive(kind, workers, kills, tmp_path)
