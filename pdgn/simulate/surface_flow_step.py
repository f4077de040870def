"""One step in time of a surface that moves by its curvature: a system of finite elements, and its solution."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from pdgn.simulate.surface_flow_system import SurfaceFlowSystem

Array = NDArray[np.float64]

# Largest change of a vertex in the last iteration, in lengths of an edge: the volume is then constant to round-off.
TOLERANCE = 1e-10
MOST_ITERATIONS = 60
# Earlier iterations from which the next one is extrapolated (Anderson's acceleration).
WINDOW = 6


class SurfaceFlowStep:
    """The equations of one step, in units of the mean edge, for the displacement δ, H and (m = 2) W = −ΔH.

        N · δ = −τ M H (m = 0),   −τ A H (m = 1),   −τ A W (m = 2),      M W = A H
        N H = A (x + δ) + (c/τ) M P δ

    A, M and the tangential projection P belong to the surface at x before the step; N are its vertex normals (m = 0) or
    their mean along the way (m > 0), which keeps the volume; c is the drag. Whatever N, the product of the second line
    with δ gives area(x + δ) − area(x) ≤ −τ HᵀKH − (c/τ) δᵀMPδ ≤ 0 with K = M, A or A M⁻¹A: the area never rises.

    Args:
        system: what moves.
        pos: x [V, 3].
        dt: time of the step.
        order: [V] order of elimination of the vertices.
    """

    def __init__(self, system: SurfaceFlowSystem, pos: Array, dt: float, order: NDArray[np.intp]) -> None:
        self.system = system
        self.order = order
        self.unit = float(np.sqrt(np.linalg.norm(system.area_vectors(pos), axis=1).mean()))
        self.start = pos / self.unit
        self.stiffness, self.mass = system.operators(self.start)
        self.normal = system.vertex_normals(system.area_vectors(self.start))
        self.tau = system.mobility * dt / self.unit ** (2 * system.degree + 2)
        length = np.linalg.norm(self.normal, axis=1)[:, None]
        unit_normal = np.divide(self.normal, length, out=np.zeros_like(self.normal), where=length > 0)
        tangential = np.eye(3) - unit_normal[:, :, None] * unit_normal[:, None, :]
        self.resistance = (system.drag * self.unit**2 / dt) * self.mass[:, None, None] * tangential  # [V, 3, 3]

    def end(self) -> Array:
        """The positions after the step, [V, 3].

        Raises:
            ArithmeticError: the iterations do not settle.
        """
        solve = self._factored()
        unknown = np.zeros((len(self.start), 5 if self.system.degree == 2 else 4))
        earlier: list[tuple[Array, Array]] = []
        for _ in range(MOST_ITERATIONS):
            change = solve(self._residual(unknown))
            if np.abs(change[:, :3]).max() <= TOLERANCE:
                return self.unit * (self.start + unknown[:, :3] + change[:, :3])
            earlier = [*earlier[-WINDOW:], (unknown, change)]
            unknown = _extrapolated(earlier)
        raise ArithmeticError(f"did not settle in {MOST_ITERATIONS} iterations")

    def _residual(self, unknown: Array) -> Array:
        """What is missing in each equation, [V, 4 or 5], in the order and with the signs of the matrix."""
        shift, curvature = unknown[:, :3], unknown[:, 3]
        normal = self.normal
        if self.system.degree > 0 and shift.any():
            normal = self.system.mean_normals(self.start, self.start + shift)
        force = normal * curvature[:, None] - self.stiffness @ (self.start + shift)
        force -= np.einsum("vab,vb->va", self.resistance, shift)
        motion = np.einsum("va,va->v", normal, shift)
        if self.system.degree == 0:
            return np.column_stack([force, motion + self.tau * self.mass * curvature])
        bent = self.stiffness @ curvature
        if self.system.degree == 1:
            return np.column_stack([force, motion + self.tau * bent])
        second = unknown[:, 4]
        motion += self.tau * (self.stiffness @ second)
        return np.column_stack([force, motion, self.tau * (bent - self.mass * second)])

    def _factored(self) -> Callable[[Array], Array]:
        """The solver of the linear system with N of the start, symmetric: residual → change, each [V, 4 or 5].

        Eliminated vertex by vertex, all unknowns of one together, it needs no pivots: in this order every pivot of δ
        and W is positive and every one of H negative.
        """
        options = {"SymmetricMode": True}
        factor = splu(self._matrix(), permc_spec="NATURAL", diag_pivot_thresh=0.0, options=options)

        def solve(residual: Array) -> Array:
            solution = np.empty_like(residual)
            solution[self.order] = factor.solve(residual[self.order].ravel()).reshape(residual.shape)
            return solution

        return solve

    def _matrix(self) -> sp.csc_matrix:
        """csc [4V or 5V, 4V or 5V], the unknowns of one vertex after those of another, in the order of elimination."""
        stiff = self.stiffness[self.order][:, self.order].tocsr()
        row = np.repeat(np.arange(len(self.start)), np.diff(stiff.indptr))
        own = np.flatnonzero(row == stiff.indices)
        size = 5 if self.system.degree == 2 else 4
        block = np.zeros((stiff.nnz, size, size))
        for axis in range(3):
            block[:, axis, axis] = stiff.data
        block[own, :3, :3] += self.resistance[self.order]
        block[own, :3, 3] = block[own, 3, :3] = -self.normal[self.order]
        if self.system.degree == 0:
            block[own, 3, 3] = -self.tau * self.mass[self.order]
        elif self.system.degree == 1:
            block[:, 3, 3] = -self.tau * stiff.data
        else:
            block[:, 3, 4] = block[:, 4, 3] = -self.tau * stiff.data
            block[own, 4, 4] = self.tau * self.mass[self.order]
        matrix = sp.bsr_matrix((block, stiff.indices, stiff.indptr)).tocsc()
        matrix.eliminate_zeros()
        return matrix


def _extrapolated(earlier: list[tuple[Array, Array]]) -> Array:
    """The next iterate from pairs (iterate, change): the combination of them whose change is least, and that change.

    Reference: Walker & Ni, "Anderson acceleration for fixed-point iterations", 2011.
    """
    unknown, change = earlier[-1]
    if len(earlier) == 1:
        return unknown + change
    steps = np.stack([(b[0] - a[0]).ravel() for a, b in zip(earlier, earlier[1:])], axis=1)
    turns = np.stack([(b[1] - a[1]).ravel() for a, b in zip(earlier, earlier[1:])], axis=1)
    weight = np.linalg.lstsq(turns, change.ravel(), rcond=None)[0]
    return unknown + change - ((steps + turns) @ weight).reshape(unknown.shape)
