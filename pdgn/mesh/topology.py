"""What is connected to what in a mesh, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh.sides import Sides, repeats_a_vertex
from pdgn.mesh.vectors import cross

if TYPE_CHECKING:
    from pdgn.mesh.tri_mesh import TriMesh

IntArray = NDArray[np.int64]

# Twice the area over the longest edge squared below which a face is a line: cotangents there would exceed 1e12.
DEGENERATE_RATIO = 1e-12


class Topology(NamedTuple):
    """Connectivity and defects of a mesh.

    Defects are index arrays in ascending order, so that they can be counted and looked at. Faces with a repeated
    vertex count as degenerate and as nothing else.

    Attributes:
        isolated_vertices: [n] vertices in no face.
        degenerate_faces: [n] faces with a repeated vertex or of zero area (2A ≤ 1e-12 · longest edge²).
        duplicate_faces: [n] faces with the same three vertices as an earlier face, in whatever order.
        zero_length_edges: [n, 2] pairs of vertices i < j at the same position joined by an edge.
        non_manifold_edges: [n, 2] pairs i < j whose edge belongs to three faces or more.
        non_manifold_vertices: [n] vertices whose faces form more than one fan (joined across manifold edges).
        inconsistent_edges: [n, 2] pairs i < j whose two faces run along the edge in the same direction.
        components: number of connected parts that have faces; isolated vertices are not counted.
        boundary_edges: number of edges of exactly one face.
        boundary_loops: number of closed chains of boundary edges.
        euler_characteristic: V − edges + F, isolated vertices and degenerate faces left out.
        inward_components: number of parts (faces joined across edges) that are closed with negative volume, or lie in
            a plane z = const and run clockwise. A cavity inside a closed surface counts, if its normals point at solid.
    """

    isolated_vertices: IntArray
    degenerate_faces: IntArray
    duplicate_faces: IntArray
    zero_length_edges: IntArray
    non_manifold_edges: IntArray
    non_manifold_vertices: IntArray
    inconsistent_edges: IntArray
    components: int
    boundary_edges: int
    boundary_loops: int
    euler_characteristic: int
    inward_components: int

    @property
    def closed(self) -> bool:
        """True where no edge has only one face."""
        return self.boundary_edges == 0

    @property
    def manifold(self) -> bool:
        """True where every edge has at most two faces and every vertex one fan of faces."""
        return not len(self.non_manifold_edges) and not len(self.non_manifold_vertices)

    @property
    def inward(self) -> bool:
        """True where a part of the mesh is inside out or clockwise."""
        return self.inward_components > 0

    def describe(self) -> str:
        """One line: what the mesh is, then every defect with its count."""
        parts = f"{self.components} component{'s' if self.components != 1 else ''}"
        border = "closed" if self.closed else f"{self.boundary_loops} boundary loops"
        defects = [
            f"{len(value)} {name.replace('_', ' ')}"
            for name, value in self._asdict().items()
            if isinstance(value, np.ndarray) and len(value)
        ]
        if self.inward:
            defects.append(f"{self.inward_components} inward or clockwise components")
        found = "; ".join(defects) or "no defects"
        return f"{parts}, {border}, Euler characteristic {self.euler_characteristic}; {found}"


def measure_topology(mesh: TriMesh) -> Topology:
    """Count and list what `Topology` names, by sorting edges: no loop over vertices, any input.

    Args:
        mesh: any mesh.
    """
    repeated, sides = repeats_a_vertex(mesh.face), mesh.sides
    face = sides.face
    corners = mesh.corners[~repeated] if repeated.any() else mesh.corners
    fan, fan_vertex = sides.fans()
    used = np.flatnonzero(np.bincount(face.ravel(), minlength=mesh.num_vertices))
    return Topology(
        isolated_vertices=np.flatnonzero(np.bincount(mesh.face.ravel(), minlength=mesh.num_vertices) == 0),
        degenerate_faces=np.flatnonzero(mesh.degenerate),
        duplicate_faces=_duplicates(mesh.face, repeated),
        zero_length_edges=_zero_length_edges(mesh),
        non_manifold_edges=sides.pairs(sides.multiplicity > 2),
        non_manifold_vertices=np.flatnonzero(np.bincount(fan_vertex, minlength=mesh.num_vertices) > 1),
        inconsistent_edges=sides.pairs(sides.inconsistent()),
        components=len(np.unique(mesh.component[used])),
        boundary_edges=int((sides.multiplicity == 1).sum()),
        boundary_loops=sides.boundary_loops(fan, len(fan_vertex)),
        euler_characteristic=len(used) - len(sides.key) + len(face),
        inward_components=int(inward_parts(corners, sides, mesh.period is not None)[0].sum()),
    )


def measure_degenerate(mesh: TriMesh) -> NDArray[np.bool_]:
    """What `TriMesh.degenerate` says, [F]."""
    repeated = repeats_a_vertex(mesh.face)
    side = [mesh.corners[:, (k + 1) % 3] - mesh.corners[:, k] for k in range(3)]
    longest = np.stack([np.einsum("fc,fc->f", vector, vector) for vector in side]).max(axis=0)
    # Where squares overflow, from sides of 1e154 on, no area is known: NaN and infinity compare as degenerate.
    return repeated | ~((2 * mesh.face_area > DEGENERATE_RATIO * longest) & np.isfinite(mesh.face_area))


def inward_parts(corners: NDArray[np.float64], sides: Sides, periodic: bool) -> tuple[NDArray[np.bool_], IntArray]:
    """Parts of a mesh (faces joined across edges) that are inside out or clockwise.

    A part is inside out where it is closed and its volume ⅓ Σ_f x_f · A_f is negative (A_f the
    area vector), clockwise where it lies in a plane z = const and Σ_f A_f points down.

    Args:
        corners: [F, 3, 3] corner positions of faces without repeated vertices.
        sides: the sides of the same faces.
        periodic: on a periodic domain a part has no volume.

    Returns:
        (inward [number of parts] bool, part [F] of every face).
    """
    part, num = sides.parts()
    if not num:
        return np.zeros(0, dtype=bool), part
    area_vector = 0.5 * cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    order = np.argsort(part, kind="stable")
    first, height = np.searchsorted(part[order], np.arange(num)), corners[:, :, 2].T
    low = np.minimum.reduceat(height.min(axis=0)[order], first)
    high = np.maximum.reduceat(height.max(axis=0)[order], first)
    # Rounding of the coordinates leaves a plane by 1e-16 of the size.
    flat = high - low <= 1e-12 * max(np.ptp(corners[:, :, axis]) for axis in range(3))
    down = flat & (np.bincount(part, area_vector[:, 2], num) < 0)
    if periodic:
        return down, part
    is_open = np.zeros(num, dtype=bool)
    is_open[part[np.flatnonzero(sides.multiplicity[sides.edge] == 1) // 3]] = True
    middle = corners[:, 0] / 3 + corners[:, 1] / 3 + corners[:, 2] / 3  # no overflow of the sum
    # Any origin will do, as the area vectors of a closed part sum to zero; a near one keeps rounding small.
    moment = np.einsum("fc,fc->f", middle - middle.mean(axis=0), area_vector)
    return np.where(flat, down, ~is_open & (np.bincount(part, moment, num) < 0)), part


def _duplicates(face: IntArray, repeated: NDArray[np.bool_]) -> IntArray:
    ordered = np.sort(face, axis=1)
    order = np.lexsort(ordered.T)
    same = (ordered[order[1:]] == ordered[order[:-1]]).all(axis=1)
    # lexsort is stable: of equal faces the one that comes first in the mesh comes first here.
    later = np.zeros(len(face), dtype=bool)
    later[order[1:][same]] = True
    return np.flatnonzero(later & ~repeated)


def _zero_length_edges(mesh: TriMesh) -> IntArray:
    source, target = mesh.edge_index
    zero = (mesh.edge_length == 0) & (source < target)
    return np.stack([source[zero], target[zero]], axis=1)
