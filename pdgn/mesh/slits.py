"""Where a surface is open only because vertices that coincide are not one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pdgn.mesh.coincident import WELD_TOLERANCE, coincident
from pdgn.mesh.repair import repair
from pdgn.mesh.tri_mesh import TriMesh


class Slits(NamedTuple):
    """What welding would close.

    Attributes:
        vertices: how many would be welded to another at their place.
        loops: boundary loops as they are.
        loops_left: boundary loops once welded.
        components_left: connected components once welded.
    """

    vertices: int
    loops: int
    loops_left: int
    components_left: int

    def describe(self) -> str:
        """One line: "15 vertices coincide with others; the surface has 14 boundary loops, welded it has none"."""
        vertices = "1 vertex coincides" if self.vertices == 1 else f"{self.vertices} vertices coincide"
        loops = f"{self.loops} boundary loop{'s' if self.loops != 1 else ''}"
        return f"{vertices} with others; the surface has {loops}, welded it has {self.loops_left or 'none'}"


def slits(mesh: TriMesh) -> Slits | None:
    """Whether welding would join parts of the boundary of a mesh, and what that would leave.

    Args:
        mesh: any mesh.

    Returns:
        What it would close; None where it would close nothing that `non_manifold` does not take apart again (a fin on
        a closed surface touches it without a slit).
    """
    found = mesh.topology()
    if found.closed:
        return None
    border = np.flatnonzero(mesh.boundary)  # few of the vertices of a large mesh
    lowest = coincident(mesh.pos[border], WELD_TOLERANCE, mesh.period, mesh.pos[np.unique(mesh.face)])
    count = int((lowest != np.arange(len(border))).sum())
    if not count:
        return None
    try:
        welded = repair(mesh, weld=True, duplicate=True, non_manifold=True)[0].topology()
    except ValueError:  # nothing but faces smaller than the tolerance
        return None
    if welded.boundary_edges >= found.boundary_edges:
        return None
    return Slits(count, found.boundary_loops, welded.boundary_loops, welded.components)
