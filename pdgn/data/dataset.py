"""Windows of stored trajectories as PyG graphs."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset
from torch_geometric.data import Data

from pdgn.data.context import ChannelCounts, Context, edge_context, forcing, node_context, parameter_names
from pdgn.data.file import DatasetFile, TrajectoryTable, open_file
from pdgn.data.file_handle import FileHandle
from pdgn.data.records import MeshRecord
from pdgn.data.sample import build_sample
from pdgn.data.schema import OBSERVED, SPLITS

_CACHED_PARAMETER_BYTES = 2**26
_HINT_OF_DISTANCES = "; distances and other fields of one frame are for pdgn.data.DistanceDataset"


class TrajectoryKey(NamedTuple):
    """Which trajectory: name of its mesh and its row there."""

    mesh: str
    row: int


class Frames(NamedTuple):
    """The frames of a window: observed ones x [T0, V, C] and further ones y [H, V, C], masks [T0, V] and [H, V]."""

    x: np.ndarray
    x_mask: np.ndarray
    y: np.ndarray
    y_mask: np.ndarray


class MeshDynamicsDataset(Dataset):
    """Windows of ``history`` observed and ``horizon`` further frames of all trajectories of one split, in physical
    units.

    Where a field has a companion ``<field>_observed`` (what sensors report, noise and gaps included), the history shows
    the reports and the horizon the truth.

    Windows are ordered by mesh name, trajectory and start; start = 0, stride, 2·stride, … The file is read lazily, one
    handle per process: the dataset pickles, and works with any number of workers under fork and spawn. Items are those
    of :func:`build_sample` with mesh_id [1], trajectory_id [1] and start [1] (int64).

    Args:
        path: a dataset file.
        split: "train", "valid" or "test".
        history, horizon, stride: numbers of frames, at least 1.
        fields: names, whose channels are joined in this order; by default all but a moving mesh's "pos" and what
            sensors report, sorted.
        context: names of features besides the signal.
        meshes: use only these meshes; by default all, or where sensors report, those on which they do.
        scheme: "by_mesh" or "by_resolution", where the file has that further split; by default that by trajectory.

    Attributes:
        name: of the dataset. meshes: names of the meshes with trajectories in the split. fields: names.
        unit: field → unit. channel_names, channel_units: per channel of x. channels: :class:`ChannelCounts`.
        dt: time step in ``time_axis.unit``; of the first mesh, :meth:`time_step` has each.

    Raises:
        ValueError: an unknown split, field, mesh or feature, a window longer than the trajectories, another schema
            version.
        OSError: the file is missing or damaged.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        split: str,
        *,
        history: int,
        horizon: int,
        stride: int = 1,
        fields: Sequence[str] | None = None,
        context: Context | None = None,
        meshes: Sequence[str] | None = None,
        scheme: str | None = None,
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f"split: wanted one of {', '.join(SPLITS)}, got {split!r}")
        for name, value in (("history", history), ("horizon", horizon), ("stride", stride)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name}: wanted a number of frames of at least 1, got {value!r}")
        self.path, self.split = Path(path).absolute(), split
        self.history, self.horizon, self.stride = history, horizon, stride
        self.context, self.scheme = context or Context(), scheme
        self._records: dict[str, MeshRecord] = {}
        self._parameters: OrderedDict[TrajectoryKey, dict[str, np.ndarray]] = OrderedDict()
        self._parameter_bytes = 0
        with open_file(path) as file:
            self._describe(file, meshes, fields)
        self._index_windows()

    def _describe(self, file: DatasetFile, meshes: Sequence[str] | None, fields: Sequence[str] | None) -> None:
        self.name = str(file.attributes["name"])
        self._handle = FileHandle(file)
        self._mesh_ids = {name: number for number, name in enumerate(file.mesh_names)}
        tables = {
            name: file.trajectories(name, self.scheme) for name in (file.mesh_names if meshes is None else meshes)
        }
        self._tables: dict[str, TrajectoryTable] = {
            name: table for name, table in sorted(tables.items()) if table is not None
        }
        reporting = {name: table for name, table in self._tables.items() if _reported(table)}
        if meshes is None and reporting:
            self._tables = reporting
        self._trainable = {name for name, table in self._tables.items() if (table.split == "train").any()}
        self.meshes = tuple(name for name, table in self._tables.items() if (table.split == self.split).any())
        if not self.meshes:
            counts = {split: sum(int((t.split == split).sum()) for t in self._tables.values()) for split in SPLITS}
            found = ", ".join(f"{split}: {count}" for split, count in counts.items())
            raise ValueError(f"{self.path}: wanted trajectories of split {self.split!r}, got none ({found})")
        self._describe_fields(fields)
        self._parameter_names = {}
        for name in self.meshes:
            self._require_even_steps(name)
            record = self._records[name] = file.record(name)
            self._parameter_names[name] = parameter_names(self.context, record, self._tables[name].parameters)
        self.channels = self._count_channels(file)

    def _describe_fields(self, fields: Sequence[str] | None) -> None:
        first = self._tables[self.meshes[0]].fields
        reported = _reported(self._tables[self.meshes[0]])
        plain = set(first) - {name + OBSERVED for name in reported}
        self.fields = tuple(sorted(plain - {"pos"}) or sorted(plain)) if fields is None else tuple(fields)
        if not self.fields or len(set(self.fields)) < len(self.fields):
            raise ValueError(f"fields: wanted one or more different fields, got {list(self.fields)}")
        for mesh in self.meshes:
            table = self._tables[mesh]
            missing = [name for name in self.fields if name not in table.fields]
            if missing:
                raise ValueError(
                    f"{self.path}: field {missing[0]!r}: mesh {mesh!r} does not have it, available: "
                    f"{', '.join(table.fields)}"
                )
            wrong = [name for name in self.fields if table.fields[name][0] != first[name][0]]
            if wrong:
                raise ValueError(
                    f"{self.path}: field {wrong[0]!r}: wanted as many channels on all meshes, mesh {mesh!r} has "
                    f"another number"
                )
        self.unit = {name: str(first[name][1]["unit"]) for name in self.fields}
        sizes = [(name, first[name][0]) for name in self.fields]
        self.channel_names = tuple(name if size == 1 else f"{name}[{c}]" for name, size in sizes for c in range(size))
        self.channel_units = tuple(self.unit[name] for name, size in sizes for _ in range(size))
        self.time_axis = self._tables[self.meshes[0]].axis

    def _require_even_steps(self, mesh: str) -> None:
        steps = np.diff(self._tables[mesh].time)
        if steps.size and np.ptp(steps) > 1e-6 * steps.mean():
            raise ValueError(
                f"{self.path}: mesh {mesh!r}: wanted equal time steps, got steps from {steps.min():.6g} to "
                f"{steps.max():.6g}; resample every field before writing: even = numpy.linspace(time[0], time[-1], "
                f"len(time)), scipy.interpolate.make_interp_spline(time, field, k=1, axis=1)(even)"
            )

    def _count_channels(self, file: DatasetFile) -> ChannelCounts:
        mesh = self.meshes[0]
        key = TrajectoryKey(mesh, int(np.flatnonzero(self._tables[mesh].split == self.split)[0]))
        parameters = file.parameters(*key, self._parameter_names[mesh])
        times = forcing(self.context.forcing, self._tables[mesh].time[:1], self._tables[mesh].axis, 1)
        return ChannelCounts(
            signal=len(self.channel_names),
            node_context=node_context(self._records[mesh], self.context.node, parameters, 0.0).shape[1],
            edge_context=edge_context(self._records[mesh], self.context.edge, parameters).shape[1],
            forcing=times.shape[2],
        )

    def _index_windows(self) -> None:
        window = self.history + self.horizon
        self._keys: list[TrajectoryKey] = []
        counts = []
        for mesh in self.meshes:
            table = self._tables[mesh]
            for row in np.flatnonzero(table.split == self.split):
                frames = int(table.num_frames[row])
                if frames < window:
                    raise ValueError(
                        f"{self.path}: a window of history + horizon = {self.history} + {self.horizon} = {window} "
                        f"frames is longer than the trajectories: trajectory {row} of mesh {mesh!r} (split "
                        f"{self.split!r}) has {frames} frames{_HINT_OF_DISTANCES if frames == 1 else ''}"
                    )
                self._keys.append(TrajectoryKey(mesh, int(row)))
                counts.append((frames - window) // self.stride + 1)
        self._ends = np.cumsum(counts)

    @property
    def dt(self) -> float:
        """Time step of the first mesh, in ``time_axis.unit``."""
        return self.time_step(self.meshes[0])

    def time_step(self, mesh: str) -> float:
        """Time step of the trajectories on one mesh, in ``time_axis.unit``."""
        time = self._tables[mesh].time
        return float(time[1] - time[0])

    def mesh_group(self, mesh: str) -> str:
        """ "seen" where the mesh has training trajectories in the file, else "unseen"."""
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
        return int(self._ends[-1])

    def window(self, index: int) -> tuple[TrajectoryKey, int]:
        """Which trajectory and which first frame item ``index`` shows.

        Raises:
            IndexError: out of range.
        """
        size = len(self)
        if not -size <= index < size:
            raise IndexError(f"wanted an index in [{-size}, {size}), got {index}")
        index = int(index) % size
        number = int(np.searchsorted(self._ends, index, side="right"))
        first = int(self._ends[number - 1]) if number else 0
        return self._keys[number], (index - first) * self.stride

    def __getitem__(self, index: int) -> Data:
        key, start = self.window(index)
        stop = start + self.history + self.horizon
        table = self._tables[key.mesh]
        time = table.time[start:stop] + table.time_offset[key.row]
        data = build_sample(
            self.record(key.mesh), *self.frames(key, start, stop), time, self.context, self.parameters(key),
            axis=table.axis,
        )  # fmt: skip
        data.mesh_id = torch.tensor([self._mesh_ids[key.mesh]])
        data.trajectory_id = torch.tensor([key.row])
        data.start = torch.tensor([start])
        return data

    def frames(self, key: TrajectoryKey, start: int, stop: int) -> Frames:
        """The frames of a window: the history as it was observed, the rest as it is.

        Args:
            key: which trajectory. start, stop: frames start … stop − 1, the first ``history`` of them observed.

        Returns:
            Both parts with their masks.
        """
        file, seen, reported = self._handle.open(), self.history, _reported(self._tables[key.mesh])
        values, mask = file.frames(key.mesh, key.row, start, stop, self.fields)
        mask = np.broadcast_to(True, values.shape[:2]) if mask is None else mask
        if not any(name in reported for name in self.fields):
            return Frames(values[:seen], mask[:seen], values[seen:], mask[seen:])
        names = [name + OBSERVED if name in reported else name for name in self.fields]
        observed, where = file.frames(key.mesh, key.row, start, start + seen, names)
        where = np.ones(observed.shape[:2], dtype=bool) if where is None else where
        return Frames(observed, where, values[seen:], mask[seen:])

    @property
    def context_varies(self) -> bool:
        """Whether the context of nodes or edges is another for another trajectory on the same mesh."""
        return "dt" in self.context.node or any(self._parameter_names.values())

    def first_windows(self) -> dict[int, int]:
        """For each mesh_id the index of the first window on that mesh."""
        starts = [0, *self._ends[:-1]]
        return {self._mesh_ids[key.mesh]: int(at) for key, at in reversed(list(zip(self._keys, starts)))}

    def trajectories(self) -> tuple[TrajectoryKey, ...]:
        """All trajectories of the split, in the order of the windows."""
        return tuple(self._keys)

    def time(self, key: TrajectoryKey) -> np.ndarray:
        """Times [T] of all frames of a trajectory, in ``time_axis.unit``."""
        table = self._tables[key.mesh]
        return table.time[: int(table.num_frames[key.row])] + table.time_offset[key.row]

    def parameters(self, key: TrajectoryKey) -> dict[str, np.ndarray]:
        """Those parameters of a trajectory that the context needs; the last ones read are kept, up to 64 MiB."""
        if key not in self._parameters:
            values = self._handle.open().parameters(key.mesh, key.row, self._parameter_names[key.mesh])
            self._parameters[key] = values
            self._parameter_bytes += sum(array.nbytes for array in values.values())
            while self._parameter_bytes > _CACHED_PARAMETER_BYTES and len(self._parameters) > 1:
                _, dropped = self._parameters.popitem(last=False)
                self._parameter_bytes -= sum(array.nbytes for array in dropped.values())
        return self._parameters[key]

    def stream(self, key: TrajectoryKey, max_bytes: int = 2**24) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """A whole trajectory in consecutive pieces of bounded size.

        Yields:
            values [t, V, C] and mask [t, V] bool.
        """
        table = self._tables[key.mesh]
        frame = 8 * self.channels.signal * self.record(key.mesh).num_nodes
        step, frames = max(1, max_bytes // frame), int(table.num_frames[key.row])
        for start in range(0, frames, step):
            values, mask = self._handle.open().frames(key.mesh, key.row, start, min(start + step, frames), self.fields)
            yield values, np.ones(values.shape[:2], dtype=bool) if mask is None else mask

    def close(self) -> None:
        """Close the handle of this process; the next access opens it again."""
        self._handle.close()

    def __getstate__(self) -> dict:
        empty: dict[str, object] = {
            "_records": {},
            "_parameters": OrderedDict(),
            "_parameter_bytes": 0,
        }
        return {**self.__dict__, **empty}

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.path.name!r}, {self.split!r}, {len(self)} windows of "
            f"{self.history}+{self.horizon} frames, {len(self._keys)} trajectories on {len(self.meshes)} meshes)"
        )


def _reported(table: TrajectoryTable) -> set[str]:
    """The fields of which the file holds reports of sensors too."""
    return {name for name in table.fields if name + OBSERVED in table.fields}
