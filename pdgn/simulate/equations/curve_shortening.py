"""Curve shortening as a level set."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.geodesics.level_sets import area_above
from pdgn.mesh import TriMesh, grid, icosphere
from pdgn.simulate.argument import finite_array, nonnegative_array, positive_number
from pdgn.simulate.boundary import require_simulable
from pdgn.simulate.equation import Equation, Fields, Parameter
from pdgn.simulate.exact import shortened_circle_height
from pdgn.simulate.level_set_system import LevelSetSystem
from pdgn.simulate.problem import Problem


@final
class CurveShortening(Equation):
    """Curves on a surface that move by their geodesic curvature, as level lines: φ_t = μ |∇φ| div(∇φ/|∇φ|).

    Every level line of φ moves towards its centre of curvature with speed μ |κ|; a curve that has shrunk to a point is
    gone. |∇φ| is replaced by Q = √(|∇φ|² + ε²), which adds μ (ε/Q)² times the second derivative of φ across its level
    lines: nothing where φ is a signed distance, the heat equation where φ is flat. On a boundary (zero flux) curves end
    at right angles. In space M_Q dφ/dt = −μ A_Q φ, see `LevelSetSystem`; ∫ Q falls (in steps
    below the time in which curves of the size of the surface vanish). The default stepper is the stabilised explicit
    "rkc2": it needs no matrix, where an implicit one would factor one in every step and for every column.

    Args:
        mobility: μ ≥ 0, a number or one per vertex [V] [length²/time].
        regularization: ε > 0 [field/length]. Well below the slope of φ at the curves that count (1 after `start`), or
            their speed suffers; and not below about a third of the length of an edge times the second derivative of φ,
            or curves that have shrunk to a few faces stand still there, pinned by the kink of φ.

    Raises:
        ValueError: a number out of range.

    Reference: Evans & Spruck, "Motion of level sets by mean curvature I", 1991.
    """

    fields: ClassVar[tuple[str, ...]] = ("phi",)
    default_method: ClassVar[str] = "rkc2"
    boundary = "neumann"

    def __init__(self, mobility: ArrayLike = 1.0, regularization: float = 0.05) -> None:
        self.mobility = nonnegative_array("mobility", mobility)
        self.regularization = positive_number("regularization", regularization)

    def __repr__(self) -> str:
        low, high = self.mobility.min(), self.mobility.max()
        mobility = f"{low:g}" if low == high else f"[{low:g} .. {high:g}]"
        return f"CurveShortening(mobility={mobility}, regularization={self.regularization:g})"

    @property
    def formula(self) -> str:
        """The equation in one line of text."""
        return "phi_t = mobility q div(grad phi / q), q = sqrt(|grad phi|^2 + regularization^2)"

    @property
    def conserved(self) -> tuple[str, ...]:
        """None."""
        return ()

    def parameters(self) -> dict[str, Parameter]:
        """The mobility, in length²/time, and ε, in field/length."""
        return {
            "mobility": Parameter(self.mobility, "length^2/time"),
            "regularization": Parameter(self.regularization, "field/length"),
        }

    def energy(self, mesh: TriMesh, fields: Fields) -> NDArray[np.float64]:
        """∫ Q, the lengths of the level lines of all levels together, but for ε."""
        return self.discretize(mesh).length(fields["phi"])

    def start(self, mesh: TriMesh, pattern: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The pattern, divided by its mean slope over the faces that its zero level crosses (all, if there are none).

        Args:
            mesh: V vertices.
            pattern: [V, n].

        Returns:
            "phi" → [V, n], of slope 1 near its zero level on average.
        """
        slope, _ = self.discretize(mesh).steepness(pattern)
        corner = pattern[mesh.face]
        crossed = (corner.min(axis=1) < 0) & (corner.max(axis=1) > 0)  # [F, n]
        crossed |= ~crossed.any(axis=0)
        weight = crossed * mesh.face_area[:, None]
        mean = (weight * np.linalg.norm(slope, axis=1)).sum(axis=0) / weight.sum(axis=0)
        round_off = 1e-12 * np.abs(pattern).max(axis=0) / np.sqrt(mesh.face_area.sum())
        return {"phi": pattern / np.where(mean > round_off, mean, 1.0)}

    def discretize(self, mesh: TriMesh) -> LevelSetSystem:
        """M_Q dφ/dt = −μ A_Q φ on this mesh.

        Raises:
            ValueError: an unfit mesh, a mobility that does not fit it.
        """
        require_simulable(mesh)
        mobility = finite_array("mobility", self.mobility, [(), (mesh.num_vertices,)])
        return LevelSetSystem(mesh, mobility, self.regularization)

    @classmethod
    def problems(cls) -> tuple[Problem, ...]:
        """Circles on the sphere, cos θ(t) = cos θ₀ exp(μt), and in the plane, R(t)² = R₀² − 2μt."""

        def height(mesh: TriMesh, fields: Fields, time: float) -> float:
            return 1 - 2 * area_above(mesh, fields["phi"][:, 0], 0.0) / float(mesh.face_area.sum())

        def square(mesh: TriMesh, fields: Fields, time: float) -> float:
            return area_above(mesh, fields["phi"][:, 0], 0.0) / np.pi

        return (
            Problem(
                "circle on the sphere",
                mesh=lambda level: icosphere(level + 2),
                equation=lambda mesh: cls(0.5, 0.01),
                initial=lambda mesh: np.pi / 3 - np.arccos(np.clip(mesh.pos[:, 2], -1, 1)),
                measure=height,
                exact=lambda time: float(shortened_circle_height(0.5, 0.5, time)),
                dt=0.02,
                steps=20,
                tolerance=7e-4,
                reason="edges h = 0.075 are chords: the sphere and the curve lie up to h²/8 = 7e-4 beside them",
            ),
            Problem(
                "circle in the plane",
                mesh=lambda level: grid(20 * 2**level + 1, 20 * 2**level + 1, (2.0, 2.0)),
                equation=lambda mesh: cls(0.5, 0.01),
                initial=lambda mesh: (0.7**2 - np.sum((mesh.pos - [1, 1, 0]) ** 2, axis=1)) / 1.4,
                measure=square,
                exact=lambda time: 0.7**2 - time,
                dt=0.02,
                steps=10,
                tolerance=2.4e-4,
                reason="a linear interpolant of φ with second derivatives 1/R₀ is off by up to h²/4R₀ where edges are "
                "0.025 and diagonals longer by √2, and R² by 2R times that",
            ),
        )
