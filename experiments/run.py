"""Runs rows of the matrix: those without metrics.json, several at a time, each continued where it was stopped."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Literal, NamedTuple

from experiments.children import Children, StoppedError
from experiments.commands import CONFIGURED, RUNS, Budget, Commands, commands
from experiments.dataset import ROOT, Dataset
from experiments.lock import locked
from experiments.results import RESULTS, collect, read_result, results_file, write_result
from experiments.rows import Row

LINE_LENGTH = 300


class Outcome(NamedTuple):
    """What became of a row.

    Args:
        row: the row.
        state: "done"; "there" before; "busy": another runner has it; "failed"; "skipped": data that is not part of the
            repository is not there; "stopped": the runner was told to.
        line: what to print about it.
    """

    row: Row
    state: Literal["done", "there", "busy", "failed", "skipped", "stopped"]
    line: str = ""


class Runner:
    """Runs rows.

    Args:
        budget: of each row.
        again: run finished rows anew.
        results: folder of the committed metrics.
        runs: folder of locks and logs.
        planned: what a row runs.
    """

    def __init__(
        self,
        budget: Budget = CONFIGURED,
        *,
        again: bool = False,
        results: Path = ROOT / RESULTS,
        runs: Path = ROOT / RUNS,
        planned: Callable[[Row, Budget], Commands] = commands,
    ) -> None:
        self.budget, self.again, self.results, self.runs, self.planned = budget, again, results, runs, planned
        self.children = Children()

    def run(self, rows: Sequence[Row], jobs: int = 2) -> list[Outcome]:
        """Runs rows in their order, some at a time; prints a line for each as it ends.

        Args:
            rows: of the matrix.
            jobs: how many at a time.

        Returns:
            What became of them, in the order in which they ended.
        """
        found: list[Outcome] = []
        began = time.monotonic()
        with ThreadPoolExecutor(jobs) as pool:
            waiting: set[Future[Outcome]] = {pool.submit(self.attempt, row) for row in rows}
            try:
                while waiting:
                    ended, waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
                    for future in ended:
                        found.append(future.result())
                        self._tell(found, len(rows), time.monotonic() - began)
            except KeyboardInterrupt:
                self.children.stop()
                for future in waiting:
                    future.cancel()
                found += [future.result() for future in waiting if not future.cancelled()]
        return found

    def attempt(self, row: Row) -> Outcome:
        """Runs one row, unless it is there, another runner has it, or its data cannot be made.

        Returns:
            What became of it; nothing is raised for a row that fails.
        """
        if self.children.stopped:
            return Outcome(row, "stopped")
        target = results_file(row, self.results)
        if target.is_file() and not self.again:
            return Outcome(row, "there")
        with locked(self.runs / f"{row.name}.lock") as held:
            if held is None:
                return Outcome(row, "busy", "another runner has it")
            if target.is_file() and not self.again:  # it came while this one waited for its turn
                return Outcome(row, "there")
            try:
                return self._run(row, target, held)
            except StoppedError:
                return Outcome(row, "stopped")
            except Exception as error:  # one row must not end the others
                text = " ".join(str(error).split()) or type(error).__name__
                return Outcome(row, "failed", text[:LINE_LENGTH])

    def _run(self, row: Row, target: Path, held: int) -> Outcome:
        planned = self.planned(row, self.budget)
        log = self.runs / f"{row.name}.log"
        if planned.data is not None and not self._made(planned.data, held):
            return Outcome(row, "skipped", f"no {planned.data.missing()[0]}, which is not part of the repository")
        if planned.folder is None:
            words = (*planned.train, "--results", str(self.results / row.experiment))
            target.unlink(missing_ok=True)
            self.children.run(words, log, held)
            return Outcome(row, "done", _told(target))
        if self.again or not (ROOT / planned.folder / "finished").is_file():
            self.children.run((*planned.train, *(["--overwrite"] if self.again else [])), log, held)
        skipped = {}
        for test in planned.evaluations:
            if self._made(test.data, held):
                self.children.run((*test.words, "--overwrite"), log, held)
            else:
                skipped[test.name] = f"no {test.data.missing()[0]}, which is not part of the repository"
        write_result(target, collect(row, planned, skipped))
        return Outcome(row, "done", _told(target))

    def _made(self, data: Dataset, held: int) -> bool:
        """Whether a dataset is there, after it was made where it can be; another runner's is waited for."""
        if (ROOT / data.file).is_file():
            return True
        if data.missing():
            return False
        with locked(self.runs / f"{data.file.stem}.lock", wait=True):
            if not (ROOT / data.file).is_file():
                self.children.run(data.words, self.runs / f"{data.file.stem}.log", held)
        return True

    def _tell(self, found: list[Outcome], total: int, seconds: float) -> None:
        last = found[-1]
        if last.state in ("there", "stopped"):
            return
        stream = sys.stderr if last.state == "failed" else sys.stdout
        place = f"[{len(found)}/{total}, {seconds / 60:.0f} min]"
        print(f"{place} {last.row.name}: {last.state}{', ' if last.line else ''}{last.line}", file=stream, flush=True)


def _told(target: Path) -> str:
    """One line about a row that is done."""
    result = read_result(target)
    training = result.get("training", {})
    limited = training.get("budget_limited", result.get("budget_limited", False))
    seconds = training.get("core_seconds", result.get("seconds", 0.0))
    return f"{seconds / 60:.1f} min of training{', budget-limited' if limited else ''}"


def stop_on_termination() -> None:
    """Lets SIGTERM end a runner as an interruption from the keyboard does."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
