"""Rings and boundary loops in order, from OpenMesh's half-edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import openmesh
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pdgn.mesh.tri_mesh import TriMesh

IntArray = NDArray[np.int64]


class HalfEdges:
    """The half-edges of an oriented manifold mesh, with or without boundary.

    OpenMesh leaves out faces at edges of three faces and splits vertices of several fans with no more than a printed
    line, so such meshes are refused here; `TriMesh.topology` counts their defects.

    Args:
        mesh: manifold, consistently oriented, without faces that repeat a vertex.

    Raises:
        ValueError: with the counts of what is in the way.
    """

    def __init__(self, mesh: TriMesh) -> None:
        mesh.require(manifold=True, oriented=True)
        repeated = np.count_nonzero((mesh.face == np.roll(mesh.face, -1, axis=1)).any(axis=1))
        if repeated:
            raise ValueError(f"half-edges need faces of three different vertices, got {repeated} that repeat one")
        self.num_vertices = mesh.num_vertices
        self._mesh = openmesh.TriMesh(mesh.pos, mesh.face)
        if (self._mesh.n_vertices(), self._mesh.n_faces()) != (mesh.num_vertices, mesh.num_faces):
            raise ValueError(
                f"OpenMesh holds {self._mesh.n_vertices()} vertices and {self._mesh.n_faces()} faces "
                f"of {mesh.num_vertices} and {mesh.num_faces}"
            )

    def __repr__(self) -> str:
        return f"HalfEdges(V={self.num_vertices}, half_edges={self._mesh.n_halfedges()})"

    def ring(self, vertex: int) -> IntArray:
        """Neighbours of a vertex, counter-clockwise about its normal; at a boundary from its first edge to its last.

        Args:
            vertex: index in [0, V).

        Returns:
            [degree] int64; empty at an isolated vertex.

        Raises:
            ValueError: where the index is out of range.
        """
        if not 0 <= vertex < self.num_vertices:
            raise ValueError(f"vertex must lie in [0, {self.num_vertices}), got {vertex}")
        clockwise = [handle.idx() for handle in self._mesh.vv(self._mesh.vertex_handle(vertex))]
        return np.array(clockwise[::-1], dtype=np.int64)

    def boundary_loops(self) -> list[IntArray]:
        """Boundary loops, each as its vertices in order, with the surface on the left."""
        border = np.flatnonzero(self._mesh.halfedge_face_indices() == -1)
        visited: set[int] = set()
        loops = []
        for start in border.tolist():
            loop = []
            while start not in visited:
                visited.add(start)
                handle = self._mesh.halfedge_handle(start)
                loop.append(self._mesh.from_vertex_handle(handle).idx())
                start = self._mesh.next_halfedge_handle(handle).idx()
            if loop:
                # A half-edge without face has the surface on its right.
                loops.append(np.array(loop[::-1], dtype=np.int64))
        return loops
