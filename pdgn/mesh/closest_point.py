"""The points of a surface that lie closest to given points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from pdgn.mesh.period import Period, minimal_image
from pdgn.mesh.tri_mesh import TriMesh
from pdgn.mesh.validation import check_pos

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Points looked up together, so that their candidate faces fit in memory.
CHUNK = 4096


class ClosestPoint(NamedTuple):
    """Points on a surface, one for each of N points in space.

    Attributes:
        face: [N] int64, the face that holds it.
        weight: [N, 3] its barycentric coordinates there, from 0 to 1, each row of sum 1.
        distance: [N] from the point in space, units of pos.
    """

    face: IntArray
    weight: FloatArray
    distance: FloatArray

    def interpolate(self, mesh: TriMesh, values: ArrayLike) -> FloatArray:
        """Values [V, ...] of the mesh at these points, linear on every face: [N, ...]."""
        array = np.asarray(values, dtype=np.float64)
        weight = self.weight.reshape(*self.weight.shape, *[1] * (array.ndim - 1))
        # A corner of weight 0 may hold NaN.
        return np.where(weight == 0, 0.0, weight * array[mesh.face[self.face]]).sum(axis=1)


def closest_point(mesh: TriMesh, pos: ArrayLike) -> ClosestPoint:
    """The closest point of a surface to each of N points, exactly; of several the one on the face of lowest number.

    The face of the nearest centroid bounds the distance, and no face comes nearer whose centroid is farther than that
    bound and the face's own radius. Faces are sorted into trees by radius, so that a few large ones do not widen the
    search among the small.

    Args:
        mesh: any mesh, degenerate faces included; on a periodic domain distances are those of nearest images.
        pos: [N, 3] finite.

    Returns:
        Faces, barycentric coordinates and distances.

    Raises:
        ValueError: where pos has another shape or is not finite.
    """
    point = check_pos(pos)
    centroid = mesh.corners.mean(axis=1)
    radius = np.linalg.norm(mesh.corners - centroid[:, None], axis=2).max(axis=1)
    trees = _trees(centroid, radius, mesh.period)
    box = _into_box(point, mesh.period)
    face = np.empty(len(point), dtype=np.int64)
    weight = np.empty((len(point), 3))
    distance = np.empty(len(point))
    for start in range(0, len(point), CHUNK):
        part = slice(start, start + CHUNK)
        face[part], weight[part], distance[part] = _closest(mesh, point[part], box[part], trees)
    return ClosestPoint(face, weight, distance)


class _Tree(NamedTuple):
    """Faces of about one size."""

    face: IntArray
    radius: float
    tree: cKDTree


def _trees(centroid: FloatArray, radius: FloatArray, period: Period | None) -> list[_Tree]:
    scale = np.frexp(np.maximum(radius, radius.max() * 1e-3))[1]
    result = []
    for level in np.unique(scale):
        face = np.flatnonzero(scale == level)
        tree = cKDTree(_into_box(centroid[face], period), boxsize=period)
        result.append(_Tree(face, float(radius[face].max()), tree))
    return result


def _into_box(pos: FloatArray, period: Period | None) -> FloatArray:
    """Positions in [0, L) in periodic axes, as the trees want them."""
    result = pos.copy()
    for axis, length in enumerate(period or ()):
        if length > 0:
            inside = np.mod(pos[:, axis], length)
            result[:, axis] = np.where(inside < length, inside, 0.0)  # mod of −1e-17 rounds to L itself
    return result


def _closest(
    mesh: TriMesh, point: FloatArray, box: FloatArray, trees: list[_Tree]
) -> tuple[IntArray, FloatArray, FloatArray]:
    nearest = [tree.face[tree.tree.query(box)[1]] for tree in trees]
    row = np.tile(np.arange(len(point)), len(nearest))
    bound = np.sqrt(_project(mesh, point[row], np.concatenate(nearest))[1].reshape(len(nearest), -1).min(axis=0))
    rows, faces = (np.concatenate(part) for part in zip(*_candidates(box, bound, trees)))
    weight, square = _project(mesh, point[rows], faces)
    order = np.lexsort((faces, square, rows))
    first = order[np.searchsorted(rows[order], np.arange(len(point)))]
    return faces[first], weight[first], np.sqrt(square[first])


def _candidates(box: FloatArray, bound: FloatArray, trees: list[_Tree]) -> Iterator[tuple[IntArray, IntArray]]:
    """(point, face) pairs that may be closest: [n] and [n] from each tree."""
    for tree in trees:
        # The margin is for round-off: a centroid at exactly its radius.
        found = tree.tree.query_ball_point(box, (bound + tree.radius) * (1 + 1e-9) + 1e-300)
        count = np.array([len(one) for one in found])
        flat = np.fromiter((face for one in found for face in one), dtype=np.int64, count=int(count.sum()))
        yield np.repeat(np.arange(len(box)), count), tree.face[flat]


def _project(mesh: TriMesh, point: FloatArray, face: IntArray) -> tuple[FloatArray, FloatArray]:
    """Barycentric coordinates [n, 3] of the point of one face closest to each point, and squared distances [n]."""
    corner = mesh.corners[face] - point[:, None]
    if mesh.period is not None:
        centroid = corner.mean(axis=1)
        corner += (minimal_image(centroid, mesh.period) - centroid)[:, None]
    side = np.roll(corner, -1, axis=1) - corner
    length = np.einsum("nkc,nkc->nk", side, side)
    along = -np.einsum("nkc,nkc->nk", corner, side)
    place = np.clip(np.divide(along, length, out=np.zeros_like(along), where=length > 0), 0.0, 1.0)
    on_side = corner + place[:, :, None] * side
    square = np.einsum("nkc,nkc->nk", on_side, on_side)
    best = square.argmin(axis=1)
    row = np.arange(len(face))
    weight = np.zeros((len(face), 3))
    weight[row, best] = 1 - place[row, best]
    weight[row, (best + 1) % 3] += place[row, best]
    square = square[row, best]
    inner, inside = _inside(corner)
    height = np.einsum("nk,nkc->nc", inner, corner)
    height_square = np.einsum("nc,nc->n", height, height)
    inside &= height_square < square  # at a vertex the side's answer has no round-off
    weight[inside] = inner[inside]
    square[inside] = height_square[inside]
    return weight, square


def _inside(corner: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Barycentric coordinates [n, 3] of the origin's foot in each plane, and where it lies inside; never on a line."""
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    square = np.einsum("nc,nc->n", normal, normal)
    second, third = np.roll(corner, -1, axis=1), np.roll(corner, -2, axis=1)
    part = np.einsum("nkc,nc->nk", np.cross(second, third), normal)
    weight = np.divide(part, square[:, None], out=np.full_like(part, -1.0), where=square[:, None] > 0)
    return weight, (weight >= 0).all(axis=1) & (square > 0)
