"""Starts the processes of a machine that train together, and ends them all when one of them ends early."""

from __future__ import annotations

import builtins
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any, TextIO

import torch

from pdgn.models import MODELS
from pdgn.training.config import RunConfig
from pdgn.training.diverged import TrainingDivergedError
from pdgn.training.parts import baseline_configs
from pdgn.training.rank import Rank

_POLL_SECONDS = 0.05
_GRACE_SECONDS = 3.0  # to hear from the others, where the first that ended does not say why
_RESUME = "all others were stopped, and the same command continues after the last epoch that was finished"
# DDP's hint that all weights had a gradient: whether they do depends on the length of the roll-out.
_QUIET = {"TORCH_CPP_LOG_LEVEL": "ERROR"}
_USERS = (ValueError, TypeError, OSError, OverflowError, MemoryError)  # what the command line shows on one line
_CODE = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from pdgn.training.rank_process import main; main()"


def run_processes(config: RunConfig, ranks: list[Rank]) -> None:
    """Trains the parts of a run in `training.processes` processes on this machine, and waits for them.

    They are started afresh (not forked, and without the caller's script), so this works from scripts with and without
    a guard, from `python -m` and from notebooks. None outlives this process, however it ends.

    Args:
        config: the resolved config.
        ranks: of this machine's processes (`own_ranks`).

    Raises:
        ChildProcessError: a process was killed, or ended without a word.
        RuntimeError: a process met an error of the program; its traceback is attached.
        ValueError: a model of the config is not in a module.
        Exception: what a process raised, as if it had been raised here.
    """
    models = _model_places(config)
    with tempfile.TemporaryDirectory(prefix="pdgn-") as place:
        started: list[_RunningRank] = []
        try:
            for rank in ranks:  # one by one: an interruption must find those that are started
                started.append(_RunningRank(rank, config, models, Path(place)))
            while any(process.code() is None for process in started):
                if any(process.code() for process in started):
                    _await_reports(started)
                    break
                time.sleep(_POLL_SECONDS)
        finally:
            for process in started:
                process.kill()
        failed = [process for process in started if process.code_before_kill]
        if failed:
            raise _cause(failed)


def own_ranks(config: RunConfig) -> list[Rank]:
    """The ranks of this machine's processes.

    Args:
        config: the resolved config.

    Returns:
        One per process.

    Raises:
        ValueError: there are several machines, and the environment does not say which this is.
    """
    processes, machines = config.training.processes, config.training.machines
    if machines == 1:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        return [Rank(local, processes, 0, 1, "127.0.0.1", port) for local in range(processes)]
    machine = own_machine(machines)
    address, port = _variable("MASTER_ADDR"), int(_variable("MASTER_PORT", number=True))
    return [Rank(local, processes, machine, machines, address, port) for local in range(processes)]


def own_machine(machines: int) -> int:
    """The number of this machine.

    Args:
        machines: how many there are.

    Returns:
        NODE_RANK of the environment, or SLURM_NODEID; 0 where there is one machine.

    Raises:
        ValueError: there are several machines, and neither is set, or it is out of range.
    """
    if machines == 1:
        return 0
    name = "NODE_RANK" if "NODE_RANK" in os.environ or "SLURM_NODEID" not in os.environ else "SLURM_NODEID"
    machine = int(_variable(name, number=True))
    if machine >= machines:
        raise ValueError(f"{name} of the environment: wanted at most {machines - 1}, given {machine}")
    return machine


def _variable(name: str, number: bool = False) -> str:
    value = os.environ.get(name, "")
    if not value or (number and not value.isdecimal()):
        wanted = "a number" if number else "a value"
        raise ValueError(
            f"{name} of the environment: wanted {wanted} for training.machines > 1, given {value or 'none'}; start the "
            "same command on every machine with MASTER_ADDR (of machine 0), MASTER_PORT and NODE_RANK (0, 1, ...)"
        )
    return value


def _model_places(config: RunConfig) -> dict[str, tuple[str, str]]:
    """Where the processes find the models, also those that the caller's program has added."""
    places = {}
    for part in [config, *baseline_configs(config)]:
        name = part.model["name"]
        model = MODELS[name]
        if model.__module__ == "__main__":
            raise ValueError(f"training.processes: wanted model '{name}' in a module of its own, given one of a script")
        places[name] = (model.__module__, model.__qualname__)
    return places


