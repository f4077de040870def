"""A closed curve on a surface, as points inside faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh import TriMesh, minimal_image

# Nearer to a corner or an edge than this, in barycentric coordinates, a point counts as lying on it.
ON_EDGE = 1e-12
# By how much barycentric coordinates may miss a sum of 1, and be negative: rounding of float64.
ROUND_OFF = 1e-9


@dataclass(frozen=True, eq=False)
class Curve:
    """A closed polygon on a surface: point k is Σ_c b_kc x_c over the corners c of face f_k; the last joins the first.

    The curve is directed; its left, seen from outside, is the side that it encloses where it runs counter-clockwise.

    Args:
        face: [n] int64, n ≥ 3, a face that holds each point; consecutive points have a face in common.
        barycentric: [n, 3] float64 ≥ 0, each row of sum 1, in the order of the face's corners.

    Raises:
        ValueError: where a shape, sign or sum is wrong.
    """

    face: NDArray[np.int64]
    barycentric: NDArray[np.float64]

    def __post_init__(self) -> None:
        face, weight = np.asarray(self.face), np.asarray(self.barycentric, dtype=np.float64)
        check_curve_arrays(face, weight)
        object.__setattr__(self, "face", np.ascontiguousarray(face, dtype=np.int64))
        object.__setattr__(self, "barycentric", np.maximum(weight, 0.0))

    def __len__(self) -> int:
        return len(self.face)

    def reversed(self) -> Curve:
        """The same curve, run through the other way."""
        return Curve(self.face[::-1], self.barycentric[::-1])

    def points(self, mesh: TriMesh) -> NDArray[np.float64]:
        """Positions of the points, [n, 3], units of the mesh's pos.

        Raises:
            ValueError: where the curve is not on the mesh, as :meth:`require_on` says.
        """
        self.require_on(mesh.face)
        return np.einsum("nk,nkc->nc", self.barycentric, mesh.corners[self.face])

    def length(self, mesh: TriMesh) -> float:
        """Length, units of the mesh's pos; segments lie in faces, so it is that of the polygon on the surface.

        Raises:
            ValueError: as :meth:`points` does.
        """
        points = self.points(mesh)
        step = minimal_image(np.roll(points, -1, axis=0) - points, mesh.period)
        return float(np.linalg.norm(step, axis=1).sum())

    def support(self, face: NDArray[np.int64]) -> NDArray[np.int64]:
        """The vertices of the corner, edge or face that each point lies on, [n, 3]; −1 for those that take no part.

        Args:
            face: [F, 3] of the mesh.
        """
        return np.where(self.barycentric > ON_EDGE, face[self.face], -1)

    def require_on(self, face: NDArray[np.int64]) -> None:
        """Refuse a mesh that has not the faces of the curve, or on which it leaves the faces.

        Args:
            face: [F, 3] of the mesh.

        Raises:
            ValueError: where a face is out of range, or no face has two consecutive points (named).
        """
        outside = self.face[(self.face < 0) | (self.face >= len(face))]
        if len(outside):
            raise ValueError(f"face: wanted faces in [0, {len(face)}), got {outside[0]}")
        support = self.support(face)
        following = np.roll(support, -1, axis=0)
        together = _holds(face[self.face], following) | _holds(face[np.roll(self.face, -1)], support)
        for k in np.flatnonzero(~together).tolist():
            wanted = np.concatenate([support[k], following[k]])
            near = face[(face == wanted.max()).any(axis=1)]
            if not _holds(near, np.broadcast_to(wanted, (len(near), 6))).any():
                raise ValueError(
                    f"face: wanted consecutive points of a curve in one face, got points {k} and "
                    f"{(k + 1) % len(self)} in none"
                )


def check_curve_arrays(face: NDArray, barycentric: NDArray) -> None:
    """Refuse what cannot be a curve on any mesh.

    Args:
        face: [n] integers. barycentric: [n, 3].

    Raises:
        ValueError: where a shape, dtype, sign or sum is wrong.
    """
    if face.ndim != 1 or len(face) < 3 or not np.issubdtype(face.dtype, np.integer):
        raise ValueError(f"face: wanted [n] integers, n ≥ 3, got shape {list(face.shape)}, dtype {face.dtype}")
    if barycentric.shape != (len(face), 3):
        raise ValueError(f"barycentric: wanted shape {[len(face), 3]}, got {list(barycentric.shape)}")
    wrong = ~(np.abs(barycentric.sum(axis=1) - 1) <= ROUND_OFF) | ~(barycentric >= -ROUND_OFF).all(axis=1)
    if wrong.any():
        k = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"barycentric: wanted numbers ≥ 0 of sum 1, got {barycentric[k].tolist()} at point {k}")


def _holds(face: NDArray[np.int64], vertices: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each face [n, 3] has all of its vertices [n, k], of which −1 stands for none."""
    return ((vertices[:, :, None] == face[:, None, :]).any(axis=2) | (vertices < 0)).all(axis=1)
