"""Files that are whole or absent: written under a temporary name, flushed to the disk, then renamed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

TEMPORARY_SUFFIX = ".tmp"
_PIECE_BYTES = 2**20


@contextlib.contextmanager
def clear_errors(action: str, advice: str) -> Iterator[None]:
    """Turn an OSError of the system into one line: what was attempted, why it failed, what to do.

    Args:
        action: for example "cannot write data/demo.h5".
        advice: what is kept and what to do next.

    Raises:
        OSError: of the same errno (PermissionError and the like keep their class).
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:  # already one of our own lines
            raise
        raise _explained(error, action, advice) from error


def _explained(error: OSError, action: str, advice: str) -> OSError:
    reason = "no space left on the disk" if error.errno == errno.ENOSPC else os.strerror(error.errno or 0).lower()
    return type(error)(f"{action}: {reason}; {advice}")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(temporary: Path, final: Path) -> None:
    """Flush a finished temporary file to the disk and rename it into place.

    Args:
        temporary: complete file on the same file system as ``final``.
        final: its name; a file of that name is replaced in one step.
    """
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(temporary, final)
    sync_folder(final.parent)


def write_bytes(path: Path, payload: bytes) -> None:
    """Write a small file so that it is whole or absent, whenever the process is killed.

    Raises:
        OSError: it cannot be written; the error names it, and nothing of it is left.
    """
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        view = memoryview(payload)
        try:
            while view:
                view = view[os.write(descriptor, view[:_PIECE_BYTES]) :]
        finally:
            os.close(descriptor)
        publish(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from error


def remove_temporaries(folder: Path) -> None:
    """Remove what a killed run left half-written in a folder."""
    for path in sorted(folder.glob("*" + TEMPORARY_SUFFIX)):
        path.unlink()


def remove_folder(folder: Path, last: str) -> None:
    """Remove a folder of shards whose file is in place.

    Args:
        folder: what to remove.
        last: the file in it that goes last, so that what is left by a killed removal can still be recognised.
    """
    for path in sorted(folder.iterdir()):
        if path.name != last:
            path.unlink()
    shutil.rmtree(folder)


def lock_folder(folder: Path) -> int:
    """Take the folder for this process until it ends or ``os.close`` is called on the result.

    Raises:
        OSError: another process holds it.
    """
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        os.close(descriptor)
        raise OSError(f"{folder}: another process is writing this dataset; wait for it or end it") from None
    return descriptor
