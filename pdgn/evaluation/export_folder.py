"""A folder of exported files that appear all at the end or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from pdgn.data.disk import clear_errors, lock_folder

FRAME = "frame_*.vtp"
_STAGE = ".export.tmp"


class ExportFolder:
    """Collects files in a hidden folder inside the target and moves them into place when the context ends well.

    An error, an interruption or a full disk leaves nothing of the export; a killed process leaves the hidden folder,
    which the next export removes. What was exported can be exported again, so a loss of power is not guarded against.

    Args:
        folder: where the files go; made where it is missing.
        names: every file, and every folder of frames, that will be there; files last that refer to others.
        overwrite: replace files and folders of these names. A folder that holds anything but frames is never replaced.

    Raises:
        FileExistsError: one of the names is there and ``overwrite`` is false, or it is no folder of frames.
        OSError: the folder cannot be written, or another process exports into it.
    """

    def __init__(self, folder: Path, names: Sequence[str], *, overwrite: bool = False) -> None:
        self.folder, self._names, self._overwrite = folder, tuple(names), overwrite
        self._stage = folder / _STAGE
        self._lock: int | None = None

    def __enter__(self) -> ExportFolder:
        if self.folder.exists() and not self.folder.is_dir():
            raise FileExistsError(f"{self.folder}: wanted a folder, got a file")
        for name in self._names:
            self._require_free(self.folder / name)
        with self._clear_errors():
            self._made = not self.folder.exists()
            self._stage.mkdir(parents=True, exist_ok=True)
            self._lock = lock_folder(self._stage)
            for left in self._stage.iterdir():  # by a killed process
                if left.is_dir():
                    shutil.rmtree(left)
                elif left.name != "lock":
                    left.unlink()
        return self

    def _require_free(self, path: Path) -> None:
        if not path.exists():
            return
        if not self._overwrite:
            raise FileExistsError(f"{path}: exists; give --overwrite to replace it, or another folder")
        if path.is_dir():
            strange = sorted(set(path.iterdir()) - set(path.glob(FRAME)))
            if strange:
                raise FileExistsError(f"{path}: wanted a folder of frames to replace, but it holds {strange[0].name}")

    def _clear_errors(self) -> contextlib.AbstractContextManager[None]:
        return clear_errors(f"cannot write {self.folder}", "nothing of this export was kept: mend this and run again")

    def write(self, name: str, content: bytes) -> None:
        """Writes one file to where it waits for the others.

        Args:
            name: path from the folder, one of the names or in a folder of frames among them.
            content: all of it.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        path = self._stage / name
        with self._clear_errors():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if error is None:
                with self._clear_errors():
                    for name in self._names:
                        self._publish(name)
        finally:
            shutil.rmtree(self._stage, ignore_errors=True)
            if self._lock is not None:
                os.close(self._lock)
            if self._made:
                with contextlib.suppress(OSError):  # it is empty only where nothing was exported
                    self.folder.rmdir()

    def _publish(self, name: str) -> None:
        new, final = self._stage / name, self.folder / name
        if final.is_dir():
            os.replace(final, self._stage / f"{name}.old")
        os.replace(new, final)
