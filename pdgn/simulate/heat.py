"""The heat equation."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike

from pdgn.mesh import TriMesh
from pdgn.simulate.argument import finite_array, nonnegative_array, one_of
from pdgn.simulate.boundary import bounded_system, require_simulable
from pdgn.simulate.equation import BOUNDARIES, Equation, Parameter
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

    def discretize(self, mesh: TriMesh) -> LinearSystem:
        """M du/dt = −K u + s on this mesh.

        Raises:
            ValueError: an unfit mesh, a diffusivity of neither V nor F values, Dirichlet without interior vertices.
        """
        require_simulable(mesh)
        shapes = [(), (mesh.num_vertices,), (mesh.num_faces,)]
        operator = diffusion_form(mesh, finite_array("diffusivity", self.diffusivity, shapes))
        return bounded_system("u", mesh, operator, self.boundary, self.boundary_value)


def _summary(value: np.ndarray) -> str:
    return f"{float(value):g}" if value.ndim == 0 else f"[{value.min():g} .. {value.max():g}]"
