"""What metrics.json says beside the scores: what was evaluated, on what, with which program."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from pdgn.data import SPLITS, DatasetFile, open_file
from pdgn.evaluation.contestants import Contestant
from pdgn.evaluation.rollout_windows import RolloutWindows
from pdgn.training.checkpoint import read_checkpoint
from pdgn.version import __version__

PACKAGES = ("pdgn", "torch", "torch-geometric", "lightning", "numpy", "scipy", "h5py")


def surroundings(
    contestants: Mapping[str, Contestant], path: str, windows: RolloutWindows, device: torch.device
) -> dict[str, Any]:
    """Everything in metrics.json but the scores.

    Args:
        contestants: what is compared; evaluation settings are those of the first. path: the data file. windows: the
            roll-outs, as one of them sees them. device: where they ran.
    """
    given = {name: contestant for name, contestant in contestants.items() if not contestant.baseline}
    configs = {name: contestant.forecaster.config for name, contestant in given.items()}
    checkpoints = {name: _checkpoint(contestant) for name, contestant in given.items()}
    config, dataset = next(iter(configs.values())), windows.dataset
    with open_file(path) as file:
        attributes = file.attributes
        meshes = {name: _mesh_counts(file, name) for name in file.mesh_names}
    return {
        "name": config.name if len(given) == 1 else f"{len(given)} models",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "pdgn_version": __version__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU ({platform.machine()})",
        "versions": {name: version(name) for name in PACKAGES},
        "checkpoint": {key: next(iter(checkpoints.values()))[key] for key in ("file", "epoch")},
        "checkpoints": checkpoints,
        "data": {
            "file": path,
            "name": str(attributes["name"]),
            "description": str(attributes["description"]),
            "config_hash": str(attributes["config_hash"]),
        },
        "config": config.to_dict(),
        **({"configs": {name: own.to_dict() for name, own in configs.items()}} if len(given) > 1 else {}),
        "evaluation": asdict(config.evaluation),
        "history": max(contestant.history for contestant in contestants.values()),
        "horizon": config.evaluation.horizon,
        "divergence_threshold": config.evaluation.divergence_threshold,
        "time_step": dataset.dt,
        "units": {
            "channels": dict(zip(dataset.channel_names, dataset.channel_units, strict=True)),
            "time": dataset.time_axis.unit,
            "length": dataset.record(dataset.meshes[0]).unit,
        },
        "meshes": meshes,
    }


def _checkpoint(contestant: Contestant) -> dict[str, Any]:
    path = Path(contestant.checkpoint or "")
    epoch = read_checkpoint(path).get("epoch")
    config = contestant.forecaster.config
    return {
        "file": str(path),
        "epoch": None if epoch is None else int(epoch) + 1,
        "run": config.name,
        "seed": config.seed,
    }


def _mesh_counts(file: DatasetFile, name: str) -> dict[str, int]:
    table = file.trajectories(name)
    splits = [] if table is None else table.split.tolist()
    return {"nodes": file.record(name).num_nodes, **{split: splits.count(split) for split in SPLITS}}
