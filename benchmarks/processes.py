"""Processes of their own: for a number of threads that is theirs, and for a peak of memory that nothing else raised.

As a program: python -m benchmarks.processes MODULE FUNCTION ARGUMENTS, with JSON for the arguments and for the result.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PAGE = 4096  # bytes, the resolution
STATUS, REFERENCES = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class ProcessError(RuntimeError):
    """A process ended without a result."""


def call(function: Callable[..., Any], *arguments: Any, threads: int) -> Any:
    """The result of a function of a module of benchmarks, computed by a new process.

    Args:
        function: of a module that can be imported; its result is plain JSON.
        arguments: plain JSON.
        threads: of that process; 0 calls the function here, to see whether it runs.

    Raises:
        ProcessError: it ended without a result, as for want of memory.
    """
    if threads == 0:
        return json.loads(json.dumps(function(*json.loads(json.dumps(arguments)))))
    where = function.__module__, function.__name__
    command = [sys.executable, "-m", "benchmarks.processes", *where, json.dumps(arguments)]
    environment = {**os.environ, **dict.fromkeys(COUNTS, str(threads))}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=Path(__file__).parents[1])
    if done.returncode != 0:
        raise ProcessError(f"{'.'.join(where)}{arguments}: the process ended with code {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def peak_memory(function: Callable[[], object], repeats: int = 3) -> int:
    """Bytes that some runs of a function take, at their peak, above what the process has before, at least a page."""
    if not STATUS.exists():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(repeats):
            function()
        unit = 1 if sys.platform == "darwin" else 1024
        return max(PAGE, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit)
    _forget_the_peak()
    before = _resident("VmRSS")
    for _ in range(repeats):
        function()
    return max(PAGE, _resident("VmHWM") - before)


def _forget_the_peak() -> None:
    with contextlib.suppress(OSError):  # a peak before, as of building the model, then counts too
        REFERENCES.write_text("5")


def _resident(which: str) -> int:
    """A line of the kernel's account of this process, VmRSS (now) or VmHWM (peak), in bytes."""
    return int(STATUS.read_text().split(f"{which}:")[1].split()[0]) * 1024


if __name__ == "__main__":
    module, name, given = sys.argv[1:]
    import torch

    torch.set_num_threads(int(os.environ.get(COUNTS[0], "1")))
    print("\n" + json.dumps(getattr(importlib.import_module(module), name)(*json.loads(given))))
