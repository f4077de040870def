"""The compiled kernels: built once for each machine, kept in the user's cache, loaded at first use."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

import torch

SWITCH = "PDGN_KERNELS"  # 0: PyTorch does it all
UNIT = 16  # every width that a kernel writes is a multiple of it, or padded to one
SOURCES = Path(__file__).parent
# OpenMP when compiling and not when linking: its functions are then those that torch has loaded, with torch's threads.
COMPILE = ("-std=gnu11", "-O3", "-march=native", "-fopenmp", "-fPIC", "-fno-math-errno", "-fno-trapping-math")
LINK = ("-shared",)
PATIENCE = 120  # seconds for a compiler; it takes about three


@functools.cache
def library() -> ctypes.CDLL | None:
    """The kernels, compiled if they are not yet; None, and not a word, where that cannot be done or PDGN_KERNELS=0."""
    if os.environ.get(SWITCH) == "0":
        return None
    try:
        path = cache_folder() / f"kernels-{_fingerprint()}.so"
        if not path.exists():
            build(path)
        return ctypes.CDLL(str(path))
    except (OSError, subprocess.SubprocessError):
        return None


def cache_folder() -> Path:
    """Where what was compiled is kept: pdgn in XDG_CACHE_HOME, or in ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "pdgn"


def build(path: Path) -> None:
    """Compiles the sources to a shared library; other processes see all of it or nothing.

    Raises:
        OSError: there is no compiler, or the folder cannot be written.
        subprocess.SubprocessError: it does not compile.
    """
    compiler = shutil.which(os.environ.get("CC") or "cc")
    if compiler is None:
        raise FileNotFoundError("cc: wanted a C compiler, given none")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        objects = []
        for source in sorted(SOURCES.glob("*.c")):
            objects.append(str(Path(folder) / f"{source.stem}.o"))
            _run(compiler, *COMPILE, "-c", str(source), "-o", objects[-1])
        made = Path(folder) / path.name
        _run(compiler, *LINK, *objects, "-o", str(made))
        made.replace(path)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE)


def _fingerprint() -> str:
    """Of the sources, the way they are compiled and the instructions of the processor."""
    known = hashlib.sha256(repr((COMPILE, LINK, os.environ.get("CC"), platform.machine(), _instructions())).encode())
    for source in sorted((*SOURCES.glob("*.c"), *SOURCES.glob("*.h"))):
        known.update(source.read_bytes())
    return known.hexdigest()[:16]


def _instructions() -> str:
    """What the processor can do, where the system tells; a home may be shared by different machines."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        return platform.processor()


def usable(*tensors: torch.Tensor) -> bool:
    """Whether the kernels take these tensors: float32 on a CPU, no autocast, no tracing, and they could be compiled."""
    return (
        all(type(t) in (torch.Tensor, torch.nn.Parameter) for t in tensors)
        and all(t.dtype == torch.float32 and t.device.type == "cpu" for t in tensors)
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and library() is not None
    )
