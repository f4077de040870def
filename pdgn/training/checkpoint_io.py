"""How Lightning writes and reads checkpoint files here."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import CheckpointIO

from pdgn.data.disk import TEMPORARY_SUFFIX, clear_errors, publish


class AtomicCheckpointIO(CheckpointIO):
    """Writes a checkpoint beside its place, then moves it there; reads tensors and plain values only."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Writes a checkpoint, whole or not at all.

        Args:
            checkpoint: tensors and plain values.
            path: the file; the previous one stays until the new one is complete.
            storage_options: not used.

        Raises:
            OSError: the disk is full or the folder cannot be written.
        """
        final = Path(path)
        temporary = final.with_name(final.name + TEMPORARY_SUFFIX)
        image = io.BytesIO()  # torch.save meets a full disk with a RuntimeError of its own
        torch.save(checkpoint, image)
        earlier = "the earlier checkpoint is kept: " if final.is_file() else ""
        with clear_errors(f"cannot write {path}", f"{earlier}mend this and run again"):
            try:
                temporary.write_bytes(image.getbuffer())
                publish(temporary, final)
            except OSError:
                temporary.unlink(missing_ok=True)
                raise

    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Reads a checkpoint without running code from it.

        Args:
            path: the file.
            map_location: where its tensors go.
            weights_only: not used: always true.

        Returns:
            What was saved.
        """
        return torch.load(path, map_location=map_location, weights_only=True)

    def remove_checkpoint(self, path: str | Path) -> None:
        """Removes a checkpoint file where there is one.

        Args:
            path: the file.
        """
        Path(path).unlink(missing_ok=True)
