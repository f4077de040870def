"""The triangles of a record: those of its mesh, or a Delaunay triangulation of sensors in a plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay, QhullError

from pdgn.data.records import MeshRecord
from pdgn.mesh import minimal_image

_ACUTE = np.pi / 180
_FLAT = 1e-6  # of the extent: sensors that leave their plane by rounding alone
_TIE = 1e-9  # sides that differ by less are equal, whatever the position of the mesh


def cells(record: MeshRecord) -> NDArray[np.int64]:
    """The triangles of a mesh or sensor network.

    Every triangle begins with its longest side (the first of equal ones), so that its vertices have the same part in it
    on every mesh. Sensors in a plane get their Delaunay triangulation, anticlockwise, without the triangles at its
    boundary that are flatter than one degree (Lienen and Günnemann 2022, appendix F).

    Args:
        record: V nodes.

    Returns:
        [3, F]; F = 0 for sensors that are not in one plane, or on a periodic domain, or on one line.
    """
    face = _triangulation(record) if record.face is None else record.face
    ends = record.pos[face]
    side = np.linalg.norm(minimal_image(np.roll(ends, -1, axis=1) - ends, record.period), axis=2)
    first = np.argmax(side >= (1 - _TIE) * side.max(axis=1, keepdims=True), axis=1)
    turned = (first[:, None] + np.arange(3)) % 3
    return np.ascontiguousarray(np.take_along_axis(face, turned, axis=1).T)


def cell_vectors(record: MeshRecord, cell: NDArray[np.int64]) -> NDArray[np.float64]:
    """Two sides of each triangle, x_1 − x_0 and x_2 − x_0, shortest images where the domain is periodic.

    Args:
        record: V nodes. cell: [3, F].

    Returns:
        [F, 2, 3], in the unit of the positions.
    """
    start, *others = record.pos[cell]
    return minimal_image(np.stack([other - start for other in others], axis=1), record.period)


def _triangulation(record: MeshRecord) -> NDArray[np.int64]:
    nothing = np.empty((0, 3), dtype=np.int64)
    if record.period is not None or record.num_nodes < 3:
        return nothing
    centred = record.pos - record.pos.mean(axis=0)
    _, extent, axes = np.linalg.svd(centred, full_matrices=False)
    if extent[1] <= _FLAT * extent[0] or extent[2] > _FLAT * extent[0]:
        return nothing
    plane = centred @ axes[:2].T if centred[:, 2].any() else centred[:, :2]
    try:
        face = Delaunay(plane / extent[0]).simplices.astype(np.int64)
    except QhullError:
        return nothing
    return _without_acute(_anticlockwise(face, plane), plane)


def _anticlockwise(face: NDArray[np.int64], plane: NDArray[np.float64]) -> NDArray[np.int64]:
    first, second = plane[face[:, 1]] - plane[face[:, 0]], plane[face[:, 2]] - plane[face[:, 0]]
    clockwise = first[:, 0] * second[:, 1] < first[:, 1] * second[:, 0]
    return np.where(clockwise[:, None], face[:, ::-1], face)


def _without_acute(face: NDArray[np.int64], plane: NDArray[np.float64]) -> NDArray[np.int64]:
    """Takes triangles off the boundary, the flattest first, that have one side on it and an angle below 1° there.

    Two neighbours are the other sides of such a triangle, so that every sensor keeps a triangle.
    """
    while True:
        start, end = face, np.roll(face, -1, axis=1)
        pair = np.sort(np.stack([start, end]), axis=0).reshape(2, -1)
        _, number, count = np.unique(pair, axis=1, return_inverse=True, return_counts=True)
        outer = (count[number] == 1).reshape(face.shape)
        side = plane[end] - plane[start]
        back = -np.roll(side, 1, axis=1)
        area = np.abs(side[..., 0] * back[..., 1] - side[..., 1] * back[..., 0])
        angle = np.arctan2(area, (side * back).sum(axis=2))  # at the start of each side
        at_side = np.where(outer, np.minimum(angle, np.roll(angle, -1, axis=1)), np.inf).min(axis=1)
        at_side[outer.sum(axis=1) != 1] = np.inf
        flattest = int(at_side.argmin())
        if at_side[flattest] >= _ACUTE:
            return face
        face = np.delete(face, flattest, axis=0)
