"""Meshes on which no operator can be built."""

from __future__ import annotations

import numpy as np

from pdgn.mesh import TriMesh


def refuse_degenerate(mesh: TriMesh) -> None:
    """Refuse a mesh that has faces without area.

    Raises:
        ValueError: with their number and the first of them.
    """
    bad = np.flatnonzero(mesh.degenerate)
    if len(bad):
        raise ValueError(
            f"every face must have an area, got {len(bad)} degenerate faces, the first is face {bad[0]} "
            f"with vertices {mesh.face[bad[0]].tolist()} (repair(mesh, degenerate=True) removes them)"
        )
