"""Convection in a given flow."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh, icosphere
from pdgn.operators import mass
from pdgn.simulate.argument import finite_array, one_of
from pdgn.simulate.boundary import boundary_values, dirichlet_vertices, flux_load, require_simulable
from pdgn.simulate.equation import BOUNDARIES, Equation, Fields, Parameter
from pdgn.simulate.exact import real_spherical_harmonic, rotated_points
from pdgn.simulate.outflow import inflow_vertices, outflow_form
from pdgn.simulate.problem import Problem
from pdgn.simulate.system import LinearSystem
from pdgn.simulate.tangential import require_tangential
from pdgn.simulate.velocity import rotation_velocity
from pdgn.simulate.weak_form import convection_form

FORMS = ("conservative", "advective")


@final
class Convection(Equation):
    """What a tangential velocity carries along, in one of two forms that agree where it is free of divergence.

        conservative   u_t + ∇·(u v) = 0      Σ m u is constant where nothing crosses the boundary
        advective      u_t + v·∇u = 0          a constant stays constant

    Convection is central and adds no diffusion: fronts that the mesh does not resolve make ripples that stay. The
    default stepper is the classical Runge–Kutta method, whose region of stability reaches along the imaginary axis.

    Args:
        velocity: v, [V, 3] per vertex or [F, 3] per face (per vertex where V = F), tangential [length/time].
        form: "conservative" or "advective".
        boundary: "neumann" (conservative: nothing crosses it unless given; advective: nothing is asked of it, for flows
            that do not enter through it) or "dirichlet" (u given where the flow enters, free where it leaves).
        boundary_value: a number or [V], read at boundary vertices; neumann, conservative only: the inflow −u v·n
            [field · length/time]; dirichlet: the value of u where the flow enters, None for the initial state's own.

    Raises:
        ValueError: a non-finite velocity, another shape, an unknown form or boundary, an inflow in advective form.
    """

    fields: ClassVar[tuple[str, ...]] = ("u",)
    default_method: ClassVar[str] = "rk4"

    def __init__(
        self,
        velocity: ArrayLike,
        form: str = "conservative",
        boundary: str = "neumann",
        boundary_value: ArrayLike | None = None,
    ) -> None:
        self.velocity = finite_array("velocity", velocity, [(None, 3)])
        self.form = one_of("form", form, FORMS)
        self.boundary = one_of("boundary", boundary, BOUNDARIES)
        if form == "advective" and boundary == "neumann" and boundary_value is not None:
            raise ValueError("boundary_value: wanted none in advective form with 'neumann', got one; use 'dirichlet'")
        self.boundary_value = boundary_value

    def __repr__(self) -> str:
        speed = float(np.linalg.norm(self.velocity, axis=1).max(initial=0.0))
        return f"Convection(speed up to {speed:g}, form={self.form!r}, boundary={self.boundary!r})"

    @property
    def formula(self) -> str:
        """The equation in one line of text."""
        return "u_t + div(u velocity) = 0" if self.form == "conservative" else "u_t + velocity . grad u = 0"

    @property
    def conserved(self) -> tuple[str, ...]:
        """("u",) in conservative form where nothing crosses the boundary, else none."""
        closed = self.boundary == "neumann" and self.boundary_value is None
        return ("u",) if closed and self.form == "conservative" else ()

    def parameters(self) -> dict[str, Parameter]:
        """The velocity in length/time."""
        return {"velocity": Parameter(self.velocity, "length/time")}

    def discretize(self, mesh: TriMesh) -> LinearSystem:
        """M du/dt = Cᵀu (conservative) or −C u (advective), C_ij = ∫ φ_i v·∇φ_j, with what crosses the boundary.

        Raises:
            ValueError: an unfit mesh, a velocity that does not fit it or is not tangential, Dirichlet without a
                boundary or interior vertices.
        """
        require_simulable(mesh)
        velocity = finite_array("velocity", self.velocity, [(mesh.num_vertices, 3), (mesh.num_faces, 3)])
        require_tangential(mesh, velocity)
        form = convection_form(mesh, velocity)
        operator = -form.T if self.form == "conservative" else form
        values = None if self.boundary_value is None else boundary_values(mesh, self.boundary_value)
        diagonal = np.asarray(mass(mesh, kind="lumped").diagonal())
        if self.boundary == "neumann":
            source = None if values is None else flux_load(mesh, values)
            return LinearSystem("u", diagonal, sp.csr_matrix(operator), source)
        dirichlet_vertices(mesh)  # refuses a mesh without boundary or interior
        if self.form == "conservative":
            operator = operator + outflow_form(mesh, velocity)
        return LinearSystem("u", diagonal, sp.csr_matrix(operator), None, inflow_vertices(mesh, velocity), values)

    @classmethod
    def problems(cls) -> tuple[Problem, ...]:
        """A state that a rotation of the sphere turns as it is."""
        axis, rate = [1.0, 2.0, 3.0], 0.8

        def state(pos: NDArray[np.float64]) -> NDArray[np.float64]:
            return real_spherical_harmonic(pos, 2, 1) + real_spherical_harmonic(pos, 3, -2)

        def distance(mesh: TriMesh, fields: Fields, time: float) -> float:
            exact = state(rotated_points(mesh.pos, axis, -rate * time))
            weight = mass(mesh).diagonal()
            return float(np.sqrt(weight @ (fields["u"][:, 0] - exact) ** 2 / (weight @ exact**2)))

        return (
            Problem(
                "rotation",
                mesh=lambda level: icosphere(level + 2),
                equation=lambda mesh: cls(rotation_velocity(mesh, axis, rate)),
                initial=lambda mesh: state(mesh.pos),
                measure=distance,
                exact=lambda time: 0.0,
                dt=0.05,
                steps=20,
                tolerance=0.02,
                reason="phase speed off by (qh)²/6, q = 3, h = 0.07: 0.7 % of a turn of phase by 2.4",
            ),
        )
