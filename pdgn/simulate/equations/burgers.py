"""The viscous Burgers equation."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh, grid
from pdgn.operators import gradient, mass
from pdgn.simulate.argument import finite_array, nonnegative_array, one_of
from pdgn.simulate.boundary import boundary_condition, require_simulable
from pdgn.simulate.equation import BOUNDARIES, Equation, Fields, Parameter
from pdgn.simulate.exact import burgers_wave
from pdgn.simulate.problem import Problem
from pdgn.simulate.semilinear_system import SemilinearSystem
from pdgn.simulate.spectrum import Spectrum, norm_bound
from pdgn.simulate.tangential import require_tangential
from pdgn.simulate.weak_form import diffusion_form

Array = NDArray[np.float64]


@final
class Burgers(Equation):
    """A quantity that carries itself along a direction field: u_t + ∇·(½u² d) = ∇·(ν∇u).

    Crests overtake troughs and steepen into fronts of width about 4ν/|d Δu|, which the mesh must resolve. In space
    M du/dt = ∫ ½u² d·∇φ_i − K_ν u + s with the square of the piecewise linear u integrated exactly: Σ m u is constant,
    and for a direction free of divergence (`stream_velocity`, `random_face_velocity`, a constant on the plane)
    convection alone leaves ½ Σ m u² as it is, in space. There |u| ≤ max|u₀|, on which the stability bound is computed;
    where d compresses, u grows, without bound in finite time if nothing stops it.

    Args:
        direction: d, [V, 3] (averaged to faces) or [F, 3] (per vertex where V = F), tangential [length/(time · field)].
        viscosity: ν ≥ 0, a number, [V] or [F] [length²/time].
        boundary: "neumann" (flux given) or "dirichlet" (value given).
        boundary_value: a number or [V], read at boundary vertices; neumann: the inflow ν∂u/∂n − ½u² d·n
            [field · length/time], None for zero; dirichlet: the value of u, None for the initial state's own.

    Raises:
        ValueError: a negative or non-finite coefficient, another shape, an unknown boundary.

    Reference: Cole, "On a quasi-linear parabolic equation occurring in aerodynamics", 1951.
    """

    fields: ClassVar[tuple[str, ...]] = ("u",)
    default_method: ClassVar[str] = "imex_ars443"

    def __init__(
        self,
        direction: ArrayLike,
        viscosity: ArrayLike = 0.02,
        boundary: str = "neumann",
        boundary_value: ArrayLike | None = None,
    ) -> None:
        self.direction = finite_array("direction", direction, [(None, 3)])
        self.viscosity = nonnegative_array("viscosity", viscosity)
        self.boundary = one_of("boundary", boundary, BOUNDARIES)
        self.boundary_value = boundary_value

    def __repr__(self) -> str:
        size = float(np.linalg.norm(self.direction, axis=1).max(initial=0.0))
        return f"Burgers(direction up to {size:g}, viscosity up to {self.viscosity.max():g}, {self.boundary!r})"

    @property
    def formula(self) -> str:
        """The equation in one line of text."""
        return "u_t + div(u^2/2 direction) = div(viscosity grad u)"

    @property
    def conserved(self) -> tuple[str, ...]:
        """("u",) with zero flux, else none."""
        return ("u",) if self.boundary == "neumann" and self.boundary_value is None else ()

    def parameters(self) -> dict[str, Parameter]:
        """The direction in length/(time · field), the viscosity in length²/time."""
        return {
            "direction": Parameter(self.direction, "length/(time field)"),
            "viscosity": Parameter(self.viscosity, "length^2/time"),
        }

    def discretize(self, mesh: TriMesh) -> SemilinearSystem:
        """M du/dt = −K_ν u + s + ∫ ½u² d·∇φ_i on this mesh.

        Raises:
            ValueError: an unfit mesh, a coefficient that does not fit it, a direction that is not tangential, Dirichlet
                without interior vertices.
        """
        require_simulable(mesh)
        vertices, faces = mesh.num_vertices, mesh.num_faces
        direction = finite_array("direction", self.direction, [(vertices, 3), (faces, 3)])
        require_tangential(mesh, direction)
        if len(direction) == vertices:
            direction = direction[mesh.face].mean(axis=1)
        viscosity = finite_array("viscosity", self.viscosity, [(), (vertices,), (faces,)])
        fixed, source, value = boundary_condition(mesh, self.boundary, self.boundary_value)
        diagonal = np.asarray(mass(mesh, kind="lumped").diagonal())
        along = _derivative(mesh, direction)
        divergence = sp.csr_matrix(sp.diags(1 / diagonal) @ along.T @ sp.diags(np.asarray(mesh.face_area) / 12))
        corner = mesh.face

        def nonlinear(time: float, state: Array) -> Array:
            first, second, third = (state[corner[:, k]] for k in range(3))
            # ∫ ½u² over a face is A/12 (Σ u_a² + Σ_{a<b} u_a u_b)
            square = first * (first + second) + second * (second + third) + third * (third + first)
            return divergence @ square

        decay, oscillation = _largest_rates(mesh, along, diagonal, fixed)

        def bound(state: Array) -> Spectrum:
            size = float(np.abs(state).max(initial=0.0))
            return Spectrum(decay * size, oscillation * size)

        return SemilinearSystem(
            "u", diagonal, diffusion_form(mesh, viscosity), source, fixed, value, nonlinear=nonlinear, bound=bound
        )

    @classmethod
    def problems(cls) -> tuple[Problem, ...]:
        """A steepening wave across the periodic square, by Cole and Hopf."""
        size, wave = 2 * np.pi, (1, 1)

        def distance(mesh: TriMesh, fields: Fields, time: float) -> float:
            exact = burgers_wave(mesh.pos, time, wave, viscosity=0.1, contrast=0.9)
            return float(np.sqrt(np.mean((fields["u"][:, 0] - exact) ** 2) / np.mean(exact**2)))

        return (
            Problem(
                "wave of Cole and Hopf",
                mesh=lambda level: grid(16 * 2**level, 16 * 2**level, (size, size), periodic=True),
                equation=lambda mesh: cls(np.tile([1.0, 1.0, 0.0], (mesh.num_faces, 1)), 0.1),
                initial=lambda mesh: burgers_wave(mesh.pos, 0.0, wave, viscosity=0.1, contrast=0.9),
                measure=distance,
                exact=lambda time: 0.0,
                dt=0.05,
                steps=20,
                tolerance=0.01,
                reason="the front, √(2 · 0.1) = 0.45 wide, on edges of 0.1 across: (√2 · 0.1/0.45)²/12 = 8e-3",
            ),
        )


def _derivative(mesh: TriMesh, direction: Array) -> sp.csr_matrix:
    """d·∇ of a function at vertices, on faces: csr [F, V]."""
    faces = mesh.num_faces
    place = np.arange(3 * faces)
    pick = sp.csr_matrix((direction.ravel(), (np.repeat(np.arange(faces), 3), place)), (faces, 3 * faces))
    return sp.csr_matrix(pick @ gradient(mesh))


def _largest_rates(mesh: TriMesh, along: sp.csr_matrix, diagonal: Array, fixed: NDArray[np.bool_]) -> Array:
    """Bounds of decay (or growth) and oscillation per size of u, for every u with |u| ≤ 1: [2].

    The derivative of the convection term is J_ij = ∫ u φ_j d·∇φ_i. On a face its symmetric and its skew part are at
    most P_ij = ½ (|d·∇φ_i| + |d·∇φ_j|) A/3 in size, the skew one with a zero diagonal; the norm of a matrix is at most
    that of its entries' sizes.
    """
    faces = np.repeat(np.arange(mesh.num_faces), 3)
    corner = sp.csr_matrix((np.ones(len(faces)), (faces, mesh.face.ravel())), along.shape)
    part = abs(along).T @ sp.diags(np.asarray(mesh.face_area) / 6) @ corner
    free, scale = np.flatnonzero(~fixed), sp.diags(1 / np.sqrt(diagonal))
    size = sp.csr_matrix(scale @ (part + part.T) @ scale)[free][:, free]
    return np.array([norm_bound(size), norm_bound(sp.csr_matrix(size - sp.diags(size.diagonal())))])
