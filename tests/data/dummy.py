"""Small dataset files for tests, made by the real writer."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from pdgn.data import DatasetWriter, MeshRecord, TrajectoryBlock
from pdgn.mesh import grid, icosphere

ATTRIBUTES = {"u": {"unit": "K", "equation": "random walk", "boundary": "none"}}


def dummy_block(
    record: MeshRecord, mesh: str, index: int, split: str, *, count: int = 2, frames: int = 12, masked: bool = False
) -> TrajectoryBlock:
    """A block of random walks of one channel about 280 K on a mesh, step 0.5 s; masked: a tenth is NaN."""
    generator = np.random.default_rng([index, record.num_nodes])
    values = 280 + generator.normal(size=(count, frames, record.num_nodes, 1)).cumsum(axis=1)
    fields, mask = {"u": values.astype(np.float32)}, {}
    if masked:
        mask = {"u": generator.random((count, frames, record.num_nodes)) > 0.1}
        fields["u"][~mask["u"]] = np.nan
    parameters = {
        "diffusivity": generator.random(count),
        "velocity": generator.normal(size=(count, record.num_nodes, 3)),
    }
    return TrajectoryBlock(mesh, index, 0.5 * np.arange(frames), fields, mask, parameters, (split,) * count)


def dummy_writer(path: Path, **options) -> DatasetWriter:
    """A writer of a dummy file; options replace its arguments."""
    standard = {"config": "kind: dummy", "name": "dummy", "seed": 0, "field_attributes": ATTRIBUTES, "time_unit": "s"}
    return DatasetWriter(path, **{**standard, **options})


def write_dummy(path: Path, *, masked: bool = False, frames: int = 12) -> Path:
    """Meshes "sphere" (42 nodes) and "square" (25 nodes) in all splits, and "unseen" (12 nodes) in test only."""
    meshes = {"sphere": icosphere(1), "square": grid(5, 5), "unseen": icosphere(0)}
    with dummy_writer(path) as writer:
        for name, mesh in meshes.items():
            record = MeshRecord.from_mesh(mesh, unit="m", node={"height": mesh.pos[:, 2]})
            writer.write_mesh(name, record)
            splits = ("test",) if name == "unseen" else ("train", "valid", "test")
            for index, split in enumerate(splits):
                writer.write_block(dummy_block(record, name, index, split, frames=frames, masked=masked))
        return writer.finish()


def arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array and attribute of a file but the time of creation, by path."""
    found: dict[str, np.ndarray] = {}

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]
        for key, value in item.attrs.items():
            if key not in ("created", "attribute_hash") or name:
                found[f"{name}@{key}"] = np.asarray(value)

    with h5py.File(path) as file:
        visit("", file)
        file.visititems(visit)
    return found


def assert_same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    """Bit for bit the same names, dtypes and entries (NaN equals NaN)."""
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert values.dtype == second[name].dtype, name
        np.testing.assert_array_equal(values, second[name], err_msg=name)
