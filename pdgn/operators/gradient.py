"""Gradient of a function on vertices, divergence of a field on faces, and the area that makes them adjoint."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags

from pdgn.mesh import TriMesh
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
    opposite = np.roll(mesh.corners, -2, axis=1) - np.roll(mesh.corners, -1, axis=1)
    slope = np.cross(mesh.face_normal[:, None, :], opposite) / (2 * mesh.face_area[:, None, None])
    rows = np.arange(3 * mesh.num_faces).reshape(-1, 1, 3).repeat(3, axis=1)
    columns = mesh.face[:, :, None].repeat(3, axis=2)
    shape = (3 * mesh.num_faces, mesh.num_vertices)
    return coo_matrix((slope.ravel(), (rows.ravel(), columns.ravel())), shape=shape).tocsr()


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
