"""Curves that move by their curvature, as the level sets of a function: discrete in space."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from pdgn.mesh import TriMesh
from pdgn.operators.refusal import refuse_degenerate
from pdgn.simulate.spectrum import Spectrum
from pdgn.simulate.system import System

Array = NDArray[np.float64]


class LevelSetSystem(System):
    """M_Q dφ/dt = −μ A_Q φ for piecewise linear φ, Q = √(|∇φ|² + ε²) being constant on every face.

    M_Q = Σ_f area/(3 Q_f) on the diagonal (the lumped ∫ φ_i φ_j/Q), A_Q = Σ_f (area/Q_f) ∇φ_i·∇φ_j. It is the steepest
    descent of ∫ Q in the inner product M_Q. The columns of a state are independent functions.

    Args:
        mesh: V vertices, F faces.
        mobility: μ ≥ 0, of shape () or [V] [length²/time].
        regularization: ε > 0 [field/length].
    """

    remedy: ClassVar[str] = "rkc2"
    bound_follows_state: ClassVar[bool] = False

    def __init__(self, mesh: TriMesh, mobility: Array, regularization: float) -> None:
        self.area = np.asarray(mesh.face_area)
        self.mobility = mobility.reshape(-1, 1)  # [1 or V, 1]
        self.regularization = regularization
        corner_slope = plane_gradient(mesh)  # [F, 2, 3]
        faces = np.arange(mesh.num_faces)
        row, column = np.repeat(np.arange(2 * mesh.num_faces), 3), np.repeat(mesh.face, 2, axis=0).ravel()
        self._slope = sp.csr_matrix((corner_slope.ravel(), (row, column)), (2 * mesh.num_faces, mesh.num_vertices))
        self._slope_transposed = self._slope.T.tocsr()
        third = np.repeat(self.area / 3, 3)
        self._share = sp.csr_matrix(
            (third, (mesh.face.ravel(), np.repeat(faces, 3))), (mesh.num_vertices, mesh.num_faces)
        )
        # xᵀA_Q x = Σ_f area/Q_f |G_f x|² ≤ max |G_f|² Σ_f area/Q_f |x_f|² = 3 max |G_f|² xᵀM_Q x, whatever Q.
        steepest = float(np.linalg.norm(corner_slope, 2, axis=(1, 2)).max())
        self._decay = 3 * float(mobility.max()) * steepest**2

    def __repr__(self) -> str:
        return f"LevelSetSystem({len(self.area)} faces, regularization {self.regularization:g})"

    def pack(self, fields: dict[str, Array]) -> Array:
        """φ [V, n], a copy."""
        return np.array(fields["phi"], dtype=np.float64)

    def unpack(self, state: Array) -> dict[str, Array]:
        """φ by name, a view."""
        return {"phi": state}

    def steepness(self, state: Array) -> tuple[Array, Array]:
        """∇φ [F, 2, n] in a frame of every face, and Q [F, n]."""
        slope = (self._slope @ state).reshape(len(self.area), 2, -1)
        return slope, np.sqrt(np.einsum("fcn,fcn->fn", slope, slope) + self.regularization**2)

    def rate(self, time: float, state: Array) -> Array:
        """−μ M_Q⁻¹ A_Q φ, [V, n]."""
        slope, steep = self.steepness(state)
        inverse = 1 / steep
        slope *= (self.area[:, None] * inverse)[:, None]
        return -self.mobility * (self._slope_transposed @ slope.reshape(-1, state.shape[1])) / (self._share @ inverse)

    def spectrum(self, state: Array | None = None) -> Spectrum:
        """The eigenvalues of −μ M_Q⁻¹A_Q for every φ, by the largest one of any face: 3μ max |G_f|².

        Of the derivative of the rate this is the part of the second order; what comes from the change of Q takes from
        it across the level lines, and is of the first order besides.
        """
        return Spectrum(self._decay)

    def length(self, state: Array) -> Array:
        """∫ Q [n]: for ε = 0 the integral over all levels of the lengths of their level lines."""
        return self.area @ self.steepness(state)[1]


def plane_gradient(mesh: TriMesh) -> Array:
    """Gradients of the three hat functions of every face in an orthonormal frame of its plane, [F, 2, 3].

    The first axis runs along the side from corner 0 to corner 1, the second to its left.

    Raises:
        ValueError: a face has no area.
    """
    refuse_degenerate(mesh)
    corners = np.asarray(mesh.corners)
    first = corners[:, 1] - corners[:, 0]
    first = first / np.linalg.norm(first, axis=1, keepdims=True)
    frame = np.stack([first, np.cross(mesh.face_normal, first)], axis=1)  # [F, 2, 3 axes]
    opposite = np.roll(corners, -2, axis=1) - np.roll(corners, -1, axis=1)
    slope = np.cross(mesh.face_normal[:, None], opposite) / (2 * mesh.face_area[:, None, None])  # [F, 3 corners, 3]
    return np.einsum("fac,fkc->fak", frame, slope)
