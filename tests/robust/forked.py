"""One case in a process of its own, with a limit of time: a crash or a hang is an outcome like any other."""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

MEMORY = 8 * 2**30


class Outcome(NamedTuple):
    """How a case ended: kind "ok" (value), "error" (one of ours: its class and message), "bug" (traceback),
    "crash" (signal) or "timeout"."""

    kind: str
    value: Any = None


def is_one_line(error: Exception) -> str:
    """The message of an error that a user may be shown; anything but one line of some length is a bug."""
    message = str(error)
    if "\n" in message or len(message) < 10:
        raise AssertionError(f"wanted one line that says what to do, got {message!r}") from error
    return message


def forked(function: Callable[[], Any], seconds: float) -> Outcome:
    """Run a function in a forked process.

    Args:
        function: returns something that pickles.
        seconds: limit of wall-clock time; the process is killed after it.

    Returns:
        The outcome. ValueError, TypeError, OSError, OverflowError and MemoryError are errors that a user may be shown;
        anything else is a bug.
    """
    read, write = os.pipe()
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        os.close(read)
        _child(function, write)
    os.close(write)
    payload, late = _collect(read, time.monotonic() + seconds)
    if late:
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    if late:
        return Outcome("timeout", f"{seconds} s")
    if os.WIFSIGNALED(status):
        return Outcome("crash", signal.Signals(os.WTERMSIG(status)).name)
    return pickle.loads(payload) if payload else Outcome("crash", f"exit status {os.WEXITSTATUS(status)}")


def _child(function: Callable[[], Any], write: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    try:
        outcome = Outcome("ok", function())
    except (ValueError, TypeError, OSError, OverflowError, MemoryError) as error:
        outcome = Outcome("error", f"{type(error).__name__}: {error}")
        if type(error).__module__ != "builtins" and "pdgn" not in type(error).__module__:
            outcome = Outcome("bug", traceback.format_exc())
    except BaseException:
        outcome = Outcome("bug", traceback.format_exc())
    with os.fdopen(write, "wb") as pipe:
        pipe.write(pickle.dumps(outcome))
    os._exit(0)


def _collect(read: int, deadline: float) -> tuple[bytes, bool]:
    """What the child wrote until it closed the pipe, and whether the time ran out before."""
    pieces = []
    while True:
        left = deadline - time.monotonic()
        ready = select.select([read], [], [], max(left, 0))[0] if left > 0 else []
        if not ready:
            os.close(read)
            return b"", True
        piece = os.read(read, 2**16)
        if not piece:
            os.close(read)
            return b"".join(pieces), False
        pieces.append(piece)
