"""What is connected to what in a mesh, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

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
        inward_components: number of parts that are closed with negative volume, or lie in the plane z = const and run
            clockwise.
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


class _Sides(NamedTuple):
    """Every side of every face: side 3f + k runs from corner k to corner k + 1 of face f."""

    edge: IntArray  # [3F] number of the undirected edge
    forward: NDArray[np.bool_]  # [3F] from the lower to the higher vertex
    key: IntArray  # [U] low · V + high of every undirected edge
    count: IntArray  # [U] number of sides on it


def measure_topology(mesh: TriMesh) -> Topology:
    """Count and list what `Topology` names, by sorting edges: no loop over vertices, any input.

    Args:
        mesh: any mesh.
    """
    repeated = (mesh.face == np.roll(mesh.face, -1, axis=1)).any(axis=1)
    face = mesh.face[~repeated]
    sides = _sides(face, mesh.num_vertices)
    fan_of_corner, num_fans, fan_vertex = _fans(face, sides)
    used = np.unique(face)
    return Topology(
        isolated_vertices=np.setdiff1d(np.arange(mesh.num_vertices), mesh.face),
        degenerate_faces=np.flatnonzero(degenerate(mesh)),
        duplicate_faces=_duplicates(mesh.face, repeated),
        zero_length_edges=_zero_length_edges(mesh),
        non_manifold_edges=_pairs(sides.key[sides.count > 2], mesh.num_vertices),
        non_manifold_vertices=np.flatnonzero(np.bincount(fan_vertex, minlength=mesh.num_vertices) > 1),
        inconsistent_edges=_pairs(sides.key[inconsistent(sides)], mesh.num_vertices),
        components=len(np.unique(mesh.component[used])),
        boundary_edges=int((sides.count == 1).sum()),
        boundary_loops=_boundary_loops(sides, fan_of_corner, num_fans),
        euler_characteristic=len(used) - len(sides.key) + len(face),
        inward_components=int(inward_components(mesh).sum()),
    )


def degenerate(mesh: TriMesh) -> NDArray[np.bool_]:
    """True for faces with a repeated vertex or of zero area: 2A ≤ 1e-12 · longest edge², [F]."""
    repeated = (mesh.face == np.roll(mesh.face, -1, axis=1)).any(axis=1)
    side = np.roll(mesh.corners, -1, axis=1) - mesh.corners
    longest = np.einsum("fkc,fkc->fk", side, side).max(axis=1)
    return repeated | (2 * mesh.face_area <= DEGENERATE_RATIO * longest)


def inward_components(mesh: TriMesh) -> NDArray[np.bool_]:
    """True for components that are closed with negative volume, or lie in z = const and run clockwise.

    Volume = ⅓ Σ_f x_f · A_f about the component's own centre (A_f the area vector); on a periodic domain there is none.

    Returns:
        [number of values of mesh.component] bool; isolated vertices are never inward.
    """
    num = int(mesh.component.max()) + 1
    of_face = mesh.component[mesh.face[:, 0]]
    low, high = np.full(num, np.inf), np.full(num, -np.inf)
    np.minimum.at(low, mesh.component, mesh.pos[:, 2])
    np.maximum.at(high, mesh.component, mesh.pos[:, 2])
    flat = high - low <= 1e-12 * np.ptp(mesh.pos, axis=0).max()
    signed_area = np.bincount(of_face, mesh.area_vector[:, 2], num)
    if mesh.period is not None:
        return flat & (signed_area < 0)
    is_open = np.zeros(num, dtype=bool)
    is_open[mesh.component[mesh.boundary]] = True
    size = np.bincount(mesh.component, minlength=num)
    centre = np.stack([np.bincount(mesh.component, mesh.pos[:, axis], num) / size for axis in range(3)], axis=1)
    moment = np.einsum("fc,fc->f", mesh.corners.mean(axis=1) - centre[of_face], mesh.area_vector)
    volume = np.bincount(of_face, moment, num) / 3
    return np.where(flat, signed_area < 0, ~is_open & (volume < 0))


def _sides(face: IntArray, num_vertices: int) -> _Sides:
    tail, head = face.ravel(), np.roll(face, -1, axis=1).ravel()
    key = np.minimum(tail, head) * num_vertices + np.maximum(tail, head)
    unique, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
    return _Sides(inverse.ravel(), tail < head, unique, count)


def inconsistent(sides: _Sides) -> NDArray[np.bool_]:
    """True for undirected edges whose two sides run the same way, [U]."""
    forward = np.bincount(sides.edge, sides.forward, len(sides.key))
    return (sides.count == 2) & (forward != 1)


def side_pairs(sides: _Sides) -> tuple[IntArray, IntArray]:
    """The two sides (numbers 3f + k) of every edge that has exactly two, [n] and [n]."""
    order = np.argsort(sides.edge, kind="stable")
    start = np.cumsum(sides.count) - sides.count
    first = start[sides.count == 2]
    return order[first], order[first + 1]


def _fans(face: IntArray, sides: _Sides) -> tuple[IntArray, int, IntArray]:
    """Fans of faces: corners of one vertex joined across edges of two faces; fan of every corner, number, vertex."""
    num = face.size
    first, second = side_pairs(sides)
    # A side 3f + k ends at corners 3f + k and 3f + (k + 1) % 3; opposite directions join tail to head.
    tails, heads = np.arange(num), np.roll(np.arange(num).reshape(-1, 3), -1, axis=1).ravel()
    same = sides.forward[first] == sides.forward[second]
    partner_of_tail = np.where(same, tails[second], heads[second])
    partner_of_head = np.where(same, heads[second], tails[second])
    rows = np.concatenate([tails[first], heads[first]])
    columns = np.concatenate([partner_of_tail, partner_of_head])
    graph = coo_matrix((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(num, num))
    num_fans, label = connected_components(graph, directed=False)
    vertex = np.empty(num_fans, dtype=np.int64)
    vertex[label] = face.ravel()
    return label.astype(np.int64), num_fans, vertex


def _boundary_loops(sides: _Sides, fan_of_corner: IntArray, num_fans: int) -> int:
    """Closed chains of boundary edges; a vertex of several fans does not join the chains that touch there."""
    border = np.flatnonzero(sides.count[sides.edge] == 1)
    if not len(border):
        return 0
    head = 3 * (border // 3) + (border + 1) % 3
    rows, columns = fan_of_corner[border], fan_of_corner[head]
    graph = coo_matrix((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(num_fans, num_fans))
    label = connected_components(graph, directed=False)[1]
    return len(np.unique(label[rows]))


def _duplicates(face: IntArray, repeated: NDArray[np.bool_]) -> IntArray:
    ordered = np.sort(face, axis=1)
    _, first = np.unique(ordered, axis=0, return_index=True)
    later = np.ones(len(face), dtype=bool)
    later[first] = False
    return np.flatnonzero(later & ~repeated)


def _zero_length_edges(mesh: TriMesh) -> IntArray:
    source, target = mesh.edge_index
    zero = (mesh.edge_length == 0) & (source < target)
    return np.stack([source[zero], target[zero]], axis=1)


def _pairs(key: IntArray, num_vertices: int) -> IntArray:
    return np.stack(np.divmod(key, num_vertices), axis=1)
