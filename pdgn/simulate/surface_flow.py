"""What flows that move the mesh itself have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh import TriMesh, icosphere
from pdgn.operators import mass
from pdgn.simulate.argument import nonnegative_number, positive_number
from pdgn.simulate.boundary import require_simulable
from pdgn.simulate.equation import Equation, Fields, Parameter
from pdgn.simulate.exact import real_spherical_harmonic
from pdgn.simulate.problem import Problem
from pdgn.simulate.surface_flow_system import SurfaceFlowSystem

# Displacement of `start` for a pattern of size 1, in radii of the sphere of the same area.
DISPLACEMENT = 0.05


class SurfaceFlow(Equation):
    """A closed surface that moves along its normal: V = (−1)^(m+1) μ Δ^m H.

    V is the velocity along the outward normal, H = κ₁ + κ₂ (positive on a sphere), Δ the Laplace–Beltrami operator of
    the surface as it is at the time. The unknown is "pos", [V, 3], the vertices in space; [V, 3n] moves n surfaces with
    the same faces at once. The normal velocity is the equation's; vertices also slide along the surface, which leaves
    its shape and keeps the triangles good:

        drag · (tangential velocity) = tangential part of Δ_h x

    With drag 0, the scheme of Barrett, Garcke and Nürnberg, they slide at once to where that force is zero: a first
    step from a mesh that is not there yet moves it by an amount that does not shrink with dt. With a drag above 0 every
    vertex has a velocity, and its place converges with order 1 in dt; the larger, the sooner triangles degenerate.

    Args:
        mobility: μ > 0 [length^(2m+2)/time].
        drag: at least 0, in units of L^(2m)/μ, where L is the radius of the sphere of the area of the mesh.

    Raises:
        ValueError: a number out of range.
    """

    fields: ClassVar[tuple[str, ...]] = ("pos",)
    default_method: ClassVar[str] = "semi_implicit"
    boundary = "closed"
    degree: ClassVar[int]

    def __init__(self, mobility: float = 1.0, drag: float = 0.0) -> None:
        self.mobility = positive_number("mobility", mobility)
        self.drag = nonnegative_number("drag", drag)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mobility={self.mobility:g}, drag={self.drag:g})"

    @property
    @abstractmethod
    def formula(self) -> str:
        """The equation in one line of text."""

    @property
    def conserved(self) -> tuple[str, ...]:
        """None in the sense of Σ m u; see `volume`."""
        return ()

    def parameters(self) -> dict[str, Parameter]:
        """The mobility, in length^(2m+2)/time, and the drag of tangential motion, without unit."""
        unit = f"length^{2 * self.degree + 2}/time"
        return {"mobility": Parameter(self.mobility, unit), "drag": Parameter(self.drag, "1")}

    def energy(self, mesh: TriMesh, fields: Fields) -> NDArray[np.float64]:
        """Area of the surface [n], of fields["pos"] [V, 3n]: it falls in every step."""
        return self.discretize(mesh).areas(fields["pos"])

    def volume(self, mesh: TriMesh, fields: Fields) -> NDArray[np.float64]:
        """Enclosed volume [n], of fields["pos"] [V, 3n]; constant but in mean curvature flow."""
        return self.discretize(mesh).volumes(fields["pos"])

    def start(self, mesh: TriMesh, pattern: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The mesh, its vertices displaced along their normals by 0.05 L times the pattern.

        L = √(area/4π). Where the surface is thinner than that, take a smaller pattern.

        Args:
            mesh: V vertices.
            pattern: [V, n], of size about 1.

        Returns:
            "pos" → [V, 3n], three columns for each surface; [V, 3] for n = 1.
        """
        radius = np.sqrt(mesh.face_area.sum() / (4 * np.pi))
        moved = mesh.pos[:, None] + DISPLACEMENT * radius * pattern[:, :, None] * mesh.vertex_normal[:, None]
        return {"pos": moved.reshape(mesh.num_vertices, -1)}

    def discretize(self, mesh: TriMesh) -> SurfaceFlowSystem:
        """The moving mesh.

        Raises:
            ValueError: a mesh that is not closed, manifold, oriented and in space.
        """
        require_simulable(mesh)
        if mesh.period is not None:
            raise ValueError(f"{type(self).__name__}: wanted a closed surface in space, got a mesh with period")
        try:
            mesh.require(closed=True, manifold=True, oriented=True)
        except ValueError as error:
            raise ValueError(f"{type(self).__name__}: {error}") from error
        return SurfaceFlowSystem(mesh, self.degree, self.mobility, self.drag)


def sphere_mode_problem(kind: type[SurfaceFlow], degree: int, tolerance: float, reason: str) -> Problem:
    """A small spherical harmonic on the unit sphere, whose measure is its rate of decay over the exact one.

    The exact rate is (l−1) l (l+1) (l+2), times l(l+1) in the sixth-order flow. The steps are so short that the error
    of the stepper, of the size of rate · dt = 2e-4, stays below that of the mesh; in so short a time the slip of the
    first steps without drag would show.

    Args:
        kind: a flow that keeps the volume.
        degree: l of the harmonic.
        tolerance: bound of the relative error of the rate on the finest mesh, of 642 vertices.
        reason: where it comes from.
    """
    size = 1e-3  # relative to the radius: what is quadratic in it changes the rate by less than this
    rate = (degree - 1) * degree * (degree + 1) * (degree + 2) * (degree * (degree + 1)) ** (kind.degree - 1)

    def amplitude(mesh: TriMesh, pos: NDArray[np.float64]) -> float:
        radius = np.linalg.norm(pos, axis=1)
        sphere = TriMesh(pos / radius[:, None], mesh.face)
        return float(mass(sphere).diagonal() @ ((radius - 1) * real_spherical_harmonic(pos, degree, 1)))

    def initial(mesh: TriMesh) -> NDArray[np.float64]:
        return mesh.pos * (1 + size * real_spherical_harmonic(mesh.pos, degree, 1))[:, None]

    def measure(mesh: TriMesh, fields: Fields, time: float) -> float:
        return -float(np.log(amplitude(mesh, fields["pos"]) / amplitude(mesh, initial(mesh)))) / (rate * time)

    return Problem(
        f"small spherical harmonic of degree {degree}",
        mesh=lambda level: icosphere(level + 1),
        equation=lambda mesh: kind(drag=0.1),
        initial=initial,
        measure=measure,
        exact=lambda time: 1.0,
        dt=2e-4 / rate,
        steps=5,
        tolerance=tolerance,
        reason=reason,
    )
