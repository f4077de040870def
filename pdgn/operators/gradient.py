"""Gradient of a function on vertices, divergence of a field on faces, and the area that makes them adjoint."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix, diags

from pdgn.mesh import TriMesh
from pdgn.mesh.vectors import cross
from pdgn.operators.refusal import refuse_degenerate


def gradient(mesh: TriMesh) -> csr_matrix:
    """Gradient G of the piecewise linear interpolant, one tangential vector per face; exact on linear functions.

    (∇f)_F = Σ_k f_k (n × e_k) / (2A), e_k the side opposite corner k, counter-clockwise.

    Args:
        mesh: any orientation (n and e_k turn together).

    Returns:
        [3F, V] float64, per unit of pos; row 3f + c is component c on face f: (G @ u).reshape(F, 3).

    Raises:
        ValueError: where a face has no area.
    """
    refuse_degenerate(mesh)
    slope = np.empty((mesh.num_faces, 3, 3))  # face, component, corner: the order of the rows
    for k in range(3):
        opposite = mesh.corners[:, (k + 2) % 3] - mesh.corners[:, (k + 1) % 3]
        slope[:, :, k] = cross(mesh.face_normal, opposite) / (2 * mesh.face_area[:, None])
    columns, rows = np.repeat(mesh.face, 3, axis=0).ravel(), np.arange(0, slope.size + 1, 3)
    matrix = csr_matrix((slope.ravel(), columns, rows), shape=(3 * mesh.num_faces, mesh.num_vertices))
    matrix.sort_indices()
    return matrix


def face_mass(mesh: TriMesh) -> csr_matrix:
    """Area of every face three times on a diagonal, A, so that L = Gᵀ A G.

    Returns:
        [3F, 3F] float64, units of pos squared.
    """
    return diags(np.repeat(mesh.face_area, 3), format="csr")


def divergence(mesh: TriMesh) -> csr_matrix:
    """Integrated divergence D of a tangential field on faces: D = −Gᵀ A, so that D @ G = −L (the sign of +Δ).

    (D X)_i = −Σ_F A_F ∇φ_i · X_F, the integral of div X against the hat function of vertex i; M⁻¹ D X is pointwise.
    At a boundary it contains the flux through it, the natural condition.

    Returns:
        [V, 3F] float64, units of pos; column 3f + c as the rows of `gradient`.

    Raises:
        ValueError: where a face has no area.
    """
    return -(gradient(mesh).T @ face_mass(mesh)).tocsr()
