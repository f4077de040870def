"""The folder of a run: what it holds and whether it may be written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import yaml

from pdgn.data.disk import lock_folder, remove_temporaries, write_bytes
from pdgn.data.first_difference import first_difference
from pdgn.training.config import RunConfig
from pdgn.training.run_checkpoint import BEST, LAST

CONFIG, METRICS, FINISHED, TENSORBOARD, LOCK = "config.yaml", "metrics.csv", "finished", "tensorboard", "lock"
# Keys of `training` that change where the arithmetic is done and not what it is: a run may continue with others.
SPREAD = {"processes", "machines", "recompute", "parts", "scratch"}
# Everything that training and evaluation write; `clear` removes nothing else.
WRITTEN = [CONFIG, METRICS, FINISHED, TENSORBOARD, BEST, LAST, "metrics.json", "report.html", "figures"]


class RunFolder:
    """The files of one model's training.

    Args:
        path: the folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.best, self.last = self.path / BEST, self.path / LAST
        self.config, self.metrics, self.finished = (self.path / name for name in (CONFIG, METRICS, FINISHED))

    def state(self) -> Literal["new", "begun", "finished", "foreign"]:
        """What the folder holds.

        Returns:
            "new": nothing; "begun": an interrupted run; "finished"; "foreign": files that are no run's.
        """
        if self.config.is_file():
            return "finished" if self.finished.is_file() else "begun"
        others = {path.name for path in self.path.iterdir()} - {LOCK} if self.path.is_dir() else set()
        return "foreign" if others else "new"

    @contextmanager
    def claimed(self, *, overwrite: bool = False) -> Iterator[None]:
        """Makes the folder and keeps other processes out of it.

        Args:
            overwrite: remove an earlier run first.

        Yields:
            Nothing.

        Raises:
            FileExistsError: it holds files of something else.
            OSError: it cannot be written, or another process trains in it.
        """
        with self._writing():
            if self.state() == "foreign":
                raise FileExistsError(f"{self.path}: wanted a new folder or a run's, given one with other files")
            self.path.mkdir(parents=True, exist_ok=True)
            with open(self.path / LOCK, "wb"):
                pass
        try:
            lock = lock_folder(self.path)
        except OSError:
            raise OSError(f"{self.path}: another process is training this run; wait for it or end it") from None
        try:
            if overwrite:
                self.clear()
            yield
        finally:
            os.close(lock)

    def create(self, config: RunConfig) -> None:
        """Makes the folder and writes the resolved config into it, or checks that it holds the same config.

        Args:
            config: the resolved config.

        Raises:
            FileExistsError: it holds a run of another config.
            OSError: it cannot be written.
        """
        if self.config.is_file():
            self._require_same(config)
        with self._writing():
            self.path.mkdir(parents=True, exist_ok=True)
            remove_temporaries(self.path)
            if not self.config.is_file():
                write_bytes(self.config, yaml.safe_dump(config.to_dict(), sort_keys=False).encode())

    def finish(self, line: str) -> None:
        """Marks the run as finished.

        Args:
            line: why it ended.
        """
        write_bytes(self.finished, f"{line}\n".encode())

    def clear(self) -> None:
        """Removes the files of a run, and of the baselines inside it, and nothing else."""
        for inner in sorted(self.path.iterdir()) if self.path.is_dir() else []:
            if inner.is_dir() and (inner / CONFIG).is_file():
                RunFolder(inner).clear()
                if not any(inner.iterdir()):
                    inner.rmdir()
        for path in (self.path / name for name in WRITTEN):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno is None:  # one of our own messages
                raise
            raise OSError(
                f"{self.path}: wanted a folder that can be written, given one that cannot ({error.strerror})"
            ) from None

    def _require_same(self, config: RunConfig) -> None:
        found = first_difference(_identity(config.to_dict()), _identity(self._stored()))
        if found:
            key, given, stored = found
            raise FileExistsError(
                f"{self.path}: holds a run with {key} = {stored!r}, given {given!r}; "
                "choose another --name, or --overwrite it"
            )

    def _stored(self) -> dict[str, Any]:
        try:
            stored = yaml.safe_load(self.config.read_text())
        except (yaml.YAMLError, UnicodeDecodeError):
            stored = None
        if not isinstance(stored, dict):
            raise ValueError(f"{self.config}: wanted the config of a run, given a damaged file; --overwrite the run")
        return stored


def _identity(values: dict[str, Any]) -> dict[str, Any]:
    """What makes a run the same run: everything but where it lies and how its arithmetic is spread out."""
    with suppress(ValueError, TypeError):  # what cannot be read is told by the first difference
        values = RunConfig.from_dict(values).to_dict()  # with keys that the run's version did not have yet
    training = values.get("training")
    if isinstance(training, dict):
        training = {key: value for key, value in training.items() if key not in SPREAD}
    return {**{key: value for key, value in values.items() if key not in {"name", "output"}}, "training": training}
