"""Writing a dataset through immutable shards, so that a killed run loses no finished block."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import yaml

from pdgn.data.assembly import Further, assemble, output_matches
from pdgn.data.disk import clear_errors, lock_folder, publish, remove_folder, remove_temporaries, write_bytes
from pdgn.data.records import MeshRecord
from pdgn.data.schema import LIBRARY_VERSION, SCHEMA_VERSION, require_name
from pdgn.data.shards import TimeAxis, write_block, write_record
from pdgn.data.trajectory_block import TrajectoryBlock
from pdgn.version import __version__

_MANIFEST = "manifest.json"


def config_hash(config: str) -> str:
    """SHA-256 of what a YAML text says, so that comments and layout do not count.

    Raises:
        ValueError: the text is not YAML.
    """
    try:
        content = yaml.safe_load(config)
    except yaml.YAMLError as error:
        raise ValueError(f"config: wanted YAML text, got {' '.join(str(error).split())}") from error
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def require_config(config: str) -> None:
    """Refuse a config that the checker of files refuses.

    Raises:
        ValueError: it is not YAML, or not keys and values.
    """
    content = None
    if isinstance(config, str):
        config_hash(config)  # refuses what is not YAML
        content = yaml.safe_load(config)
    if not isinstance(content, dict):
        raise ValueError(
            f"config: wanted the attribute 'config' to be YAML keys and values, got {str(config)[:60]!r}; "
            "give text such as 'made_by: my_script.py'"
        )


class DatasetWriter:
    """Writes one dataset file; a context manager.

    Each mesh and each block of trajectories becomes a shard in ``<output>.partial/`` that is whole or absent.
    :meth:`finish` assembles them, in the order of mesh names and block indices whatever the order of writing, into a
    file that is renamed into place. Leaving the context without :meth:`finish`, or being killed, keeps the shards: the
    same call continues. An error before any block was finished leaves no ``.partial`` folder behind, so that a mistake
    can be corrected in place.

    Args:
        output: path of the file.
        config: YAML keys and values, as text, that regenerate the file; their hash decides whether a ``.partial``
            folder is continued.
        name, description, license: what the file says about itself.
        seed: seed of all random numbers in it.
        field_attributes: field → {"unit", "equation", "boundary"}; None gives every field the unit "1".
        parameter_units: parameter → its unit; one that is not named has none.
        split_schemes: mesh → scheme → "train", "valid", "test" or "none" for each trajectory, beside `split`.
        time: unit and origin of the time axis, :class:`TimeAxis`; a string is the unit.
        overwrite: replace a finished file; it stays until the new one is complete.

    Raises:
        FileExistsError: the output is finished and ``overwrite`` is false, or the ``.partial`` folder is of another
            run.
        OSError: the folder cannot be written, or another process writes the same dataset.
        ValueError: the config is not YAML keys and values.
    """

    def __init__(
        self,
        output: str | os.PathLike[str],
        *,
        config: str,
        name: str,
        seed: int,
        description: str = "",
        license: str = "",
        field_attributes: Mapping[str, Mapping[str, str]] | None = None,
        parameter_units: Mapping[str, str] | None = None,
        split_schemes: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
        time_unit: str | TimeAxis = "1",
        overwrite: bool = False,
    ) -> None:
        require_config(config)
        self.output = Path(output)
        self.partial = self.output.with_name(self.output.name + ".partial")
        self._field_attributes = field_attributes
        self._further = Further(dict(parameter_units or {}), dict(split_schemes or {}))
        self._axis = TimeAxis(time_unit) if isinstance(time_unit, str) else time_unit
        self._attributes = {
            "schema_version": SCHEMA_VERSION, "pdgn_version": __version__, "name": name, "description": description,
            "license": license, "config": config, "config_hash": config_hash(config), "seed": int(seed),
        }  # fmt: skip
        self._lock: int | None = None
        with self._clear_errors(self.partial):
            self._open(overwrite)

    def _open(self, overwrite: bool) -> None:
        self._refuse_finished(overwrite)
        self.partial.mkdir(parents=True, exist_ok=True)
        self._lock = lock_folder(self.partial)
        try:
            remove_temporaries(self.partial)
            self._match_manifest()
        except BaseException:
            self.close()
            raise

    def _refuse_finished(self, overwrite: bool) -> None:
        if self.output.is_dir():
            raise FileExistsError(f"{self.output}: wanted the path of a file, got a folder")
        if overwrite or not self.output.exists():
            return
        manifest = self._read_manifest()
        if manifest is not None and output_matches(self.output, manifest):
            remove_folder(self.partial, _MANIFEST)  # the run was killed after the file was in place
        raise FileExistsError(f"{self.output}: exists and is finished; give --overwrite (overwrite=True) to replace it")

    def _identity(self) -> dict[str, Any]:
        fields = None if self._field_attributes is None else {k: dict(v) for k, v in self._field_attributes.items()}
        return {**self._attributes, "fields": fields, "time": self._axis.attributes()}

    def _read_manifest(self) -> dict[str, Any] | None:
        path = self.partial / _MANIFEST
        if not path.exists():
            return None
        try:
            return json.loads(path.read_text())
        except ValueError as error:
            raise FileExistsError(f"{path}: damaged; remove the folder {self.partial} and start again") from error

    def _match_manifest(self) -> None:
        manifest = self._read_manifest()
        if manifest is None:
            self._created = datetime.now(UTC).isoformat(timespec="seconds")
            manifest = {**self._identity(), "created": self._created}
            write_bytes(self.partial / _MANIFEST, json.dumps(manifest, indent=1).encode())
            return
        # "config" itself may differ in comments and layout; its hash may not.
        differs = [key for key, value in self._identity().items() if key != "config" and manifest.get(key) != value]
        if differs:
            raise FileExistsError(
                f"{self.partial}: holds an interrupted run of another configuration ({', '.join(differs)} differ); "
                "continue it with its own configuration, or remove the folder, or choose another output"
            )
        self._attributes["config"] = manifest["config"]
        self._created = manifest["created"]

    def _clear_errors(self, path: Path) -> Any:
        if any(self.partial.glob("*.h5")):  # what fails adds none
            advice = f"finished shards are kept in {self.partial}: mend this and run again"
        else:
            advice = "nothing was finished: mend this and run again, or choose another output"
        return clear_errors(f"cannot write {path}", advice)

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._lock is not None and isinstance(error, Exception):
            kept = "*.h5" if isinstance(error, OSError) else "block=*.h5"  # a disk can be mended, a recipe changes
            if not any(self.partial.glob(kept)):
                remove_folder(self.partial, _MANIFEST)
        self.close()

    def close(self) -> None:
        """Let go of the folder; the shards stay."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _mesh_path(self, name: str) -> Path:
        return self.partial / f"mesh={require_name(name, 'mesh')}.h5"

    def _block_path(self, mesh: str, index: int) -> Path:
        return self.partial / f"block={require_name(mesh, 'mesh')}={index:08d}.h5"

    def has_mesh(self, name: str) -> bool:
        """Whether the shard of a mesh is finished."""
        return self._mesh_path(name).exists()

    def has_block(self, mesh: str, index: int) -> bool:
        """Whether the shard of a block is finished."""
        return self._block_path(mesh, index).exists()

    def write_mesh(self, name: str, record: MeshRecord) -> None:
        """Write one mesh; on return its shard is on the disk.

        Raises:
            FileExistsError: the mesh is already written.
            OSError: the disk is full or cannot be written; finished shards are kept.
        """
        self._write_shard(self._mesh_path(name), lambda file: write_record(file, record))

    def write_block(self, block: TrajectoryBlock) -> None:
        """Write one block of trajectories; on return its shard is on the disk.

        Raises:
            FileExistsError: the block is already written.
            ValueError: a field has no entry in ``field_attributes``.
            OSError: the disk is full or cannot be written; finished shards are kept.
        """
        self._unit_attributes(list(block.fields))
        self._write_shard(self._block_path(block.mesh, block.index), lambda file: write_block(file, block))

    def _unit_attributes(self, fields: list[str]) -> dict[str, dict[str, str]]:
        default = {"unit": "1", "equation": "", "boundary": ""}
        if self._field_attributes is None:
            return dict.fromkeys(fields, default)
        missing = [name for name in fields if "unit" not in self._field_attributes.get(name, {})]
        if missing:
            raise ValueError(
                f"field_attributes: wanted a unit for field {missing[0]!r}, got {dict(self._field_attributes)}"
            )
        return {name: {**default, **self._field_attributes[name]} for name in fields}

    def _write_shard(self, path: Path, fill: Callable[[h5py.File], None]) -> None:
        if self._lock is None:
            raise ValueError(f"{self.output}: the writer is closed")
        if path.exists():
            raise FileExistsError(
                f"{path}: this shard is finished and shards never change; ask has_mesh or has_block first"
            )
        # The image is made in memory, so that a full disk is met by one plain write and never inside the HDF5 library.
        with h5py.File(path.name, "w", driver="core", backing_store=False, libver=LIBRARY_VERSION) as file:
            fill(file)
            file.flush()
            image = file.id.get_file_image()
        with self._clear_errors(path):
            write_bytes(path, image)

    def finish(self) -> Path:
        """Assemble the shards, put the file in place and remove them.

        Returns:
            The path of the finished file.

        Raises:
            ValueError: a block is missing, or the blocks of a mesh do not fit together.
            OSError: the disk is full or cannot be written; finished shards are kept.
        """
        if self._lock is None:
            raise ValueError(f"{self.output}: the writer is closed")
        temporary = self.partial / "assembled.h5.tmp"
        attributes = {"schema": "pdgn", **self._attributes, "created": self._created}
        with self._clear_errors(self.output):
            assemble(self.partial, temporary, attributes, self._axis, self._unit_attributes, self._further)
            publish(temporary, self.output)
            self.close()
            remove_folder(self.partial, _MANIFEST)
        return self.output
