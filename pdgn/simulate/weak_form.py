"""Weak forms on a triangle mesh with variable coefficients, for piecewise linear functions φ_i."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from pdgn.mesh import TriMesh
from pdgn.operators import gradient


def diffusion_form(mesh: TriMesh, diffusivity: NDArray[np.float64]) -> sp.csr_matrix:
    """The stiffness matrix with a diffusivity: K_ij = ∫ κ ∇φ_i·∇φ_j = (Gᵀ diag(κA) G)_ij.

    Symmetric, positive semi-definite, K·1 = 0; ∇·(κ∇u) = −M⁻¹K u. With κ = 1 it is the cotangent stiffness.

    Args:
        mesh: V vertices, F faces.
        diffusivity: κ, a number (shape ()), [V] (averaged to faces, exact for linear κ) or [F] [length²/time].

    Returns:
        csr [V, V] [length²/time].
    """
    if diffusivity.shape == (mesh.num_vertices,):
        diffusivity = diffusivity[mesh.face].mean(axis=1)
    slope = gradient(mesh)
    weight = np.repeat(mesh.face_area * diffusivity, 3)
    return sp.csr_matrix(slope.T @ sp.diags(weight) @ slope)


def convection_form(mesh: TriMesh, velocity: NDArray[np.float64]) -> sp.csr_matrix:
    """The convection matrix C_ij = ∫ φ_i v·∇φ_j, integrated exactly.

    Its rows sum to zero, so that v·∇u of a constant is zero; its transpose, ∫ φ_j v·∇φ_i, is the conservative form
    −∫ φ_i ∇·(u v), whose columns sum to zero, so that Σ m u is constant when nothing flows through the boundary.

    Args:
        mesh: V vertices, F faces.
        velocity: [V, 3] (linear on each face) or [F, 3] (constant on each face) [length/time]; what is normal to a
            face has no effect.

    Returns:
        csr [V, V] [length²/time].
    """
    if velocity.shape == (mesh.num_vertices, 3):
        corner = velocity[mesh.face]  # [F, 3 corners, 3]
        moment = (corner + corner.sum(axis=1, keepdims=True)) / 12  # ∫ φ_a v over a face of unit area
    else:
        moment = np.repeat(velocity[:, None], 3, axis=1) / 3
    moment = moment * np.asarray(mesh.face_area)[:, None, None]
    row = 3 * np.arange(mesh.num_faces)[:, None, None] + np.arange(3)  # [F, 1, 3], row 3f + c
    row = np.broadcast_to(row, moment.shape)
    column = np.broadcast_to(mesh.face[:, :, None], moment.shape)
    weight = sp.coo_matrix((moment.ravel(), (row.ravel(), column.ravel())), (3 * mesh.num_faces, mesh.num_vertices))
    return sp.csr_matrix(weight.T.tocsr() @ gradient(mesh))
