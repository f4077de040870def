"""Eigenfunctions of the Laplace–Beltrami operator, the smooth functions of a surface."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh

from pdgn.mesh import TriMesh
from pdgn.operators import mass, stiffness
from pdgn.simulate.argument import one_of, positive_integer
from pdgn.simulate.boundary import dirichlet_vertices, require_simulable
from pdgn.simulate.equation import BOUNDARIES
from pdgn.simulate.factor import factorize


def eigenfunctions(
    mesh: TriMesh, num_modes: int, boundary: str = "neumann"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The smoothest modes of a mesh: L φ = λ M φ, −Δφ = λφ, with the lumped mass M.

    Shift-invert Lanczos from a fixed start vector; the sign makes the entry of largest size positive, so that the same
    mesh gives the same modes. Modes of one eigenvalue are an arbitrary basis of its space.

    Args:
        mesh: V vertices.
        num_modes: number of modes, at most the number of free vertices.
        boundary: "neumann", or "dirichlet" for modes that vanish on the boundary.

    Returns:
        λ [num_modes] ascending [1/length²], the first of each component 0 with "neumann";
        φ [V, num_modes] with mean square 1 over the surface: φᵀMφ = area · identity.

    Raises:
        ValueError: an unfit mesh, too many modes.
    """
    require_simulable(mesh)
    one_of("boundary", boundary, BOUNDARIES)
    value, mode = _modes(mesh, positive_integer("num_modes", num_modes), boundary)
    return value.copy(), mode.copy()


# A mesh's states, velocity and conductivity, block after block, ask for the same few sets of modes.
@lru_cache(maxsize=4)
def _modes(mesh: TriMesh, num_modes: int, boundary: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    inside = boundary == "dirichlet"
    free = np.flatnonzero(~dirichlet_vertices(mesh)) if inside else np.arange(mesh.num_vertices)
    if num_modes > len(free):
        raise ValueError(f"num_modes: wanted at most the {len(free)} free vertices of the mesh, got {num_modes}")
    diagonal = mass(mesh).diagonal()
    area = float(diagonal.sum())
    stiff = stiffness(mesh)[free][:, free]
    value, mode = _smallest(sp.csc_matrix(stiff), diagonal[free], num_modes, shift=-1 / area)
    mode *= np.sign(np.take_along_axis(mode, np.abs(mode).argmax(axis=0)[None], axis=0)) * np.sqrt(area)
    whole = np.zeros((mesh.num_vertices, num_modes))
    whole[free] = mode
    return np.maximum(value, 0.0), whole


def _smallest(
    stiff: sp.csc_matrix, diagonal: NDArray[np.float64], count: int, shift: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The smallest eigenpairs; dense where Lanczos would need nearly all of them."""
    scale = 1 / np.sqrt(diagonal)
    scaled = sp.csc_matrix(sp.diags(scale) @ stiff @ sp.diags(scale))
    if len(diagonal) <= max(64, 3 * count):
        value, mode = np.linalg.eigh(scaled.toarray())
    else:
        start = 1.0 + np.cos(np.arange(len(diagonal), dtype=np.float64) ** 2)
        # The shift is negative, so this is positive definite.
        solve = factorize(scaled - shift * sp.eye_array(len(diagonal)), symmetric_definite=True)
        inverse = LinearOperator(scaled.shape, matvec=solve, dtype=np.float64)
        value, mode = eigsh(scaled, k=count, sigma=shift, which="LM", v0=start, OPinv=inverse)
    order = np.argsort(value)[:count]
    return value[order], scale[:, None] * mode[:, order]
