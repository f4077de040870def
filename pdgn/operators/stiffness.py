"""Cotangent stiffness matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

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
    weight = cotangent_weights(mesh)
    return (diags(np.asarray(weight.sum(axis=1)).ravel(), format="csr") - weight).tocsr()


def cotangent_weights(mesh: TriMesh) -> csr_matrix:
    """Cotangent weight of every edge, W_ij = ½ (cot α_ij + cot β_ij), so that L = diag(W·1) − W.

    Returns:
        [V, V] float64, symmetric; its entries, zeros included, are those of mesh.edge_index, in the same order.

    Raises:
        ValueError: where a face has no area.
    """
    opposite = np.roll(cotangent(mesh), 1, axis=1)  # of side k, which runs from corner k to k + 1
    weight = np.bincount(mesh.sides.edge, 0.5 * opposite.ravel(), len(mesh.sides.key))
    edge_index, number = mesh.directed_edges
    assert number is not None  # faces with a repeated vertex have been refused
    row = np.searchsorted(edge_index[1], np.arange(mesh.num_vertices + 1))
    return csr_matrix((weight[number], edge_index[0], row), shape=(mesh.num_vertices, mesh.num_vertices))


def cotangent(mesh: TriMesh) -> NDArray[np.float64]:
    """Cotangent of the angle at every corner of every face, [F, 3], signed.

    cot θ = (a · b) / |a × b|, a and b the two sides that leave the corner.

    Raises:
        ValueError: where a face has no area.
    """
    refuse_degenerate(mesh)
    side = [mesh.corners[:, (k + 1) % 3] - mesh.corners[:, k] for k in range(3)]
    product = [-np.einsum("fc,fc->f", side[k], side[k - 1]) for k in range(3)]
    return np.stack(product, axis=1) / (2 * mesh.face_area[:, None])
