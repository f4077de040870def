"""The meshes that are measured."""

from __future__ import annotations

import os
from pathlib import Path

from pdgn.mesh import TriMesh, read_mesh, repair


def real_mesh(name: str) -> TriMesh | None:
    """A mesh of the shared data without its isolated vertices, or None where the data are absent.

    They lie in $PDGN_SHARED_DATA, or in ../shared/data beside the repository.
    """
    folder = Path(os.environ.get("PDGN_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    path = folder / "meshes" / name
    if not path.exists():
        return None
    return repair(read_mesh(path), isolated=True)[0]


def unseen(mesh: TriMesh) -> TriMesh:
    """The same mesh with nothing computed yet, as a user brings it."""
    return TriMesh(mesh.pos, mesh.face)
