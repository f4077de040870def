"""The Cahn–Hilliard equation."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh
from pdgn.operators import mass, stiffness
from pdgn.simulate.argument import finite_array, nonnegative_array, nonnegative_number, one_of, positive_number
from pdgn.simulate.boundary import boundary_condition, require_simulable
from pdgn.simulate.cahn_hilliard_system import CahnHilliardSystem
from pdgn.simulate.double_well import well
from pdgn.simulate.equation import BOUNDARIES, Equation, Fields, Parameter
from pdgn.simulate.problem import Problem
from pdgn.simulate.small_mode import small_mode
from pdgn.simulate.weak_form import diffusion_form

Array = NDArray[np.float64]


@final
class CahnHilliard(Equation):
    """Two phases that part and conserve their amounts: u_t = ∇·(m∇w), w = W′(u) − ε²Δu, W = (1 − u²)²/4.

    From a nearly uniform state, waves of length about 2π√2 ε grow first, in times of about 4ε²/m, and then coarsen.
    Σ m u is constant to round-off. The energy ∫ ½ε²|∇u|² + W(u) falls; with the default stepper it does in every step
    by proof, as long as |u| stays below max(1.2, |u₀|): the step is kept small enough (`CahnHilliardSystem`).

    Args:
        width: ε > 0, of the interfaces (they are 2√2 ε wide) [length]; wants at least two edges.
        mobility: m ≥ 0, a number, [V] or [F] [length²/time].
        stabilization: S ≥ 0; S u is treated implicitly and taken off explicitly. A larger one allows larger steps, at
            the cost of accuracy: errors of a step grow as S².
        boundary: "neumann" (no flux of u, ∂u/∂n = 0) or "dirichlet" (u given, w = 0).
        boundary_value: with "dirichlet", a number or [V]; None for the initial state's own. Not with "neumann".

    Raises:
        ValueError: a coefficient out of range or of another shape, an unknown boundary, a flux.

    Reference: Cahn & Hilliard, "Free energy of a nonuniform system", 1958; Elliott, French & Milner, "A second order
    splitting method for the Cahn–Hilliard equation", 1989.
    """

    fields: ClassVar[tuple[str, ...]] = ("u",)
    default_method: ClassVar[str] = "imex_dissipative"

    def __init__(
        self,
        width: float = 0.1,
        mobility: ArrayLike = 0.1,
        stabilization: float = 0.5,
        boundary: str = "neumann",
        boundary_value: ArrayLike | None = None,
    ) -> None:
        self.width = positive_number("width", width)
        self.mobility = nonnegative_array("mobility", mobility)
        self.stabilization = nonnegative_number("stabilization", stabilization)
        self.boundary = one_of("boundary", boundary, BOUNDARIES)
        if boundary == "neumann" and boundary_value is not None:
            raise ValueError("boundary_value: wanted none with 'neumann', where no flux of u or of w is given, got one")
        self.boundary_value = boundary_value

    def __repr__(self) -> str:
        return f"CahnHilliard(width={self.width:g}, boundary={self.boundary!r})"

    @property
    def formula(self) -> str:
        """The equation in one line of text."""
        return "u_t = div(mobility grad(u^3 - u - width^2 laplacian u))"

    @property
    def conserved(self) -> tuple[str, ...]:
        """("u",) without flux, else none."""
        return ("u",) if self.boundary == "neumann" else ()

    def parameters(self) -> dict[str, Parameter]:
        """Width in length, mobility in length²/time; the stabilization belongs to the method."""
        return {
            "width": Parameter(self.width, "length"),
            "mobility": Parameter(self.mobility, "length^2/time"),
            "stabilization": Parameter(self.stabilization, "1"),
        }

    def energy(self, mesh: TriMesh, fields: Fields) -> Array:
        """½ ε² uᵀL u + Σ m W(u), with either boundary."""
        u = fields["u"]
        slope = np.sum(u * (stiffness(mesh) @ u), axis=0)
        return 0.5 * self.width**2 * slope + mass(mesh).diagonal() @ well(u)

    def discretize(self, mesh: TriMesh) -> CahnHilliardSystem:
        """The mixed form on this mesh.

        Raises:
            ValueError: an unfit mesh, a mobility of neither V nor F values, Dirichlet without interior vertices.
        """
        require_simulable(mesh)
        mobility = finite_array("mobility", self.mobility, [(), (mesh.num_vertices,), (mesh.num_faces,)])
        return CahnHilliardSystem(
            np.asarray(mass(mesh, kind="lumped").diagonal()),
            diffusion_form(mesh, np.array(1.0)),
            diffusion_form(mesh, mobility),
            float(mobility.max()),
            self.width,
            self.stabilization,
            boundary_condition(mesh, self.boundary, self.boundary_value),
        )

    def start(self, mesh: TriMesh, pattern: Array) -> dict[str, Array]:
        """A nearly uniform mixture: a tenth of the pattern about 0."""
        return {"u": 0.1 * pattern}

    @classmethod
    def problems(cls) -> tuple[Problem, ...]:
        """Small spherical harmonics grow from the mixture c₀ at −mλ (3c₀² − 1 + ε²λ)."""
        return (
            small_mode(
                "growth of a spherical harmonic",
                cls(0.25, 0.2),
                {"u": 0.2},
                lambda value: np.array([[-0.2 * value * (3 * 0.04 - 1 + 0.25**2 * value)]]),
                dt=0.005,
                steps=200,
                tolerance=6e-4,
                reason="eigenvalue off by 1.4e-3: 1.4e-3 · mλ |3c₀² − 1 + 2ε²λ| t · exp(0.61 t) = 4e-4 at t = 1",
            ),
        )
