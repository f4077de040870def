"""A dataset file that is open in every process that reads it."""

from __future__ import annotations

import os
from pathlib import Path

from pdgn.data.file import DatasetFile


class FileHandle:
    """Opens a file when it is first read, anew in each process; pickles without what is open.

    Args:
        file: the file, open and validated; its path and identity are kept.
    """

    def __init__(self, file: DatasetFile) -> None:
        self.path = Path(file.path).absolute()
        self._identity = _identity(file)
        self._file: DatasetFile | None = None
        self._process = -1

    def open(self) -> DatasetFile:
        """The file, open in this process: a handle that came through a fork is closed here and opened anew.

        Raises:
            OSError: the file cannot be opened, or another one stands in its place.
        """
        if self._file is None or self._process != os.getpid():
            self.close()
            self._file, self._process = DatasetFile(self.path, validate=False), os.getpid()
            if _identity(self._file) != self._identity:
                self.close()
                raise OSError(f"{self.path}: was replaced by another file while the dataset was in use")
        return self._file

    def close(self) -> None:
        """Close the file in this process; the next access opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_file": None, "_process": -1}


def _identity(file: DatasetFile) -> tuple[object, object]:
    return file.attributes["config_hash"], file.attributes["created"]
