"""The connected components of a mesh, one at a time, as the distance solvers want them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from pdgn.mesh import TriMesh
from pdgn.operators.refusal import refuse_degenerate


class Component(NamedTuple):
    """A component that has faces: its vertices [n] and faces [m] in the mesh, positions [n, 3], faces [m, 3] in local
    numbers; where all vertices are in it, its place is a slice, which is faster than their numbers."""

    vertices: NDArray[np.int64]
    place: NDArray[np.int64] | slice
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
        # A graph in which every face is joined to its corners: one that needs no sorting.
        faces, total = len(self._face), len(self._face) + len(self._pos)
        start = np.minimum(3 * np.arange(total + 1), 3 * faces).astype(np.int32)
        corner = (faces + self._face.ravel()).astype(np.int32)
        graph = csr_matrix((np.ones(len(corner)), corner, start), shape=(total, total))
        self.label = connected_components(graph, directed=False)[1][faces:].astype(np.int64)
        self.isolated = np.bincount(self._face.ravel(), minlength=len(self._pos)) == 0

    def __getitem__(self, number: int) -> Component:
        """The component of a number in `label`, cut out once."""
        if number not in self._parts:
            inside = self.label == number
            faces = np.flatnonzero(inside[self._face[:, 0]])
            if inside.all():
                self._parts[number] = Component(np.arange(len(inside)), slice(None), faces, self._pos, self._face)
            else:
                pos, local = np.ascontiguousarray(self._pos[inside]), np.cumsum(inside) - 1
                vertices = np.flatnonzero(inside)
                self._parts[number] = Component(vertices, vertices, faces, pos, local[self._face[faces]])
        return self._parts[number]


# Square of twice the area over the longest edge squared from which on no face is degenerate, whatever the rounding.
_SLIVER = 1e-12
# Faces round one vertex from which on `topology` is asked.
_MANY_FACES = 100

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
        if not _is_oriented_manifold(mesh):
            try:
                mesh.require(manifold=True)
            except ValueError as error:
                raise ValueError(f"{error} (repair(mesh, non_manifold=True) takes it apart)") from error
        _CHECKED[mesh] = Components(mesh)
    return _CHECKED[mesh]


def _may_be_degenerate(mesh: TriMesh) -> bool:
    """False only where no face is degenerate, by far: 4A² = |u|²|v|² − (u·v)² keeps half of the digits of A."""
    corner = mesh.pos[mesh.face]
    u, v = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    with np.errstate(over="ignore", invalid="ignore"):
        uu, vv, uv = (np.einsum("fc,fc->f", one, other) for one, other in ((u, u), (v, v), (u, v)))
        longest = np.maximum(np.maximum(uu, vv), uu + vv - 2 * uv)
        return not bool((uu * vv - uv**2 > _SLIVER * longest**2).all())


def _is_oriented_manifold(mesh: TriMesh) -> bool:
    """True only where the faces round every vertex form one fan and agree on their orientation, in a tenth of the time
    of `topology`; false also where a vertex has so many faces that to walk round it takes longer."""
    side = np.arange(mesh.face.size).reshape(-1, 3)  # 3f + k, from corner k of face f to the next
    tail, head = mesh.face.ravel(), np.roll(mesh.face, -1, axis=1).ravel()
    forward = tail < head
    key = np.where(forward, tail, head) * mesh.num_vertices + np.where(forward, head, tail)
    order = np.argsort(key, kind="stable")
    same = key[order[1:]] == key[order[:-1]]
    pair = np.flatnonzero(same)
    one, other = order[pair], order[pair + 1]
    degree = np.bincount(tail, minlength=mesh.num_vertices)
    if (same[1:] & same[:-1]).any() or (forward[one] == forward[other]).any() or degree.max() > _MANY_FACES:
        return False
    twin = np.full(len(tail), -1)
    twin[one], twin[other] = other, one
    start = np.zeros(mesh.num_vertices, dtype=np.int64)
    start[tail] = side.ravel()
    border = np.flatnonzero(twin < 0)
    start[tail[border]] = border  # where there is a boundary, at its one end
    return _walk(twin[np.roll(side, 1, axis=1).ravel()], start[degree > 0], degree[degree > 0])


def _walk(following: NDArray[np.int64], start: NDArray[np.int64], degree: NDArray[np.int64]) -> bool:
    """Whether walks round vertices, from a side to the following one, −1 at a boundary, meet all sides of each."""
    here, left = start, degree
    while len(here):
        here, left = following[here], left - 1
        on = (here >= 0) & (here != start)
        if (left[~on] > 0).any():
            return False
        here, start, left = here[on], start[on], left[on]
    return True


@contextmanager
def library_errors() -> Iterator[None]:
    """Turn what a distance library raises into one line; also a decorator.

    Raises:
        ValueError: the library failed, as it does on faces so thin that its systems lose all digits.
    """
    try:
        yield
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"geodesic distances: the library failed on this mesh ({reason}); take another method, or a mesh with "
            "better faces"
        ) from error


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
