"""The supervised set (mesh, sources) → distance as PyG graphs."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.data import Dataset
from torch_geometric.data import Data

from pdgn.data.context import Context, edge_context, node_context, parameter_names
from pdgn.data.dataset import TrajectoryKey
from pdgn.data.file import DatasetFile, open_file
from pdgn.data.file_handle import FileHandle
from pdgn.data.records import MeshRecord
from pdgn.data.schema import SPLITS

SOURCE, DISTANCE = "source", "distance"


class DistanceDataset(Dataset):
    """Sets of sources on meshes and the geodesic distance from the nearest of them, one graph per sample.

    An item is a Data with x [V, 1], 1 at the sources and 0 elsewhere; y [V, 1], the distance in the unit of pos, 0
    where no source reaches; y_mask [V] bool, true where one does; pos [V, 3], face [3, F], edge_index [2, E], mass [V],
    reference_gradient [E], reference_laplacian [E], node_context [V, P], edge_context [E, R], mesh_id [1],
    trajectory_id [1]. Floats are float32, indices int64. Static tensors are shared between samples: do not change them
    in place. Samples are ordered by mesh name and row. The file is read lazily, one handle per process: the dataset
    pickles, and works with any number of workers.

    Args:
        path: a file with the fields "source" and "distance" of one frame, as a `geodesics` recipe makes it.
        split: "train", "valid" or "test".
        context: names of features of the mesh.
        meshes: use only these meshes.
        scheme: name of a further split of the file, by which the samples are then taken.

    Attributes:
        name: of the dataset. meshes: names of the meshes with samples in the split. unit: of the distance.

    Raises:
        ValueError: an unknown split, scheme, mesh or feature, no samples, or a file without these fields.
        OSError: the file is missing or damaged.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        split: str,
        *,
        context: Context | None = None,
        meshes: Sequence[str] | None = None,
        scheme: str | None = None,
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f"split: wanted one of {', '.join(SPLITS)}, got {split!r}")
        self.split, self.context = split, context or Context()
        self._records: dict[str, MeshRecord] = {}
        self._keys: list[TrajectoryKey] = []
        with open_file(path) as file:
            self._handle = FileHandle(file)
            self.path = self._handle.path
            self.name = str(file.attributes["name"])
            self._mesh_ids = {name: number for number, name in enumerate(file.mesh_names)}
            self._trainable: set[str] = set()
            units = set()
            for mesh in sorted(file.mesh_names if meshes is None else meshes):
                units |= self._describe(file, mesh, scheme)
        self.meshes = tuple(dict.fromkeys(key.mesh for key in self._keys))
        if not self._keys:
            raise ValueError(f"{self.path}: wanted samples of split {split!r}, got none")
        if len(units) > 1:
            raise ValueError(f"{self.path}: wanted one unit of distance on all meshes, got {', '.join(sorted(units))}")
        self.unit = units.pop()

    def _describe(self, file: DatasetFile, mesh: str, scheme: str | None) -> set[str]:
        """Take the samples of one mesh; the unit of their distances, nothing where it has none."""
        table = file.trajectories(mesh, scheme)
        if table is None:
            return set()
        missing = [name for name in (SOURCE, DISTANCE) if table.fields.get(name, (0,))[0] != 1]
        if missing or len(table.time) != 1:
            raise ValueError(
                f"{self.path}: mesh {mesh!r}: wanted one frame of {SOURCE!r} and {DISTANCE!r}, of one channel each, "
                f"got {len(table.time)} of {', '.join(table.fields)}; this file is for MeshDynamicsDataset"
            )
        if (table.split == "train").any():
            self._trainable.add(mesh)
        rows = np.flatnonzero(table.split == self.split).tolist()
        if not rows:
            return set()
        self._keys += [TrajectoryKey(mesh, row) for row in rows]
        record = self._records[mesh] = file.record(mesh)
        needed = parameter_names(self.context, record, {})
        assert not needed
        if record.face is None:
            raise ValueError(f"{self.path}: mesh {mesh!r}: wanted a surface, got a mesh without faces")
        return {str(table.fields[DISTANCE][1]["unit"])}

    def mesh_group(self, mesh: str) -> str:
        """ "seen" where the mesh has training samples in the file, else "unseen"."""
        return "seen" if mesh in self._trainable else "unseen"

    def mesh_name(self, mesh_id: int) -> str:
        """The name of a mesh, given the mesh_id of a sample."""
        return next(name for name, number in self._mesh_ids.items() if number == int(mesh_id))

    def record(self, mesh: str) -> MeshRecord:
        """The stored mesh, read once per process."""
        if mesh not in self._records:
            self._records[mesh] = self._handle.open().record(mesh)
        return self._records[mesh]

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, index: int) -> Data:
        if not -len(self) <= index < len(self):
            raise IndexError(f"wanted an index in [{-len(self)}, {len(self)}), got {index}")
        key = self._keys[index]
        file, record = self._handle.open(), self.record(key.mesh)
        source, _ = file.frames(key.mesh, key.row, 0, 1, [SOURCE])
        distance, mask = file.frames(key.mesh, key.row, 0, 1, [DISTANCE])
        reached = np.ones(record.num_nodes, dtype=bool) if mask is None else mask[0]
        return Data(
            x=torch.from_numpy(source[0].astype(np.float32)),
            y=torch.from_numpy(np.where(reached[:, None], distance[0], 0.0).astype(np.float32)),
            y_mask=torch.from_numpy(reached),
            pos=record.tensor("pos", lambda: record.pos),
            face=record.tensor("face", lambda: np.ascontiguousarray(_faces(record).T)),
            edge_index=record.tensor("edge_index", lambda: record.edge_index),
            mass=record.tensor("mass", lambda: record.node["mass"]),
            reference_gradient=record.tensor("reference_gradient", lambda: record.edge["reference_gradient"]),
            reference_laplacian=record.tensor("reference_laplacian", lambda: record.edge["reference_laplacian"]),
            node_context=node_context(record, self.context.node, {}, 0.0),
            edge_context=edge_context(record, self.context.edge, {}),
            mesh_id=torch.tensor([self._mesh_ids[key.mesh]]),
            trajectory_id=torch.tensor([key.row]),
        )

    def close(self) -> None:
        """Close the file in this process; the next access opens it again."""
        self._handle.close()

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_records": {}}

    def __repr__(self) -> str:
        count = f"{len(self)} samples on {len(self.meshes)} meshes"
        return f"{type(self).__name__}({self.path.name!r}, {self.split!r}, {count})"


def _faces(record: MeshRecord) -> np.ndarray:
    assert record.face is not None
    return record.face
