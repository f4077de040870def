"""Reading access to a finished dataset file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from pdgn.data.access import open_hdf5, read_array, read_attributes, reading
from pdgn.data.records import MeshRecord
from pdgn.data.schema import NUM_FRAMES, TIME_OFFSET
from pdgn.data.shards import TimeAxis, read_record
from pdgn.data.structure import structure_violations


class TrajectoryTable(NamedTuple):
    """What is known of the n trajectories on one mesh without reading them.

    time [T] and time_offset [n] add up to the time of each; split [n] of str; num_frames [n]; fields: name → (C,
    attributes).
    """

    time: np.ndarray
    axis: TimeAxis
    split: np.ndarray
    num_frames: np.ndarray
    time_offset: np.ndarray
    fields: dict[str, tuple[int, dict[str, str]]]
    parameters: dict[str, tuple[int, ...]]


class DatasetFile:
    """An open, validated dataset file; a context manager. Use :func:`open_file`.

    Attributes:
        path: where it lies.
        attributes: those of the root: name, description, config, seed and so on.
        mesh_names: names of all meshes, sorted.
    """

    def __init__(self, path: str | os.PathLike[str], *, validate: bool = True) -> None:
        self.path = Path(path)
        self._fields: dict[tuple[str, str], tuple[h5py.Dataset, h5py.Dataset | None]] = {}
        self._file = open_hdf5(path)
        try:
            if validate:
                self._validate()
            self.attributes = read_attributes(self._file)
            with reading(str(path), "/meshes"):
                self.mesh_names = tuple(sorted(self._file["meshes"]))
        except BaseException:
            self._file.close()
            raise

    def _validate(self) -> None:
        with reading(str(self.path), "/"):
            violation = next(structure_violations(self._file), None)
        if violation is not None:
            raise ValueError(f"{self.path}: {violation.path}: {violation.message} (pdgn check lists everything)")

    def __enter__(self) -> DatasetFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._fields.clear()
        self._file.close()

    def record(self, mesh: str) -> MeshRecord:
        """The record of one mesh, every checksum verified.

        Raises:
            OSError: damaged. ValueError: no such mesh, or its arrays do not make a mesh.
        """
        self._require_mesh(mesh)
        try:
            return read_record(self._file["meshes"][mesh])
        except (ValueError, TypeError) as error:
            raise ValueError(f"{self.path}: /meshes/{mesh}/{error}") from error

    def _require_mesh(self, mesh: str) -> None:
        if mesh not in self.mesh_names:
            raise ValueError(f"{self.path}: wanted one of the meshes {', '.join(self.mesh_names)}, got {mesh!r}")

    def trajectories(self, mesh: str, scheme: str | None = None) -> TrajectoryTable | None:
        """The table of the trajectories on one mesh, or None where there are none.

        Args:
            mesh: its name.
            scheme: name of a further split, by which ``split`` is then told ("none": left out).

        Raises:
            ValueError: no such mesh or scheme.
        """
        self._require_mesh(mesh)
        if mesh not in self._file["trajectories"]:
            return None
        split = self._split(mesh, scheme)
        with reading(str(self.path), f"/trajectories/{mesh}"):
            group = self._file["trajectories"][mesh]
            count, frames = group["split"].shape[0], group["time"].shape[0]
            parameters = {name: dataset.shape[1:] for name, dataset in group.get("parameters", {}).items()}
            axis = read_attributes(group["time"])
            return TrajectoryTable(
                time=read_array(group["time"]),
                axis=TimeAxis(axis["unit"], axis.get("origin")),
                split=split,
                num_frames=read_array(group[f"parameters/{NUM_FRAMES}"])
                if NUM_FRAMES in parameters
                else np.full(count, frames),
                time_offset=read_array(group[f"parameters/{TIME_OFFSET}"])
                if TIME_OFFSET in parameters
                else np.zeros(count),
                fields={
                    name: (dataset.shape[3], read_attributes(dataset)) for name, dataset in group["fields"].items()
                },
                parameters=parameters,
            )

    def _split(self, mesh: str, scheme: str | None) -> np.ndarray:
        with reading(str(self.path), f"/trajectories/{mesh}/split"):
            dataset = self._file["trajectories"][mesh]["split"]
            rows, attributes = read_array(dataset), read_attributes(dataset)
        if scheme is None:
            return rows.astype(str)
        schemes = {name: np.asarray(entries) for name, entries in attributes.items() if np.ndim(entries)}
        if scheme not in schemes:
            found = ", ".join(schemes) or "none"
            raise ValueError(f"{self.path}: /trajectories/{mesh}/split: wanted the scheme {scheme!r}, got {found}")
        return schemes[scheme].astype(str)

    def frames(
        self, mesh: str, row: int, start: int, stop: int, fields: Iterable[str]
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """A contiguous time slice of one trajectory, each field read as one hyperslab.

        Args:
            mesh, row: which trajectory.
            start, stop: frames start … stop − 1.
            fields: names; their channels are joined in this order.

        Returns:
            values [T, V, C] and the mask [T, V] (true where every field was observed), None where no field has a mask.

        Raises:
            OSError: a checksum fails.
        """
        selection = (row, slice(start, stop))
        values, mask = [], None
        for name in fields:
            dataset, observations = self._field(mesh, name)
            values.append(read_array(dataset, selection))
            if observations is not None:
                observed = read_array(observations, selection)
                mask = observed if mask is None else mask & observed
        return values[0] if len(values) == 1 else np.concatenate(values, axis=-1), mask

    def _field(self, mesh: str, name: str) -> tuple[h5py.Dataset, h5py.Dataset | None]:
        """The open arrays of a field and its mask, looked up once."""
        if (mesh, name) not in self._fields:
            with reading(str(self.path), f"/trajectories/{mesh}/fields/{name}"):
                group = self._file["trajectories"][mesh]
                self._fields[mesh, name] = group[f"fields/{name}"], group.get(f"mask/{name}")
        return self._fields[mesh, name]

    def parameters(self, mesh: str, row: int, names: Iterable[str]) -> dict[str, np.ndarray]:
        """Some parameters of one trajectory: name → its row.

        Raises:
            OSError: a checksum fails.
        """
        with reading(str(self.path), f"/trajectories/{mesh}/parameters"):
            group = self._file["trajectories"][mesh]
            return {name: read_array(group["parameters"][name], row) for name in names}


def open_file(path: str | os.PathLike[str]) -> DatasetFile:
    """Open a dataset file after a quick validation (everything but the contents of the large arrays).

    Raises:
        FileNotFoundError: there is no such file.
        OSError: not HDF5, truncated or damaged.
        ValueError: another schema version, or the structure is wrong; the message names the first violation.
    """
    return DatasetFile(path)
