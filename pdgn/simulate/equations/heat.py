"""The heat equation."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh, icosphere
from pdgn.operators import mass
from pdgn.simulate.argument import finite_array, nonnegative_array, one_of
from pdgn.simulate.boundary import bounded_system, require_simulable
from pdgn.simulate.equation import BOUNDARIES, Equation, Fields, Parameter
from pdgn.simulate.exact import real_spherical_harmonic, sphere_heat_factor
from pdgn.simulate.problem import Problem
from pdgn.simulate.system import LinearSystem
from pdgn.simulate.weak_form import diffusion_form


@final
class Heat(Equation):
    """Heat on a surface: u_t = ∇·(κ∇u).

    The weak form is M du/dt = −K u + s with the lumped mass M, K_ij = ∫ κ ∇φ_i·∇φ_j and s_i = ∫_∂ q φ_i.
    Σ m u is constant with zero flux. The default stepper is Crank–Nicolson: the equation is stiff, and one
    factorisation serves every step at second order; take "backward_euler" for rough initial states or where the
    maximum principle must hold (on a Delaunay mesh).

    Args:
        diffusivity: κ ≥ 0, a number, one per vertex [V] or one per face [F] (per vertex where V = F)
            [length²/time].
        boundary: "neumann" (flux given) or "dirichlet" (value given); without effect on a closed surface,
            where only "neumann" is accepted.
        boundary_value: a number or [V], read at boundary vertices; neumann: the inflow q = κ∂u/∂n
            [field · length/time], None for zero; dirichlet: the value of u, None for the initial state's own.

    Raises:
        ValueError: a negative or non-finite diffusivity, another shape, an unknown boundary.
    """

    fields: ClassVar[tuple[str, ...]] = ("u",)
    default_method: ClassVar[str] = "crank_nicolson"

    def __init__(
        self, diffusivity: ArrayLike = 1.0, boundary: str = "neumann", boundary_value: ArrayLike | None = None
    ) -> None:
        self.diffusivity = nonnegative_array("diffusivity", diffusivity)
        self.boundary = one_of("boundary", boundary, BOUNDARIES)
        self.boundary_value = boundary_value

    def __repr__(self) -> str:
        return f"Heat(diffusivity={_summary(self.diffusivity)}, boundary={self.boundary!r})"

    @property
    def formula(self) -> str:
        """The equation in one line of text."""
        return "u_t = div(diffusivity grad u)"

    @property
    def conserved(self) -> tuple[str, ...]:
        """("u",) with zero flux, else none."""
        return ("u",) if self.boundary == "neumann" and self.boundary_value is None else ()

    def parameters(self) -> dict[str, Parameter]:
        """The diffusivity, in length²/time."""
        return {"diffusivity": Parameter(self.diffusivity, "length^2/time")}

    def energy(self, mesh: TriMesh, fields: Fields) -> NDArray[np.float64] | None:
        """½ Σ m u² with zero flux: it falls by ∫ κ|∇u|² per time."""
        return 0.5 * mass(mesh).diagonal() @ fields["u"] ** 2 if self.conserved else None

    def discretize(self, mesh: TriMesh) -> LinearSystem:
        """M du/dt = −K u + s on this mesh.

        Raises:
            ValueError: an unfit mesh, a diffusivity of neither V nor F values, Dirichlet without interior vertices.
        """
        require_simulable(mesh)
        shapes = [(), (mesh.num_vertices,), (mesh.num_faces,)]
        operator = diffusion_form(mesh, finite_array("diffusivity", self.diffusivity, shapes))
        return bounded_system("u", mesh, operator, self.boundary, self.boundary_value)

    @classmethod
    def problems(cls) -> tuple[Problem, ...]:
        """Spherical harmonics of degree 2 decay as exp(−6κt)."""

        def harmonic(mesh: TriMesh) -> NDArray[np.float64]:
            return real_spherical_harmonic(mesh.pos, 2, 1)

        def amplitude(mesh: TriMesh, fields: Fields, time: float) -> float:
            weight = mass(mesh).diagonal() * harmonic(mesh)
            return float(weight @ fields["u"][:, 0] / (weight @ harmonic(mesh)))

        return (
            Problem(
                "spherical harmonic",
                mesh=lambda level: icosphere(level + 2),
                equation=lambda mesh: cls(0.5),
                initial=harmonic,
                measure=amplitude,
                exact=lambda time: float(sphere_heat_factor(2, 0.5, time)),
                dt=0.005,
                steps=40,
                tolerance=6e-4,
                reason="eigenvalue off by 1.4e-3 at 2,562 vertices: 1.4e-3 · 3t · exp(−3t) = 4.6e-4 at t = 0.2",
            ),
        )


def _summary(value: np.ndarray) -> str:
    return f"{float(value):g}" if value.ndim == 0 else f"[{value.min():g} .. {value.max():g}]"
