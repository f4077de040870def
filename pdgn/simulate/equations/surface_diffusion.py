"""Surface diffusion."""

from __future__ import annotations

from typing import ClassVar, final

from pdgn.simulate.problem import Problem
from pdgn.simulate.surface_flow import SurfaceFlow, sphere_mode_problem


@final
class SurfaceDiffusion(SurfaceFlow):
    """Surface diffusion: V = μ Δ H. The area falls, the enclosed volume stays; fourth order.

    Spheres are stationary, and a small spherical harmonic on a sphere of radius R decays at
    μ (l−1) l (l+1) (l+2)/R⁴. The volume is constant to round-off. See `SurfaceFlow` for the unknown and for the
    tangential motion.

    Args:
        mobility: μ > 0 [length⁴/time].
        drag: of the tangential motion, at least 0, in units of L²/μ.

    Raises:
        ValueError: a number out of range.
    """

    degree: ClassVar[int] = 1

    @property
    def formula(self) -> str:
        """The equation in one line of text."""
        return "normal velocity = mobility laplacian H"

    @classmethod
    def problems(cls) -> tuple[Problem, ...]:
        """Small spherical harmonics of degree 2 and 3 decay at (l−1) l (l+1) (l+2)."""
        # λ (λ − 2) with λ = l(l+1) off by 5.6e-3 · λ/6 at 642 vertices, as the Rayleigh quotient of the sphere is.
        return (
            sphere_mode_problem(cls, 2, 1.4e-2, "λ off by 5.6e-3, and the rate by 2.5 times that"),
            sphere_mode_problem(cls, 3, 2.5e-2, "λ off by 1.1e-2, and the rate by 2.2 times that"),
        )
