"""How well shaped the faces of a mesh are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh.tri_mesh import TriMesh


def corner_angles(mesh: TriMesh) -> NDArray[np.float64]:
    """The angle at every corner of every face, [F, 3], in radians; their smallest tells needles.

    θ = atan2(|a × b|, a · b), a and b the two sides that leave the corner; accurate at angles near 0 and π too. A face
    with two corners at one place has meaningless angles.

    Args:
        mesh: any mesh.
    """
    return angles(mesh.corners)


def angles(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """The angles [n, 3] of triangles given by their corners [n, 3, 3], in radians."""
    forward = np.roll(corners, -1, axis=1) - corners
    backward = np.roll(corners, 1, axis=1) - corners
    sine = np.linalg.norm(np.cross(forward, backward), axis=2)
    return np.arctan2(sine, np.einsum("fkc,fkc->fk", forward, backward))
