"""A tiny dataset and a freshly initialised checkpoint: what evaluation and prediction need, without training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pdgn.data import Context, DatasetWriter, MeshDynamicsDataset, MeshRecord, Normalizer, TrajectoryBlock
from pdgn.mesh import icosphere, torus
from pdgn.models import build_model
from pdgn.training.config import DataConfig, EvaluationConfig, RunConfig, TrainingConfig
from pdgn.training.forecaster import Forecaster
from pdgn.training.header import checkpoint_header
from pdgn.training.windows import describe

TIME = 0.1 * np.arange(9)
RATE = 2.0
SPLITS = {"ball": ("train", "train", "valid", "test", "test"), "ring": ("test", "test")}


def decaying(pos: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Linear functions of position that decay at one rate, [count, T, V, 1]."""
    start = 3.0 + (pos @ rng.normal(size=(3, count))).T
    return (np.exp(-RATE * TIME)[None, :, None] * start[:, None, :])[..., None].astype(np.float32)


def write_file(
    path: Path, *, gaps: bool = False, unit: str = "K", recipe: str = "tiny", times: np.ndarray = TIME
) -> Path:
    """Two meshes: "ball" with training trajectories, "ring" with test trajectories alone."""
    rng = np.random.default_rng(0)
    attributes = {"u": {"unit": unit, "equation": "u_t = -2 u", "boundary": "none"}}
    with DatasetWriter(
        path, config=f"recipe: {recipe}", name="decay", seed=0, field_attributes=attributes, time_unit="h"
    ) as writer:
        for name, mesh in {"ball": icosphere(1), "ring": torus(1.0, 0.4, 10, 6)}.items():
            splits = SPLITS[name]
            values, mask = decaying(mesh.pos, len(splits), rng), {}
            if gaps:
                mask = {"u": rng.random(values.shape[:3]) > 0.2}
                values[~mask["u"]] = np.nan
            writer.write_mesh(name, MeshRecord.from_mesh(mesh, unit="m"))
            parameters = {"strength": np.full(len(splits), 2.0)}
            writer.write_block(TrajectoryBlock(name, 0, times, {"u": values}, mask, parameters, splits))
        writer.finish()
    return path


def tiny_config(file: Path, **evaluation: object) -> RunConfig:
    """Two observed frames; context from the mesh and one parameter."""
    return RunConfig(
        name="tiny",
        data=DataConfig(
            str(file), history=2, horizon=3, node_context=["log_mass", "strength"], edge_context=["reference"]
        ),
        model={"name": "padgn", "hidden_channels": 8, "num_layers": 1, "num_hops": 1, "num_kernels": 2},
        training=TrainingConfig(epochs=1, batch_size=2),
        evaluation=EvaluationConfig(**{"baselines": ["persistence"], **evaluation}),
    )


def make_forecaster(config: RunConfig, seed: int = 0) -> Forecaster:
    """A model with random weights, and the normalisation of the training split."""
    data = config.data
    context = Context(node=data.node_context, edge=data.edge_context, forcing=data.forcing)
    windows = MeshDynamicsDataset(data.file, "train", history=data.history, horizon=data.horizon, context=context)
    torch.manual_seed(seed)
    options = dict(config.model)
    description = describe(windows, config)
    model = build_model(options.pop("name"), description.channels, **options)
    return Forecaster(model, Normalizer.fit(windows), description, config)


def save(forecaster: Forecaster, path: Path) -> Path:
    """A checkpoint as training writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = checkpoint_header(forecaster.description, forecaster.config)
    torch.save({"pdgn": header, "state_dict": forecaster.state_dict(), "epoch": 4}, path)
    return path


def draw_coarsely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few faces and few dots: what a figure shows is the same."""
    monkeypatch.setattr("pdgn.evaluation.surface_drawing.MAX_FACES", 100)
    for module in ("picture", "surface_figure", "comparison_figure"):
        monkeypatch.setattr(f"pdgn.evaluation.{module}.RESOLUTION", 30)


def make_run(folder: Path, **evaluation: object) -> Path:
    """A dataset and a run beside it; returns the path of best.ckpt."""
    file = write_file(folder / "decay.h5")
    return save(make_forecaster(tiny_config(file, **evaluation)), folder / "run" / "best.ckpt")
