"""The triangle mesh that everything else takes: validated, immutable, float64."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pdgn.mesh.directed_edges import symmetric_edges
from pdgn.mesh.half_edges import HalfEdges
from pdgn.mesh.period import Period, check_period, minimal_image
from pdgn.mesh.sides import Sides, repeats_a_vertex
from pdgn.mesh.topology import Topology, measure_degenerate, measure_topology
from pdgn.mesh.validation import check_face, check_periodic_face, check_pos
from pdgn.mesh.vectors import cross, length

if TYPE_CHECKING:
    from torch_geometric.data import Data

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class TriMesh:
    """A triangle mesh: positions, faces and, where the domain is a flat torus, its periods.

    Faces are oriented: seen from the side of its normal, a face runs counter-clockwise. Arrays are read-only copies.
    Vertices at the same position are legal (seams). Whatever else may be wrong with a mesh is told by `topology`.

    Args:
        pos: [V, 3] float64, vertex positions in any unit of length.
        face: [F, 3] int64, vertex indices in [0, V).
        period: None or (Lx, Ly, Lz) in units of pos; 0 where an axis is not periodic. Edges are then the shortest ones.

    Raises:
        ValueError: where an array is empty, of the wrong shape, not finite or out of range, or where a face spans half
            a period, so that its corners cannot be told apart from their images.
        TypeError: where an array cannot be converted.
    """

    pos: FloatArray
    face: IntArray
    period: Period | None = None

    def __post_init__(self) -> None:
        pos = check_pos(self.pos)
        face = check_face(self.face, len(pos))
        period = check_period(self.period)
        check_periodic_face(pos, face, period)
        object.__setattr__(self, "pos", _frozen(pos))
        object.__setattr__(self, "face", _frozen(face))
        object.__setattr__(self, "period", period)

    def __repr__(self) -> str:
        period = "" if self.period is None else f", period={self.period}"
        return f"TriMesh(V={self.num_vertices}, F={self.num_faces}{period})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Through the constructor: unpickled arrays would be writable.
        return TriMesh, (self.pos, self.face, self.period)

    @property
    def num_vertices(self) -> int:
        """Number of vertices V, isolated ones included."""
        return len(self.pos)

    @property
    def num_faces(self) -> int:
        """Number of faces F."""
        return len(self.face)

    @cached_property
    def corners(self) -> FloatArray:
        """Corner positions of every face, [F, 3, 3] (face, corner, axis); where periodic, near the first corner."""
        corners = self.pos[self.face]
        if self.period is not None:
            corners = corners[:, :1] + minimal_image(corners - corners[:, :1], self.period)
        return _frozen(corners)

    @cached_property
    def edge_index(self) -> IntArray:
        """Every edge in both directions, [2, E]: row 0 source j, row 1 target i; sorted by target, then source."""
        return self.directed_edges[0]

    @cached_property
    def sides(self) -> Sides:
        """The sides of the faces, those with a repeated vertex left out."""
        return Sides.of(self.face[~repeats_a_vertex(self.face)], self.num_vertices)

    @cached_property
    def directed_edges(self) -> tuple[IntArray, IntArray | None]:
        """`edge_index` and the edge of `sides` that each belongs to, [E]; None where a face repeats a vertex."""
        if len(self.sides.face) == self.num_faces:
            edge_index, number = self.sides.directed()
            return _frozen(edge_index), _frozen(number)
        tail, head = self.face.ravel(), np.roll(self.face, -1, axis=1).ravel()
        return _frozen(symmetric_edges(tail, head, self.num_vertices)), None

    @cached_property
    def edge_vector(self) -> FloatArray:
        """x_j − x_i from target to source of every directed edge, [E, 3], units of pos; the shortest image."""
        source, target = self.edge_index
        return _frozen(minimal_image(self.pos[source] - self.pos[target], self.period))

    @cached_property
    def edge_length(self) -> FloatArray:
        """|x_j − x_i| of every directed edge, [E], units of pos."""
        return _frozen(length(self.edge_vector))

    @cached_property
    def area_vector(self) -> FloatArray:
        """½ (x₁ − x₀) × (x₂ − x₀) of every face, [F, 3]: along the normal, as long as the area."""
        first, second, third = self.corners[:, 0], self.corners[:, 1], self.corners[:, 2]
        with np.errstate(over="ignore", invalid="ignore"):  # beyond 1e154 areas overflow; who needs them refuses them
            return _frozen(0.5 * cross(second - first, third - first))

    @cached_property
    def face_area(self) -> FloatArray:
        """Area of every face, [F], units of pos squared."""
        return _frozen(length(self.area_vector))

    @cached_property
    def face_normal(self) -> FloatArray:
        """Unit normal of every face, [F, 3]; zero where the area is zero."""
        return _frozen(_unit(self.area_vector))

    @cached_property
    def vertex_normal(self) -> FloatArray:
        """Unit normal at every vertex, [V, 3]; zero at isolated vertices.

        n_i ∝ Σ_f θ_if n_f, with the corner angles θ as weights, so that it does not depend on how a flat part is cut.

        Reference: Thürmer & Wüthrich, "Computing vertex normals from polygonal facets", 1998.
        """
        side = [self.corners[:, (k + 1) % 3] - self.corners[:, k] for k in range(3)]
        # Half the cross product of two sides is the area vector, at every corner.
        angle = [np.arctan2(self.face_area, -0.5 * np.einsum("fc,fc->f", side[k], side[k - 1])) for k in range(3)]
        index, weight = self.face.ravel(), np.stack(angle, axis=1)
        total = [
            np.bincount(index, (weight * self.face_normal[:, axis, None]).ravel(), self.num_vertices)
            for axis in range(3)
        ]
        return _frozen(_unit(np.stack(total, axis=1)))

    @cached_property
    def boundary(self) -> NDArray[np.bool_]:
        """True at the vertices of edges that belong to one face only, [V]."""
        result = np.zeros(self.num_vertices, dtype=bool)
        if len(self.sides.face) == self.num_faces:
            result[self.sides.pairs(self.sides.multiplicity == 1)] = True
            return _frozen(result)
        tail, head = self.face.ravel(), np.roll(self.face, -1, axis=1).ravel()
        low, high = np.minimum(tail, head), np.maximum(tail, head)
        key, count = np.unique((low * self.num_vertices + high)[low != high], return_counts=True)
        result[np.concatenate(np.divmod(key[count == 1], self.num_vertices))] = True
        return _frozen(result)

    @cached_property
    def component(self) -> IntArray:
        """Number of the connected component of every vertex, [V], from 0; an isolated vertex is one of its own."""
        source, target = self.edge_index
        shape = (self.num_vertices, self.num_vertices)
        graph = coo_matrix((np.ones(len(source), dtype=np.int8), (target, source)), shape=shape)
        return _frozen(connected_components(graph, directed=False)[1].astype(np.int64))

    @cached_property
    def degenerate(self) -> NDArray[np.bool_]:
        """True for faces with a repeated vertex or of zero area: 2A ≤ 1e-12 · longest edge², [F]."""
        return _frozen(measure_degenerate(self))

    @cached_property
    def _topology(self) -> Topology:
        return measure_topology(self)

    def topology(self) -> Topology:
        """What is connected to what, and what is wrong with it: counts and index lists (computed once)."""
        return self._topology

    def require(
        self, *, closed: bool = False, manifold: bool = False, oriented: bool = False, max_components: int | None = None
    ) -> None:
        """Refuse the mesh unless it is what an algorithm needs.

        Args:
            closed: no boundary edge.
            manifold: no non-manifold edge or vertex.
            oriented: neighbouring faces agree on their orientation.
            max_components: at most so many connected components (isolated vertices not counted).

        Raises:
            ValueError: one line with the counts of what is in the way.
        """
        report = self.topology()
        failures = []
        if closed and not report.closed:
            failures.append(f"closed, but it has {report.boundary_loops} boundary loops")
        if manifold and not report.manifold:
            edges, vertices = len(report.non_manifold_edges), len(report.non_manifold_vertices)
            failures.append(f"manifold, but it has {edges} non-manifold edges and {vertices} non-manifold vertices")
        if oriented and len(report.inconsistent_edges):
            failures.append(f"consistently oriented, but faces disagree at {len(report.inconsistent_edges)} edges")
        if max_components is not None and report.components > max_components:
            failures.append(f"of at most {max_components} components, but it has {report.components}")
        if failures:
            raise ValueError("the mesh must be " + "; ".join(failures))

    def half_edges(self) -> HalfEdges:
        """The mesh as OpenMesh's half-edges: ordered rings and boundary loops.

        Raises:
            ValueError: where the mesh is not an oriented manifold, which half-edges cannot hold.
        """
        return HalfEdges(self)

    def to_data(self) -> Data:
        """The mesh as `torch_geometric.data.Data`: pos [V, 3] float64, face [3, F], edge_index [2, E] int64."""
        import torch
        from torch_geometric.data import Data

        return Data(
            pos=torch.tensor(self.pos),
            face=torch.tensor(np.ascontiguousarray(self.face.T)),
            edge_index=torch.tensor(self.edge_index),
        )


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def _unit(vector: FloatArray) -> FloatArray:
    size = length(vector)[:, None]
    return np.divide(vector, size, out=np.zeros_like(vector), where=size > 0)
