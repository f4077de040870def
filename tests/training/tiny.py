"""A tiny dataset and config that train in about half a second: epochs of three steps and one validation batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from pdgn.data import DatasetWriter, MeshRecord, TrajectoryBlock
from pdgn.mesh import icosphere
from pdgn.training.config import DataConfig, EvaluationConfig, RunConfig, TrainingConfig

SPLITS = ("train", "train", "train", "valid", "test")
TIME = 0.1 * np.arange(8)


def write_dataset(path: Path, *, unit: str = "K", seed: int = 0, fields: tuple[str, ...] = ("u",)) -> Path:
    """Linear functions on two spheres that decay at one rate: smooth, seeded, a few kilobytes."""
    rng = np.random.default_rng(seed)
    meshes = {"ball": icosphere(1), "large": icosphere(1, radius=2.0)}
    attributes = {name: {"unit": unit, "equation": "u_t = -u", "boundary": "none"} for name in fields}
    with DatasetWriter(
        path, config="recipe: tiny", name="tiny", seed=seed, field_attributes=attributes, time_unit="h"
    ) as writer:
        for name, mesh in meshes.items():
            writer.write_mesh(name, MeshRecord.from_mesh(mesh))
            values = {field: _decay(mesh.pos, rng) for field in fields}
            writer.write_block(TrajectoryBlock(mesh=name, index=0, time=TIME, fields=values, split=SPLITS))
        writer.finish()
    return path


def _decay(pos: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    start = pos @ rng.normal(size=(3, len(SPLITS))) + 280.0 * 0.01
    decay = np.exp(-TIME)
    return (decay[None, :, None] * start.T[:, None, :])[..., None].astype(np.float32)


def tiny_config(file: Path, output: Path, **training: object) -> RunConfig:
    """Two observed and three predicted frames, a small PA-DGN, noise and scheduled sampling."""
    settings = TrainingConfig(
        epochs=4,
        batch_size=4,
        learning_rate=3e-3,
        noise_std=0.01,
        truth_decay=3.0,
        accelerator="cpu",
        schedule="cosine",
    )
    return RunConfig(
        name="tiny",
        output=str(output),
        data=DataConfig(
            str(file), history=2, horizon=3, stride=2, node_context=["log_mass"], edge_context=["reference"]
        ),
        model={"name": "padgn", "hidden_channels": 8, "num_layers": 1, "num_hops": 1, "num_kernels": 2},
        training=replace(settings, **training),
        evaluation=EvaluationConfig(baselines=["persistence"]),
    )
