"""Mass matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, diags

from pdgn.mesh import TriMesh
from pdgn.operators.stiffness import cotangent


def mass(mesh: TriMesh, kind: str = "lumped") -> csr_matrix:
    """Mass matrix M: Σ_ij M_ij = area of the surface, whatever the kind.

    "lumped" (diagonal): a third of the area of the faces at a vertex. "consistent": ∫ φ_i φ_j of linear elements, A/6
    on the diagonal and A/12 off it for every face. "voronoi" (diagonal): mixed Voronoi areas, the best for M⁻¹L at a
    point.

    Args:
        mesh: with or without boundary; isolated vertices have mass zero.
        kind: "lumped", "consistent" or "voronoi".

    Returns:
        [V, V] float64, units of pos squared.

    Raises:
        ValueError: where kind is another, or for "voronoi" where a face has no area.

    Reference: Meyer, Desbrun, Schröder & Barr, "Discrete differential-geometry operators for triangulated
    2-manifolds", 2003 (mixed Voronoi areas).
    """
    if kind == "consistent":
        return _consistent(mesh)
    if kind == "lumped":
        share = np.repeat(mesh.face_area[:, None] / 3, 3, axis=1)
    elif kind == "voronoi":
        share = _voronoi_share(mesh)
    else:
        raise ValueError(f"kind of mass must be 'lumped', 'consistent' or 'voronoi', got {kind!r}")
    return diags(np.bincount(mesh.face.ravel(), share.ravel(), mesh.num_vertices), format="csr")


def _consistent(mesh: TriMesh) -> csr_matrix:
    entry = mesh.face_area[:, None, None] * (np.ones((3, 3)) + np.eye(3)) / 12
    rows, columns = np.repeat(mesh.face, 3, axis=1), np.tile(mesh.face, (1, 3))
    shape = (mesh.num_vertices, mesh.num_vertices)
    return coo_matrix((entry.ravel(), (rows.ravel(), columns.ravel())), shape=shape).tocsr()


def _voronoi_share(mesh: TriMesh) -> NDArray[np.float64]:
    """Part of every face that belongs to each of its corners, [F, 3]; sums to the face's area."""
    cot = cotangent(mesh)
    opposite = np.roll(mesh.corners, -1, axis=1) - np.roll(mesh.corners, 1, axis=1)
    weighted = cot * np.einsum("fkc,fkc->fk", opposite, opposite)
    share = (weighted.sum(axis=1, keepdims=True) - weighted) / 8
    obtuse = cot < 0
    area = mesh.face_area[:, None]
    return np.where(obtuse.any(axis=1, keepdims=True), np.where(obtuse, area / 2, area / 4), share)
