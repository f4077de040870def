"""The connected components of a mesh, one at a time, as the distance solvers want them."""

from __future__ import annotations

from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pdgn.mesh import TriMesh
from pdgn.mesh.sides import Sides
from pdgn.mesh.topology import DEGENERATE_RATIO
from pdgn.operators.refusal import refuse_degenerate


class Component(NamedTuple):
    """A component that has faces: its vertices [n] and faces [m] in the mesh, positions [n, 3], faces [m, 3] in local
    numbers."""

    vertices: NDArray[np.int64]
    faces: NDArray[np.int64]
    pos: NDArray[np.float64]
    face: NDArray[np.int64]

    def local(self, vertex: NDArray[np.int64]) -> NDArray[np.int64]:
        """The local numbers of vertices of this component."""
        return np.searchsorted(self.vertices, vertex)


class Components:
    """Which vertices are joined, on a mesh that distance solvers can take.

    Attributes:
        label: [V] int64, number of the component of every vertex; an isolated vertex is one of its own.
        isolated: [V] bool, true at vertices without a face.
    """

    def __init__(self, mesh: TriMesh) -> None:
        self._pos, self._face = mesh.pos, mesh.face
        self._parts: dict[int, Component] = {}
        rows, columns = self._face[:, :2].ravel(), self._face[:, 1:].ravel()
        shape = (len(self._pos), len(self._pos))
        graph = coo_matrix((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=shape)
        self.label = connected_components(graph, directed=False)[1].astype(np.int64)
        self.isolated = np.bincount(self._face.ravel(), minlength=len(self._pos)) == 0

    def __getitem__(self, number: int) -> Component:
        """The component of a number in `label`, cut out once."""
        if number not in self._parts:
            inside = self.label == number
            faces = np.flatnonzero(inside[self._face[:, 0]])
            if inside.all():
                self._parts[number] = Component(np.arange(len(inside)), faces, self._pos, self._face)
            else:
                pos, local = np.ascontiguousarray(self._pos[inside]), np.cumsum(inside) - 1
                self._parts[number] = Component(np.flatnonzero(inside), faces, pos, local[self._face[faces]])
        return self._parts[number]


# Checked and cut once per mesh, however many sources and methods follow; gone with the mesh.
_CHECKED: WeakKeyDictionary[TriMesh, Components] = WeakKeyDictionary()


def solvable_components(mesh: TriMesh) -> Components:
    """The components of a mesh; meshes on which distance solvers fail, most of them without a word, are refused.

    Raises:
        ValueError: where the mesh is periodic, has degenerate faces, or non-manifold edges or vertices.
    """
    if mesh not in _CHECKED:
        if mesh.period is not None:
            raise ValueError(f"geodesic distances need a mesh without period, got period {mesh.period}")
        if _may_be_degenerate(mesh):
            refuse_degenerate(mesh)
        if not _is_manifold(mesh):
            try:
                mesh.require(manifold=True)
            except ValueError as error:
                raise ValueError(f"{error} (repair(mesh, non_manifold=True) takes it apart)") from error
        _CHECKED[mesh] = Components(mesh)
    return _CHECKED[mesh]


def _may_be_degenerate(mesh: TriMesh) -> bool:
    """False only where no face is degenerate: several times faster than to ask for each, twice as strict."""
    pos = np.ascontiguousarray(mesh.pos.T)
    first, second, third = mesh.face.T
    u, v = pos[:, second] - pos[:, first], pos[:, third] - pos[:, first]
    x, y, z = u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]
    longest = np.maximum(np.maximum((u**2).sum(0), (v**2).sum(0)), ((u - v) ** 2).sum(0))
    area = np.sqrt(x**2 + y**2 + z**2)
    return not bool(((area > 2 * DEGENERATE_RATIO * longest) & np.isfinite(area)).all())


def _is_manifold(mesh: TriMesh) -> bool:
    """What `topology` says, in a fifth of its time: true where every vertex has one fan of faces. The ends of an edge
    of three faces have more, as fans are joined across edges of two."""
    _, fan_vertex = Sides.of(mesh.face, mesh.num_vertices).fans()
    return len(fan_vertex) == np.count_nonzero(np.bincount(mesh.face.ravel()))


def check_solution(distance: object, num_vertices: int, method: str) -> NDArray[np.float64]:
    """The distances of one component, refused where a solver has failed quietly.

    Raises:
        ValueError: where there are too few of them or one is not finite.
    """
    result = np.asarray(distance, dtype=np.float64).ravel()
    if len(result) != num_vertices or not np.isfinite(result).all():
        raise ValueError(
            f"the {method} solver must give {num_vertices} finite distances, got {len(result)}, "
            f"of which {np.count_nonzero(~np.isfinite(result))} are not finite"
        )
    return result


def check_vertices(name: str, vertices: object, num_vertices: int) -> NDArray[np.int64]:
    """Vertex indices [S] int64, at least one.

    Args:
        name: what they are, for the message. vertices: one index or several. num_vertices: V.

    Raises:
        ValueError: where they are not integers, not a list, or out of range.
    """
    given = np.atleast_1d(np.asarray(vertices))
    if given.ndim != 1 or not given.size or not np.issubdtype(given.dtype, np.integer):
        raise ValueError(
            f"{name} must be vertex indices, at least one, got shape {list(given.shape)} and dtype {given.dtype}"
        )
    outside = given[(given < 0) | (given >= num_vertices)]
    if len(outside):
        raise ValueError(f"{name} must lie in [0, {num_vertices}), got {outside[0]}")
    return given.astype(np.int64)
