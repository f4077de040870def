"""The file of `pdgn predict`: arrays by name, written as the frames come, whole or absent."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np

from pdgn.data.disk import TEMPORARY_SUFFIX, publish


def write_prediction(path: Path, frames: Iterator[np.ndarray], steps: int, others: Mapping[str, np.ndarray]) -> None:
    """Writes a .npz file with the array ``prediction`` [steps, V, C] and others, holding one frame at a time.

    Args:
        path: its name; an existing file is replaced in one step at the end.
        frames: ``steps`` arrays [V, C] float32. Where they raise, nothing is left.
        steps: how many there are.
        others: further arrays by name.

    Raises:
        OSError: it cannot be written; the error names it, and nothing of it is left.
    """
    first = next(frames)  # what takes time and may fail comes before the file
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    try:
        with zipfile.ZipFile(temporary, "w") as archive:
            with _entry(archive, "prediction") as stream:
                header = np.lib.format.header_data_from_array_1_0(first)
                np.lib.format.write_array_header_1_0(stream, {**header, "shape": (steps, *first.shape)})
                stream.write(first.tobytes())
                for frame in frames:
                    stream.write(frame.tobytes())
            for name, values in others.items():
                with _entry(archive, name) as stream:
                    np.lib.format.write_array(stream, values, allow_pickle=False)
        publish(temporary, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _entry(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    info = zipfile.ZipInfo(f"{name}.npy")
    info.compress_type = zipfile.ZIP_DEFLATED
    return archive.open(info, "w", force_zip64=True)  # its size is not known before
