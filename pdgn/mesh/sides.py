"""The sides of faces, and what they join: edges, fans round a vertex, boundary loops, parts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

IntArray = NDArray[np.int64]


class Sides(NamedTuple):
    """Every side of every face: side 3f + k runs from corner k to corner k + 1 of face f. Any input, manifold or not.

    Attributes:
        face: [F, 3] the faces, none with a repeated vertex.
        num_vertices: V.
        edge: [3F] number of the undirected edge on which a side lies.
        forward: [3F] true where it runs from the lower to the higher vertex.
        key: [U] low · V + high of every undirected edge.
        multiplicity: [U] number of sides on it.
    """

    face: IntArray
    num_vertices: int
    edge: IntArray
    forward: NDArray[np.bool_]
    key: IntArray
    multiplicity: IntArray

    @classmethod
    def of(cls, face: IntArray, num_vertices: int) -> Sides:
        """The sides of faces [F, 3] without repeated vertices."""
        tail, head = face.ravel(), np.roll(face, -1, axis=1).ravel()
        key = np.minimum(tail, head) * num_vertices + np.maximum(tail, head)
        order = np.argsort(key, kind="stable")  # most meshes are partly in order, which this sort makes use of
        ordered = key[order]
        starts = np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(key)]
        edge = np.empty(len(key), dtype=np.int64)
        edge[order] = np.cumsum(starts) - 1
        first = np.flatnonzero(starts)
        return cls(face, num_vertices, edge, tail < head, ordered[first], np.diff(first, append=len(key)))

    def directed(self) -> tuple[IntArray, IntArray]:
        """Every edge both ways as `symmetric_edges` has them, [2, E], and the undirected edge of each, [E]."""
        low = self.key // self.num_vertices
        high = self.key - low * self.num_vertices
        both = np.concatenate([self.key, high * self.num_vertices + low])
        order = np.argsort(both, kind="stable")
        both = both[order]
        target = both // self.num_vertices
        order[order >= len(low)] -= len(low)
        return np.stack([both - target * self.num_vertices, target]), order

    def pairs(self, selected: NDArray[np.bool_]) -> IntArray:
        """Vertex pairs i < j of the selected undirected edges, [n, 2]."""
        return np.stack(np.divmod(self.key[selected], self.num_vertices), axis=1)

    def inconsistent(self) -> NDArray[np.bool_]:
        """True for undirected edges of two faces whose sides run the same way, [U]."""
        forward = np.bincount(self.edge, self.forward, len(self.key))
        return (self.multiplicity == 2) & (forward != 1)

    def partners(self) -> tuple[IntArray, IntArray]:
        """The two sides of every edge that has exactly two, [n] and [n]."""
        order = np.argsort(self.edge, kind="stable")
        start = (np.cumsum(self.multiplicity) - self.multiplicity)[self.multiplicity == 2]
        return order[start], order[start + 1]

    def parts(self) -> tuple[IntArray, int]:
        """Faces joined across edges of two faces: part of every face [F], and the number of parts."""
        first, second = self.partners()
        return _components(first // 3, second // 3, len(self.face))

    def fans(self) -> tuple[IntArray, IntArray]:
        """Corners of one vertex joined across edges of two faces: fan of every corner [3F], vertex of every fan.

        A vertex of a manifold has one fan.
        """
        num = self.face.size
        first, second = self.partners()
        head = _head(np.arange(num))
        same = self.forward[first] == self.forward[second]
        at_tail = np.where(same, second, head[second])
        at_head = np.where(same, head[second], second)
        fan, num_fans = _components(np.concatenate([first, head[first]]), np.concatenate([at_tail, at_head]), num)
        vertex = np.empty(num_fans, dtype=np.int64)
        vertex[fan] = self.face.ravel()
        return fan, vertex

    def boundary_loops(self, fan: IntArray, num_fans: int) -> int:
        """Number of closed chains of boundary edges; chains that touch at a vertex of several fans stay apart."""
        border = np.flatnonzero(self.multiplicity[self.edge] == 1)
        if not len(border):
            return 0
        tail = fan[border]
        label, _ = _components(tail, fan[_head(border)], num_fans)
        return int(np.count_nonzero(np.bincount(label[tail])))


def repeats_a_vertex(face: IntArray) -> NDArray[np.bool_]:
    """True for faces [F, 3] of which two corners are one vertex, [F]."""
    return (face[:, 0] == face[:, 1]) | (face[:, 1] == face[:, 2]) | (face[:, 2] == face[:, 0])


def _head(side: IntArray) -> IntArray:
    """The corner at which a side ends (it starts at the corner of its own number)."""
    return 3 * (side // 3) + (side + 1) % 3


def _components(rows: IntArray, columns: IntArray, num: int) -> tuple[IntArray, int]:
    graph = coo_matrix((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(num, num))
    count, label = connected_components(graph, directed=False)
    return label.astype(np.int64), int(count)
