"""What `pdgn info` says of a mesh file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pdgn.cli.surfaces import WELD_ADVICE
from pdgn.mesh import read_mesh
from pdgn.mesh.slits import slits


def mesh_report(path: Path) -> Iterator[str]:
    """The lines about a mesh file.

    Args:
        path: of an OBJ, PLY, OFF or STL file.

    Yields:
        Counts, size in the unit of the file, topology and defects, vertices that coincide along slits, what to do.

    Raises:
        FileNotFoundError: no such file.
        ValueError, OSError: the file is no mesh, or cannot be read.
    """
    mesh = read_mesh(path)
    found, cut = mesh.topology(), slits(mesh)
    yield f"{path}: {mesh.num_vertices} vertices, {mesh.num_faces} faces"
    size = " × ".join(f"{length:.6g}" for length in np.ptp(mesh.pos, axis=0))
    edge = f"edges of {mesh.edge_length.mean():.4g} on average"
    yield f"  {size}, area {mesh.face_area.sum():.6g}, {edge} (unit of the file)"
    yield f"  {found.describe()}"
    if cut is not None:
        yield f"  {cut.describe()}; {WELD_ADVICE}"
    if not found.describe().endswith("no defects"):
        yield "  pdgn generate --mesh and pdgn predict --mesh repair defects and say what they did"
