"""A dataset file with one of everything that the schema knows, made by the real writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pdgn.data import MeshRecord, TrajectoryBlock
from pdgn.data.records import CurveRecord
from pdgn.data.schema import NUM_FRAMES, TIME_OFFSET
from pdgn.geodesics import geodesic_distance, level_set_curves
from pdgn.mesh import TriMesh, grid, icosphere, knn_graph
from tests.data.dummy import dummy_writer

MESHES = ("pair", "moving", "plane", "stations")
FIELDS = {
    "u": {"unit": "K", "equation": "u_t = div(κ grad u) & more", "boundary": "neumann"},
    "flow": {"unit": "m/s", "equation": "", "boundary": ""},
    "pos": {"unit": "m", "equation": "x_t = −2Hn", "boundary": "none"},
}
SOURCES = np.array([0, 50])


def two_spheres() -> TriMesh:
    """Two components of 42 vertices."""
    ball = icosphere(1)
    return TriMesh(np.concatenate([ball.pos, ball.pos + [3, 0, 0]]), np.concatenate([ball.face, ball.face + 42]))


def records() -> dict[str, MeshRecord]:
    """ "pair": two components with geodesics and a curve; "moving": a sphere; "plane": periodic; "stations"."""
    pair = two_spheres()
    geodesic = {"sources": SOURCES, "exact": geodesic_distance(pair, SOURCES.tolist(), method="exact")}
    geodesic["heat"] = geodesic_distance(pair, SOURCES.tolist(), method="heat")
    belt = {"belt": CurveRecord.of(pair, level_set_curves(pair, pair.pos[:, 2], 0.2)[0])}
    points = np.random.default_rng(3).random((30, 3)) * [10, 10, 0]
    return {
        "pair": MeshRecord.from_mesh(
            pair, unit="m", geodesic=geodesic, node={"zone": np.arange(84) // 42}, curves=belt
        ),
        "moving": MeshRecord.from_mesh(icosphere(1), unit="m"),
        "plane": MeshRecord.from_mesh(grid(6, 5, size=(3.0, 2.0), periodic=True), unit="m"),
        "stations": MeshRecord.from_sensors(points, knn_graph(points, 4), unit="m"),
    }


def blocks(records: dict[str, MeshRecord]) -> list[TrajectoryBlock]:
    """Three trajectories of five frames on each; those of the sensors are of 5, 3 and 4 frames, with gaps."""
    generator = np.random.default_rng(7)
    time, split = 0.1 * np.arange(5), ("train", "valid", "test")
    found = []
    for mesh, record in records.items():
        num = record.num_nodes
        fields = {"u": generator.normal(size=(3, 5, num, 1)).astype(np.float32)}
        fields["flow"] = generator.normal(size=(3, 5, num, 3))
        mask, parameters = {}, {"kappa": generator.random(3), "velocity": generator.normal(size=(3, num, 3))}
        if mesh == "moving":
            growth = 1 + generator.random((3, 1, 1, 1)) * time[:, None, None]
            fields["pos"] = record.pos * growth
        if mesh == "stations":
            lengths = np.array([5, 3, 4])
            parameters |= {NUM_FRAMES: lengths, TIME_OFFSET: np.array([0.0, 10.0, 20.0])}
            mask = {"u": generator.random((3, 5, num)) > 0.2, "flow": np.ones((3, 5, num), dtype=bool)}
            for seen in mask.values():
                seen &= (np.arange(5) < lengths[:, None])[:, :, None]
            for name, seen in mask.items():
                fields[name][~seen] = np.nan
        found.append(TrajectoryBlock(mesh, 0, time, fields, mask, parameters, split))
    return found


def write_showcase(path: Path, meshes: Sequence[str] = MESHES) -> Path:
    """Writes meshes and trajectories of :func:`records` and :func:`blocks`."""
    stored = {name: record for name, record in records().items() if name in meshes}
    config = "name: showcase\nseed: 3\n"
    with dummy_writer(path, config=config, name="showcase", seed=3, field_attributes=FIELDS) as writer:
        for name, record in stored.items():
            writer.write_mesh(name, record)
        for block in blocks(stored):
            writer.write_block(block)
        return writer.finish()
