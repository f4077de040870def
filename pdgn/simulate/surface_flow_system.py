"""Surfaces that move by their curvature, discrete in space."""

from __future__ import annotations

from typing import ClassVar, NoReturn

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from pdgn.mesh import TriMesh
from pdgn.operators import mass, stiffness
from pdgn.simulate.argument import finite_array
from pdgn.simulate.system import System

Array = NDArray[np.float64]


class SurfaceFlowSystem(System):
    """A closed triangle mesh whose vertices move so that V = (−1)^(m+1) μ Δ^m H.

    The mesh is where the finite elements live, so every operator changes with the state, and only a stepper that knows
    this (`SemiImplicit`) can advance it. A state is [V, 3n]: n surfaces of the same faces side by side, three columns
    each, independent of one another.

    Args:
        mesh: V vertices; its faces are used, its components, and its area for the unit of the drag.
        degree: m, 0 for mean curvature flow, 1 for surface diffusion, 2 for the sixth-order flow.
        mobility: μ > 0 [length^(2m+2)/time].
        drag: resistance to tangential motion in units of L^(2m)/μ, L = √(area/4π); 0 for none.
    """

    remedy: ClassVar[str] = "semi_implicit"
    bound_follows_state: ClassVar[bool] = False

    def __init__(self, mesh: TriMesh, degree: int, mobility: float, drag: float) -> None:
        self.face = mesh.face
        self.face_component = mesh.component[mesh.face[:, 0]]
        self.num_vertices = mesh.num_vertices
        self.degree = degree
        self.mobility = mobility
        self.drag = drag * float(mesh.face_area.sum() / (4 * np.pi)) ** degree / mobility  # [time/length²]

    def __repr__(self) -> str:
        return f"SurfaceFlowSystem({self.num_vertices} vertices, degree {self.degree}, mobility {self.mobility:g})"

    def pack(self, fields: dict[str, Array]) -> Array:
        """The positions [V, 3n], a copy.

        Raises:
            ValueError: another shape.
        """
        pos = finite_array("initial pos", fields["pos"], [(self.num_vertices, None)])
        if pos.shape[1] % 3 or not pos.shape[1]:
            raise ValueError(
                f"initial pos: wanted shape [{self.num_vertices}, 3], or 3 columns for each of several surfaces, "
                f"got shape {list(pos.shape)}"
            )
        return pos.copy()

    def unpack(self, state: Array) -> dict[str, Array]:
        """The positions by name, a view."""
        return {"pos": state}

    def rate(self, time: float, state: Array) -> NoReturn:
        """Refused: the velocity of the mesh is the solution of a system, which `SemiImplicit` solves."""
        raise TypeError(f"explicit steppers: wanted a mesh that stays, got {self!r}; use {self.remedy}")

    def spectrum(self, state: Array) -> NoReturn:
        """Refused, as `rate` is."""
        self.rate(0.0, state)

    def operators(self, pos: Array) -> tuple[sp.csr_matrix, Array]:
        """Stiffness A [V, V] and lumped mass [V] of the surface at pos [V, 3].

        Raises:
            ValueError: a face has no area.
        """
        mesh = TriMesh(pos, self.face)
        return stiffness(mesh), np.asarray(mass(mesh).diagonal())

    def area_vectors(self, pos: Array) -> Array:
        """Normal times area of every face, [F, 3], of the surface at pos [V, 3]."""
        first, second, third = (pos[self.face[:, corner]] for corner in range(3))
        return 0.5 * np.cross(second - first, third - first)

    def vertex_normals(self, area_vector: Array) -> Array:
        """A third of the area vectors [F, 3] of the faces at every vertex, [V, 3].

        At one position it is the gradient of the enclosed volume by the vertices.
        """
        share = np.repeat(area_vector / 3, 3, axis=0)
        index = self.face.ravel()
        return np.stack([np.bincount(index, column, self.num_vertices) for column in share.T], axis=1)

    def mean_normals(self, start: Array, end: Array) -> Array:
        """`vertex_normals` averaged along the straight way from start to end (each [V, 3]).

        Area vectors are quadratic along the way, so that Simpson's rule is exact, and the enclosed volume changes by
        exactly Σ_v N_v · (end_v − start_v).
        """
        middle = self.area_vectors(0.5 * (start + end))
        return self.vertex_normals((self.area_vectors(start) + 4 * middle + self.area_vectors(end)) / 6)

    def areas(self, state: Array) -> Array:
        """Area of each of the n surfaces of a state [V, 3n], [n]."""
        return np.array([np.linalg.norm(self.area_vectors(pos), axis=1).sum() for pos in surfaces(state)])

    def volumes(self, state: Array) -> Array:
        """Volume inside each of the n surfaces of a state [V, 3n], [n]; positive where normals point outward."""
        centred = [pos - pos.mean(axis=0) for pos in surfaces(state)]
        return np.array(
            [np.einsum("fc,fc->", self.area_vectors(pos), pos[self.face].sum(axis=1)) / 9 for pos in centred]
        )


def surfaces(state: Array) -> list[Array]:
    """The n surfaces, each [V, 3], of a state [V, 3n]: views."""
    return np.split(state, state.shape[1] // 3, axis=1)
