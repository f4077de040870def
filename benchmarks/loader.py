"""Windows of a dataset against the same bytes read by h5py alone, and two workers against none."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Comparison, compare
from pdgn.data import Context, DatasetWriter, MeshDynamicsDataset, MeshRecord, TrajectoryBlock, WindowLoader
from pdgn.mesh import icosphere

HISTORY = HORIZON = 5
BATCH = 8


def write_dataset(path: Path, level: int = 5, trajectories: int = 20, frames: int = 101) -> Path:
    """Noise on an icosphere: 10,242 vertices at level 5."""
    mesh = icosphere(level)
    generator = np.random.default_rng(0)
    with DatasetWriter(path, config="kind: benchmark", name="benchmark", seed=0) as writer:
        writer.write_mesh("sphere", MeshRecord.from_mesh(mesh))
        for block in range(trajectories):
            values = generator.standard_normal((1, frames, mesh.num_vertices, 1), dtype=np.float32)
            time = 0.1 * np.arange(frames)
            writer.write_block(TrajectoryBlock("sphere", block, time, {"u": values}, split=("train",)))
        return writer.finish()


def open_dataset(path: Path) -> MeshDynamicsDataset:
    """Windows of ten frames with positions and edge vectors as context."""
    context = Context(node=["pos"], edge=["vector"])
    return MeshDynamicsDataset(path, "train", history=HISTORY, horizon=HORIZON, context=context)


def windows_against_h5py(path: Path, order: str, windows: int = 400, repeats: int = 7) -> Comparison:
    """Items one by one against the hyperslabs that hold their frames, checksums verified on both sides.

    Args:
        path: the dataset.
        order: "shuffled", as in training, or "in order", windows side by side.
        windows: how many.
        repeats: runs of each side.
    """
    data = open_dataset(path)
    chosen: NDArray[np.int64] = np.random.default_rng(0).permutation(len(data))
    if order == "in order":
        chosen = np.array([i for i in range(len(data)) if data.window(i)[1] % (HISTORY + HORIZON) == 0])
    chosen = np.resize(chosen, windows)

    def ours() -> object:
        return [data[index].x[0] for index in chosen.tolist()]

    def bare() -> object:
        with h5py.File(path) as file:
            dataset = file["trajectories/sphere/fields/u"]
            places = [data.window(index) for index in chosen.tolist()]
            return [dataset[key.row, start : start + HISTORY + HORIZON][0, 0] for key, start in places]

    return compare(f"windows {order}, against h5py", 2.0, {"ours": ours, "bare": bare}, repeats)


def workers_against_none(path: Path, windows: int = 800, repeats: int = 5) -> Comparison:
    """Batches of eight shuffled windows by two workers, started before, against none."""
    data = open_dataset(path)
    order = np.resize(np.random.default_rng(0).permutation(len(data)), windows).tolist()
    two = WindowLoader(data, BATCH, sampler=order, num_workers=2, persistent_workers=True)
    none = WindowLoader(data, BATCH, sampler=order)
    sides = {"ours": lambda: sum(batch.num_graphs for batch in two), "bare": lambda: sum(b.num_graphs for b in none)}
    return compare(f"batches of {BATCH}: two workers against none", 1.0, sides, repeats)
