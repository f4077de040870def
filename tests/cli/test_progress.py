"""The progress of a long command: rate and time left, also of a run that continues, and nothing torn."""

from __future__ import annotations

import io
import re

import pytest

from pdgn.cli import progress as module
from pdgn.cli.progress import Progress


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_rate_and_time_left_count_this_run_alone() -> None:
    progress = Progress("plane", total=1000, done=400, stream=io.StringIO())
    progress.add(100)
    # 100 in 20 s: 5 per second, and 500 are left.
    assert progress.line(20.0) == "plane: 500 of 1000 trajectories, 5/s, 01:40 left"


def test_a_terminal_gets_a_bar_from_where_the_run_continues() -> None:
    stream = Terminal()
    with Progress("plane", total=8, done=6, stream=stream) as progress:
        assert "plane:  75%" in stream.getvalue() and "6/8" in stream.getvalue()
        progress.say("mesh 'a': repaired")
        progress.add(2)
    last = stream.getvalue().split("\r")[-1]
    assert re.search(r"100%\|.*\| 8/8 trajectories, +[\d.]+/s, 00:00 left$", last.rstrip())
    assert "\rmesh 'a': repaired\n" in stream.getvalue()


def test_a_file_gets_whole_lines_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, stream = [0.0], io.StringIO()
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    with Progress("plane", total=100, done=0, stream=stream) as progress:
        for _ in range(100):
            clock[0] += 1.0
            progress.add(1)
    lines = stream.getvalue().splitlines()
    assert lines == [
        f"plane: {count} of 100 trajectories, 1/s, {left} left"
        for count, left in ((30, "01:10"), (60, "00:40"), (90, "00:10"))
    ]


def test_items_are_counted_in_their_own_unit() -> None:
    stream = Terminal()
    with Progress("predict", total=3, done=0, stream=stream, unit="frames") as progress:
        assert list(progress.over(iter("abc"))) == ["a", "b", "c"]
    assert progress.line(1.5) == "predict: 3 of 3 frames, 2/s, 00:00 left"
    assert "3/3 frames" in stream.getvalue()
