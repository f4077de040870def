"""Small dataset files for tests, made by the real writer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pdgn.data import DatasetWriter, MeshRecord, TrajectoryBlock
from pdgn.mesh import grid, icosphere

ATTRIBUTES = {"u": {"unit": "K", "equation": "random walk", "boundary": "none"}}


def dummy_blocks(record: MeshRecord, mesh: str, generator: np.random.Generator, **options) -> list[TrajectoryBlock]:
    """Blocks of random walks of one channel on a mesh.

    Options: blocks=3 (one split each: train, valid, test), count=2 per block, frames=12, dt=0.5, masked=False (a tenth
    not observed, NaN there), splits.
    """
    count, frames = options.get("count", 2), options.get("frames", 12)
    splits = options.get("splits", ("train", "valid", "test"))
    blocks = []
    for index, split in enumerate(splits):
        steps = generator.normal(size=(count, frames, record.num_nodes, 1))
        values = (280 + steps.cumsum(axis=1)).astype(np.float32)
        mask = {}
        if options.get("masked", False):
            mask = {"u": generator.random((count, frames, record.num_nodes)) > 0.1}
            values[~mask["u"]] = np.nan
        parameters = {
            "diffusivity": generator.random(count),
            "velocity": generator.normal(size=(count, record.num_nodes, 3)),
        }
        time = np.arange(frames) * options.get("dt", 0.5)
        blocks.append(TrajectoryBlock(mesh, index, time, {"u": values}, mask, parameters, (split,) * count))
    return blocks


def write_dummy(path: Path, *, masked: bool = False, frames: int = 12, unseen: bool = True, seed: int = 0) -> Path:
    """A file with meshes "sphere" (42 nodes, all splits), "square" (25 nodes, all splits) and "unseen" (test only)."""
    generator = np.random.default_rng(seed)
    meshes = {"sphere": icosphere(1), "square": grid(5, 5)}
    if unseen:
        meshes["unseen"] = icosphere(0)
    with DatasetWriter(
        path, config="kind: dummy", name="dummy", seed=seed, field_attributes=ATTRIBUTES, time_unit="s"
    ) as writer:
        for name, mesh in meshes.items():
            record = MeshRecord.from_mesh(mesh, unit="m")
            writer.write_mesh(name, record)
            splits = ("test",) if name == "unseen" else ("train", "valid", "test")
            for block in dummy_blocks(record, name, generator, masked=masked, frames=frames, splits=splits):
                writer.write_block(block)
        return writer.finish()
