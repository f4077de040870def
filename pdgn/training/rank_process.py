"""A process that trains with others: started by `launcher`, it reads its job from its standard input."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from pdgn.models import MODELS
from pdgn.training.config import RunConfig
from pdgn.training.rank import Rank
from pdgn.training.training_run import train_parts


def main() -> None:
    """Does the job, and on an error leaves a report of one JSON object in the file that the job names.

    The job is one line of JSON: config, rank, threads, bar, models (name → module and class), report. Standard input
    stays open as long as the launching process lives; when it closes, this process and its readers end at once.
    """
    job = json.loads(_first_line())
    threading.Thread(target=_end_with_the_launcher, daemon=True).start()
    try:
        torch.set_num_threads(job["threads"])
        for name, (module, attribute) in job["models"].items():
            MODELS.setdefault(name, getattr(importlib.import_module(module), attribute))
        config, rank = RunConfig.from_dict(job["config"]), Rank(**job["rank"])
        with rank.joined(config.training):
            train_parts(config, bar=job["bar"])
    except BaseException as error:
        _report(error, Path(job["report"]))
        os._exit(1)  # what ends a process in order could wait for those that are gone


def _first_line() -> bytes:
    """Read without a buffer: what comes after it is for the watching thread."""
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(0, 2**16)
        if not piece:
            sys.exit(1)
        line += piece
    return line


def _end_with_the_launcher() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def _report(error: BaseException, path: Path) -> None:
    sys.stdout.flush()
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(_described(error)))
    os.replace(temporary, path)


def _described(error: BaseException) -> dict[str, Any]:
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    return {
        "kind": type(error).__name__,
        "text": text,
        "traceback": "".join(traceback.format_exception(error)),
        "lost": _lost_another(error),
    }


def _lost_another(error: BaseException) -> bool:
    """Whether the error says no more than that another process cannot be reached."""
    words = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer")
    known = isinstance(error, distributed.DistError)
    return known or (isinstance(error, RuntimeError) and any(word in str(error) for word in words))


if __name__ == "__main__":
    main()
