"""Programs that a runner starts, one thread each: their output goes to a log, and they end when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from experiments.dataset import ROOT

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
GRACE_SECONDS = 20.0


class ChildError(Exception):
    """A program that failed: its last line."""


class StoppedError(Exception):
    """The runner was told to stop."""


class Children:
    """The programs that are running."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen] = set()
        self._guard = threading.Lock()
        self.stopped = False

    def run(self, words: Sequence[str], log: Path, keep: int) -> None:
        """Runs Python with these words until it ends.

        Args:
            words: after `python`.
            log: its output is added to this file.
            keep: descriptor of a lock that the program inherits, so that it holds where the runner dies before it.

        Raises:
            ChildError: it failed.
            StoppedError: the runner was told to stop.
        """
        environment = {**os.environ, **dict.fromkeys(ONE_THREAD, "1")}
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            output.write(f"$ python {' '.join(words)}\n".encode())
            output.flush()
            with self._guard:
                if self.stopped:
                    raise StoppedError
                # A session of its own: an interruption from the terminal reaches it once, through `stop`.
                child = subprocess.Popen(
                    [sys.executable, *words], stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT,
                    env=environment, pass_fds=[keep], start_new_session=True,
                )  # fmt: skip
                self._running.add(child)
            status = child.wait()
            with self._guard:
                self._running.discard(child)
        if self.stopped:
            raise StoppedError
        if status != 0:
            raise ChildError(f"{last_line(log)} (status {status}; {log})")

    def stop(self) -> None:
        """Interrupts all that is running, so that it keeps what is finished, and starts nothing more."""
        with self._guard:
            self.stopped = True
            running = list(self._running)
        for child in running:
            child.send_signal(signal.SIGINT)
        end = time.monotonic() + GRACE_SECONDS
        while any(child.poll() is None for child in running) and time.monotonic() < end:
            time.sleep(0.1)
        for child in running:
            if child.poll() is None:
                child.kill()


def last_line(log: Path) -> str:
    """The last line of a log that says something, without what a progress bar left."""
    lines = [part.strip() for part in log.read_text(errors="replace").replace("\r", "\n").splitlines()]
    return next((line for line in reversed(lines) if line), "no output")
