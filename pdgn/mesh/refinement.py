"""Finer meshes of the same surface."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh.period import Period, minimal_image
from pdgn.mesh.tri_mesh import TriMesh

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def refine(mesh: TriMesh, project: Callable[[FloatArray], FloatArray] | None = None) -> TriMesh:
    """Every face cut in four at the middles of its sides.

    V' = V + number of edges, F' = 4F; the old vertices come first. Without `project` the surface is the very same
    polyhedron. Boundary, components, seams and orientation stay as they are.

    Args:
        mesh: any mesh without faces that repeat a vertex, periodic ones included.
        project: puts the new vertices, [n, 3] → [n, 3], onto the smooth surface that the mesh stands for, for example
            `lambda pos: pos / np.linalg.norm(pos, axis=1, keepdims=True)`; None leaves them in the middle.

    Returns:
        The finer mesh; new vertices of a periodic one lie within a period from the smallest coordinate.

    Raises:
        ValueError: where a face repeats a vertex, or `project` returns another shape.
    """
    repeated = np.count_nonzero((mesh.face == np.roll(mesh.face, -1, axis=1)).any(axis=1))
    if repeated:
        raise ValueError(f"refine needs faces of three different vertices, got {repeated} that repeat one")
    pairs, face = split_in_four(mesh.face, mesh.num_vertices)
    start = mesh.pos[pairs[:, 0]]
    middle = start + minimal_image(mesh.pos[pairs[:, 1]] - start, mesh.period) / 2
    if project is not None:
        moved = np.asarray(project(middle), dtype=np.float64)
        if moved.shape != middle.shape:
            raise ValueError(f"project must return shape {list(middle.shape)}, got {list(moved.shape)}")
        middle = moved
    middle = wrapped(middle, mesh.pos.min(axis=0), mesh.period)
    return TriMesh(np.concatenate([mesh.pos, middle]), face, mesh.period)


def split_in_four(face: IntArray, num_vertices: int) -> tuple[IntArray, IntArray]:
    """The connectivity of `refine`: pairs [n, 2] of vertices whose middles are V, V + 1, ..., and the new faces.

    Args:
        face: [F, 3], none with a repeated vertex.
        num_vertices: V.

    Returns:
        pairs [n, 2] and faces [4F, 3], the four children of a face one after the other, the middle one last.
    """
    tail, head = face, np.roll(face, -1, axis=1)
    key, inverse = np.unique(np.minimum(tail, head) * num_vertices + np.maximum(tail, head), return_inverse=True)
    middle = num_vertices + inverse.reshape(-1, 3)
    (a, b, c), (ab, bc, ca) = face.T, middle.T
    children = [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
    pieces = np.stack([np.stack(child, axis=1) for child in children], axis=1).reshape(-1, 3)
    return np.stack(np.divmod(key, num_vertices), axis=1), pieces


def wrapped(pos: FloatArray, low: FloatArray, period: Period | None) -> FloatArray:
    """Positions put into [low, low + L) in every periodic axis; the others as they are, [n, 3]."""
    result = pos.copy()
    for axis, length in enumerate(period or ()):
        if length > 0:
            result[:, axis] = low[axis] + np.mod(pos[:, axis] - low[axis], length)
    return result