class _RunningRank:
    """A started process, in a process group of its own so that its readers end with it."""

    def __init__(self, rank: Rank, config: RunConfig, models: dict[str, tuple[str, str]], place: Path) -> None:
        self.rank = rank
        self.folder = Path(config.output) / config.name
        self.report = place / f"{rank.number}.json"
        self.code_before_kill: int | None = None
        self.ended_at = 0.0
        first = rank.number == 0
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CODE, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if first else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**_QUIET, **os.environ, **rank.environment(), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        self._relays = [_relay(self._process.stderr, sys.stderr if first else None)]
        if first:
            self._relays.append(_relay(self._process.stdout, sys.stdout))
        job = {
            "config": config.to_dict(),
            "rank": rank.to_dict(),
            "threads": max(1, torch.get_num_threads() // rank.processes),
            "bar": sys.stdout.isatty(),
            "models": models,
            "report": str(self.report),
        }
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it is dead already: `code` tells
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            self._process.stdin.flush()

    def code(self) -> int | None:
        """The exit status, None while it runs; remembers when it was first seen."""
        code = self._process.poll()
        if code is not None and self.code_before_kill is None:
            self.code_before_kill, self.ended_at = code, time.time()
        return code

    def kill(self) -> None:
        """Ends it and its readers, where they still run."""
        self.code()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for thread in self._relays:
            thread.join()
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def said(self) -> dict[str, Any] | None:
        """Its report of an error, if it left one."""
        return json.loads(self.report.read_text()) if self.report.exists() else None

    def says_why(self) -> bool:
        """Whether it ended, and for a reason of its own: killed, or with an error that is not the loss of another."""
        report = self.said()
        return self.code() == -signal.SIGKILL or bool(report and not report["lost"])

    def __str__(self) -> str:
        where = f" on machine {self.rank.machine}" if self.rank.machines > 1 else ""
        return f"{self.folder}: process {self.rank.number}{where} of {self.rank.of} (counted from 0)"


def _relay(source: IO[bytes] | None, target: TextIO | None) -> threading.Thread:
    """Copies what a process writes to where this program's own words go (a notebook's cell, a test's capture)."""

    def copy() -> None:
        assert source is not None
        listener = target
        while piece := source.read1(2**16):  # type: ignore[attr-defined]
            try:
                if listener is not None:
                    listener.write(piece.decode(errors="replace"))
                    listener.flush()
            except (OSError, ValueError):  # nobody listens any more: go on reading, a full pipe would stop training
                listener = None
        source.close()

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    return thread


def _await_reports(started: list[_RunningRank]) -> None:
    until = time.time() + _GRACE_SECONDS
    while any(process.code() is None for process in started) and time.time() < until:
        if any(process.says_why() for process in started):
            return
        time.sleep(_POLL_SECONDS)


def _cause(failed: list[_RunningRank]) -> Exception:
    """What to raise: the first failure that is not the loss of another process."""
    reports = {process: process.said() or {} for process in failed}
    others = [process for process in failed if not reports[process].get("lost")]
    if not others:
        text = " ".join(re.sub(r"\[\S+:\d+\]", "", reports[failed[0]]["text"]).split())  # lines of gloo's own source
        return ChildProcessError(f"{failed[0]}: another process ended or is out of reach ({text}); {_RESUME}")
    first = min(others, key=lambda process: (_when(process), process.code_before_kill != -signal.SIGKILL))
    report = reports[first]
    if report:
        return _raised(first, report)
    code = first.code_before_kill or 0
    if code < 0:
        reason = ", perhaps for want of memory" if code == -signal.SIGKILL else ""
        return ChildProcessError(f"{first} was killed by {signal.Signals(-code).name}{reason}; {_RESUME}")
    return ChildProcessError(f"{first} ended with exit status {code}; {_RESUME}")


def _when(process: _RunningRank) -> float:
    return process.report.stat().st_mtime if process.report.exists() else process.ended_at


def _raised(process: _RunningRank, report: dict[str, Any]) -> Exception:
    """The error of a process as this process's own."""
    known = {"TrainingDivergedError": TrainingDivergedError}
    kind = known.get(report["kind"]) or getattr(builtins, report["kind"], None)
    if kind is KeyboardInterrupt:
        return ChildProcessError(f"{process} was interrupted; {_RESUME}")
    if isinstance(kind, type) and issubclass(kind, _USERS) and kind is not UnicodeDecodeError:
        error: Exception = kind(report["text"])
    else:
        error = RuntimeError(f"{process}: {report['kind']}: {report['text']}")
    error.add_note(report["traceback"])
    return error
