"""Which surfaces are scored together: those that a model was trained on, and those that it has never seen."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pdgn.data import MeshDynamicsDataset, open_file


def mesh_groups(dataset: MeshDynamicsDataset, trained_on: Iterable[str]) -> dict[str, list[str]]:
    """The groups of the meshes of a test set.

    Args:
        dataset: the test set. trained_on: the data files of all models; a mesh that any of them trained on is seen.

    Returns:
        {"seen", "unseen", "all", "mesh:<name>": sorted names}; a group without meshes is left out.
    """
    seen: set[str] = set()
    for file in dict.fromkeys(trained_on):
        if Path(file).resolve() == dataset.path.resolve() or not Path(file).is_file():
            seen |= {mesh for mesh in dataset.meshes if dataset.mesh_group(mesh) == "seen"}
        else:
            seen |= _trained_meshes(dataset, file)
    groups = {"seen": seen, "unseen": set(dataset.meshes) - seen, "all": set(dataset.meshes)}
    groups |= {f"mesh:{mesh}": {mesh} for mesh in dataset.meshes}
    return {group: sorted(members) for group, members in groups.items() if members}


def _trained_meshes(dataset: MeshDynamicsDataset, trained_on: str) -> set[str]:
    """The meshes of another file that the training file has too, with training trajectories."""
    found = set()
    with open_file(trained_on) as file:
        for mesh in set(dataset.meshes) & set(file.mesh_names):
            table = file.trajectories(mesh)
            same = np.array_equal(file.record(mesh).pos, dataset.record(mesh).pos)
            if same and table is not None and (table.split == "train").any():
                found.add(mesh)
    return found
