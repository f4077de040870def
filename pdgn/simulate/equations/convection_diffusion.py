"""Convection and diffusion in a given flow."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh, grid
from pdgn.simulate.argument import finite_array, nonnegative_array, one_of
from pdgn.simulate.boundary import bounded_system, require_simulable
from pdgn.simulate.equation import BOUNDARIES, Equation, Fields, Parameter
from pdgn.simulate.exact import plane_wave
from pdgn.simulate.problem import Problem
from pdgn.simulate.system import LinearSystem
from pdgn.simulate.tangential import require_tangential
from pdgn.simulate.weak_form import convection_form, diffusion_form

FORMS = ("conservative", "advective")


@final
class ConvectionDiffusion(Equation):
    """Convection by a tangential velocity with diffusion, in one of two forms that agree for constant coefficients.

        conservative   u_t + ∇·(u v) = ∇·(κ∇u)      Σ m u is constant with zero total flux through the boundary
        advective      u_t + v·∇u = κΔu              κ outside the derivatives; a constant stays constant

    With C_ij = ∫ φ_i v·∇φ_j and the lumped mass M, conservative is M du/dt = (Cᵀ − K_κ) u, advective is
    M du/dt = −(C + diag(κ) L) u. The default stepper is the classical Runge–Kutta method: convection turns phases,
    which fourth order keeps and which its region of stability, reaching along the imaginary axis, admits; take
    "crank_nicolson" where very small triangles would ask for many substeps. Convection is central: fronts that the
    mesh does not resolve make ripples when v h/(2κ) is above 1.

    Args:
        velocity: v, [V, 3] per vertex or [F, 3] per face (per vertex where V = F), tangential [length/time].
            Only its part in each face acts.
        diffusivity: κ ≥ 0, a number, [V], or (conservative only) [F] [length²/time].
        form: "conservative" or "advective".
        boundary: "neumann" (flux given) or "dirichlet" (value given).
        boundary_value: a number or [V], read at boundary vertices; neumann: the inflow κ∂u/∂n − u v·n (conservative)
            or κ∂u/∂n (advective) [field · length/time], None for zero; dirichlet: the value of u, None for the initial
            state's own.

    Raises:
        ValueError: a negative or non-finite coefficient, another shape, an unknown form or boundary.
    """

    fields: ClassVar[tuple[str, ...]] = ("u",)
    default_method: ClassVar[str] = "rk4"

    def __init__(
        self,
        velocity: ArrayLike,
        diffusivity: ArrayLike = 0.0,
        form: str = "conservative",
        boundary: str = "neumann",
        boundary_value: ArrayLike | None = None,
    ) -> None:
        self.velocity = finite_array("velocity", velocity, [(None, 3)])
        self.diffusivity = nonnegative_array("diffusivity", diffusivity)
        self.form = one_of("form", form, FORMS)
        self.boundary = one_of("boundary", boundary, BOUNDARIES)
        self.boundary_value = boundary_value

    def __repr__(self) -> str:
        speed = float(np.linalg.norm(self.velocity, axis=1).max(initial=0.0))
        return f"ConvectionDiffusion(speed up to {speed:g}, form={self.form!r}, boundary={self.boundary!r})"

    @property
    def formula(self) -> str:
        """The equation in one line of text."""
        if self.form == "conservative":
            return "u_t + div(u velocity) = div(diffusivity grad u)"
        return "u_t + velocity . grad u = diffusivity laplacian u"

    @property
    def conserved(self) -> tuple[str, ...]:
        """("u",) in conservative form with zero flux, else none."""
        closed = self.boundary == "neumann" and self.boundary_value is None
        return ("u",) if closed and self.form == "conservative" else ()

    def parameters(self) -> dict[str, Parameter]:
        """The velocity in length/time and the diffusivity in length²/time."""
        return {
            "velocity": Parameter(self.velocity, "length/time"),
            "diffusivity": Parameter(self.diffusivity, "length^2/time"),
        }

    def discretize(self, mesh: TriMesh) -> LinearSystem:
        """M du/dt = −K u + s on this mesh.

        Raises:
            ValueError: an unfit mesh, coefficients that do not fit it, a velocity that is not tangential, Dirichlet
                without interior vertices.
        """
        require_simulable(mesh)
        vertices, faces = mesh.num_vertices, mesh.num_faces
        velocity = finite_array("velocity", self.velocity, [(vertices, 3), (faces, 3)])
        require_tangential(mesh, velocity)
        convection = convection_form(mesh, velocity)
        if self.form == "conservative":
            kappa = finite_array("diffusivity", self.diffusivity, [(), (vertices,), (faces,)])
            operator = diffusion_form(mesh, kappa) - convection.T
        else:
            kappa = finite_array("diffusivity", self.diffusivity, [(), (vertices,)])
            scale = sp.diags(np.broadcast_to(kappa, (vertices,)))
            operator = convection + scale @ diffusion_form(mesh, np.array(1.0))
        coupling = self._coupling(mesh, velocity, kappa)
        return bounded_system("u", mesh, sp.csr_matrix(operator), self.boundary, self.boundary_value, coupling)

    @classmethod
    def problems(cls) -> tuple[Problem, ...]:
        """A plane wave on the periodic square, carried and damped."""

        def state(mesh: TriMesh, time: float) -> NDArray[np.float64]:
            return plane_wave(mesh.pos, time, (2, -1), velocity=(0.7, 0.4), diffusivity=0.05)

        def distance(mesh: TriMesh, fields: Fields, time: float) -> float:
            return float(np.sqrt(np.mean((fields["u"][:, 0] - state(mesh, time)) ** 2)))

        return (
            Problem(
                "plane wave",
                mesh=lambda level: grid(16 * 2**level, 16 * 2**level, (2 * np.pi, 2 * np.pi), periodic=True),
                equation=lambda mesh: cls(np.tile([0.7, 0.4, 0.0], (mesh.num_faces, 1)), 0.05),
                initial=lambda mesh: state(mesh, 0.0),
                measure=distance,
                exact=lambda time: 0.0,
                dt=0.05,
                steps=20,
                tolerance=6e-3,
                reason="phase speed off by (qh)²/6 = 0.8 %, q = √5, h = 0.1, of a phase of 1; damped by 0.78, over √2",
            ),
        )

    def _coupling(self, mesh: TriMesh, velocity: NDArray[np.float64], kappa: NDArray[np.float64]) -> float:
        """Largest |v|²/κ on a face: |∫ w v·∇w|² ≤ ∫ w² · max(|v|²/κ) · ∫ κ|∇w|² (and consistent mass ≤ lumped mass)."""
        if self.form == "advective" and kappa.ndim:
            return np.inf  # κ is outside the derivatives, so that ∫ κ|∇w|² is not what damps
        square = np.einsum("nc,nc->n", velocity, velocity)
        if len(square) == mesh.num_vertices:
            square = square[mesh.face].max(axis=1)
        if kappa.shape == (mesh.num_vertices,):
            kappa = kappa[mesh.face].mean(axis=1)
        kappa = np.broadcast_to(kappa, square.shape)
        if np.any((kappa == 0) & (square > 0)):
            return np.inf
        return float(np.divide(square, kappa, out=np.zeros_like(square), where=kappa > 0).max())
