"""Cotangent stiffness matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from pdgn.mesh import TriMesh
from pdgn.operators.refusal import refuse_degenerate


def stiffness(mesh: TriMesh) -> csr_matrix:
    """Cotangent stiffness matrix L of linear finite elements, symmetric positive semi-definite: Δ = −M⁻¹L.

    L_ij = −½ (cot α_ij + cot β_ij) off the diagonal, α and β the angles opposite edge ij (one of them at the boundary,
    where this is the natural, Neumann, condition), L_ii = −Σ_j L_ij. Cotangents of obtuse angles are negative.

    Args:
        mesh: oriented or not, with or without boundary; isolated vertices have empty rows.

    Returns:
        [V, V] float64, dimensionless.

    Raises:
        ValueError: where a face has no area (counted, the first one named).

    Reference: Pinkall & Polthier, "Computing discrete minimal surfaces and their conjugates", 1993.
    """
    half = 0.5 * cotangent(mesh)
    first, second = np.roll(mesh.face, -1, axis=1).ravel(), np.roll(mesh.face, -2, axis=1).ravel()
    weight = half.ravel()
    rows = np.concatenate([first, second, first, second])
    columns = np.concatenate([second, first, first, second])
    values = np.concatenate([-weight, -weight, weight, weight])
    shape = (mesh.num_vertices, mesh.num_vertices)
    return coo_matrix((values, (rows, columns)), shape=shape).tocsr()


def cotangent(mesh: TriMesh) -> NDArray[np.float64]:
    """Cotangent of the angle at every corner of every face, [F, 3], signed.

    cot θ = (a · b) / |a × b|, a and b the two sides that leave the corner.

    Raises:
        ValueError: where a face has no area.
    """
    refuse_degenerate(mesh)
    forward = np.roll(mesh.corners, -1, axis=1) - mesh.corners
    backward = np.roll(mesh.corners, 1, axis=1) - mesh.corners
    return np.einsum("fkc,fkc->fk", forward, backward) / (2 * mesh.face_area[:, None])
