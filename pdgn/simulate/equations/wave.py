"""The wave equation."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, final

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh, grid, icosphere
from pdgn.operators import mass
from pdgn.simulate.argument import finite_array, nonnegative_array, one_of
from pdgn.simulate.boundary import boundary_condition, require_simulable
from pdgn.simulate.equation import BOUNDARIES, Equation, Fields, Parameter
from pdgn.simulate.exact import real_spherical_harmonic
from pdgn.simulate.problem import Problem
from pdgn.simulate.wave_system import WaveSystem
from pdgn.simulate.weak_form import diffusion_form

Array = NDArray[np.float64]


@final
class Wave(Equation):
    """Waves on a surface, damped or not: u_tt = ∇·(c²∇u) − γ u_t, as u_t = p, p_t = ∇·(c²∇u) − γp.

    The default stepper is Crank–Nicolson, one symmetric definite solve of V unknowns a step. Without damping it keeps
    the energy ½ Σ m p² + ½ uᵀL u to round-off; with damping that falls by ∫ γp² per time. Short waves lag: where their
    phase matters, take steps of a tenth of their period.

    Args:
        speed: c ≥ 0, a number, [V] or [F] [length/time].
        damping: γ ≥ 0, a number or [V] [1/time].
        boundary: "neumann" (c²∂u/∂n given, zero unless told so) or "dirichlet" (u given, at rest).
        boundary_value: a number or [V], read at boundary vertices; neumann: c²∂u/∂n [field · length/time²];
            dirichlet: the value of u, None for the initial state's own.

    Raises:
        ValueError: a negative or non-finite coefficient, another shape, an unknown boundary.
    """

    fields: ClassVar[tuple[str, ...]] = ("u", "velocity")
    default_method: ClassVar[str] = "crank_nicolson"

    def __init__(
        self,
        speed: ArrayLike = 1.0,
        damping: ArrayLike = 0.0,
        boundary: str = "neumann",
        boundary_value: ArrayLike | None = None,
    ) -> None:
        self.speed = nonnegative_array("speed", speed)
        self.damping = nonnegative_array("damping", damping)
        self.boundary = one_of("boundary", boundary, BOUNDARIES)
        self.boundary_value = boundary_value

    def __repr__(self) -> str:
        return f"Wave(speed up to {self.speed.max():g}, damping up to {self.damping.max():g}, {self.boundary!r})"

    @property
    def formula(self) -> str:
        """The equation in one line of text."""
        return "u_t = velocity; velocity_t = div(speed^2 grad u) - damping velocity"

    @property
    def conserved(self) -> tuple[str, ...]:
        """("velocity",) without damping and flux, else none."""
        closed = self.boundary == "neumann" and self.boundary_value is None
        return ("velocity",) if closed and not self.damping.any() else ()

    def parameters(self) -> dict[str, Parameter]:
        """Speed in length/time, damping in 1/time."""
        return {"speed": Parameter(self.speed, "length/time"), "damping": Parameter(self.damping, "1/time")}

    def energy(self, mesh: TriMesh, fields: Fields) -> Array | None:
        """½ Σ m p² + ½ uᵀL u; None where a flux is given."""
        if self.boundary == "neumann" and self.boundary_value is not None:
            return None
        u, velocity = fields["u"], fields["velocity"]
        elastic = np.sum(u * (self._form(mesh) @ u), axis=0)
        return 0.5 * mass(mesh).diagonal() @ velocity**2 + 0.5 * elastic

    def discretize(self, mesh: TriMesh) -> WaveSystem:
        """The system of both fields on this mesh.

        Raises:
            ValueError: an unfit mesh, a coefficient that does not fit it, Dirichlet without interior vertices.
        """
        require_simulable(mesh)
        vertices = mesh.num_vertices
        damping = np.broadcast_to(finite_array("damping", self.damping, [(), (vertices,)]), (vertices,))
        condition = boundary_condition(mesh, self.boundary, self.boundary_value)
        return WaveSystem(np.asarray(mass(mesh, kind="lumped").diagonal()), self._form(mesh), damping, condition)

    def _form(self, mesh: TriMesh) -> sp.csr_matrix:
        shapes = [(), (mesh.num_vertices,), (mesh.num_faces,)]
        return diffusion_form(mesh, finite_array("speed", self.speed, shapes) ** 2)

    @classmethod
    def problems(cls) -> tuple[Problem, ...]:
        """A spherical harmonic that swings, one that swings and fades, and the first mode of a membrane."""

        def harmonic(mesh: TriMesh) -> Array:
            return real_spherical_harmonic(mesh.pos, 2, 1)

        def first(mesh: TriMesh) -> Array:
            return np.sin(np.pi * mesh.pos[:, 0]) * np.sin(np.pi * mesh.pos[:, 1])

        def sphere(level: int) -> TriMesh:
            return icosphere(level + 2)

        def square(level: int) -> TriMesh:
            return grid(8 * 2**level + 1, 8 * 2**level + 1)

        membrane = cls(0.5, boundary="dirichlet")
        return (
            _swinging("spherical harmonic", harmonic, sphere, cls(0.5), 1.5, 0.0, 1.2e-3,
                      "eigenvalue off by 1.4e-3: 1.4e-3/2 · c√λ t · sin(c√λ t) = 8e-4 at t = 1"),
            _swinging("damped spherical harmonic", harmonic, sphere, cls(0.5, 0.8), 1.5, 0.8, 1e-3,
                      "the same, damped by exp(−0.4 t)"),
            _swinging("mode of a membrane", first, square, membrane, np.pi**2 / 2, 0.0, 1.2e-3,
                      "eigenvalue off by (πh)²/12 = 8e-4, h = 1/32: 8e-4/2 · 2.22 t · sin(2.22 t) = 7e-4 at t = 1"),
        )  # fmt: skip


def _swinging(
    name: str,
    mode: Callable[[TriMesh], Array],
    mesh: Callable[[int], TriMesh],
    equation: Wave,
    square: float,
    damping: float,
    tolerance: float,
    reason: str,
) -> Problem:
    """A mode at rest at first, c²λ = `square`: e^(−γt/2) (cos ωt + γ/(2ω) sin ωt), ω² = c²λ − γ²/4, for a time of 1."""
    turn = np.sqrt(square - damping**2 / 4)

    def amplitude(mesh: TriMesh, fields: Fields, time: float) -> float:
        weight = mass(mesh).diagonal() * mode(mesh)
        return float(weight @ fields["u"][:, 0] / (weight @ mode(mesh)))

    def exact(time: float) -> float:
        swing = np.cos(turn * time) + damping / (2 * turn) * np.sin(turn * time)
        return float(np.exp(-damping * time / 2) * swing)

    return Problem(
        name,
        mesh=mesh,
        equation=lambda mesh: equation,
        initial=lambda mesh: {"u": mode(mesh), "velocity": 0 * mode(mesh)},
        measure=amplitude,
        exact=exact,
        dt=0.004,
        steps=250,
        tolerance=tolerance,
        reason=reason,
    )
