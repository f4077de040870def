"""The stepper of surfaces that move."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pdgn.simulate.dissection import nested_dissection
from pdgn.simulate.stepper import Step, Stepper
from pdgn.simulate.surface_flow_step import SurfaceFlowStep
from pdgn.simulate.surface_flow_system import SurfaceFlowSystem, surfaces
from pdgn.simulate.system import System

Array = NDArray[np.float64]

# A step in which a sphere would vanish (4μ dt = R²) takes its radius to 2/3 in this scheme.
VANISHING = 4 / 9
# Area of a face over that of an equilateral one with the same sum of squared sides: 1e-6 is a needle.
NEEDLE = 1e-6


class SemiImplicit(Stepper):
    """Semi-implicit finite elements on the moving mesh, for `SurfaceFlowSystem`s alone: order 1, stable at every step.

    Integrals are taken over the surface before the step, positions and curvatures after it (see `SurfaceFlowStep`).
    The area never rises, whatever dt; with surface diffusion and the sixth-order flow the volume is constant to
    round-off. Because the mesh moves, the matrix changes with it and is factored anew in every step and for every
    surface: nothing here is factored once.

    References: Barrett, Garcke & Nürnberg, "On the parametric finite element approximation of evolving hypersurfaces
    in R³", 2008; Bao & Zhao, "A structure-preserving parametric finite element method for surface diffusion", 2021.
    """

    order = 1

    def __repr__(self) -> str:
        return "SemiImplicit()"

    def prepare(self, system: System, dt: float) -> Step:
        """The step function (time, [V, 3n]) → [V, 3n]; it raises a ValueError with the time of a singularity.

        Raises:
            TypeError: the system is no surface that moves.
        """
        if not isinstance(system, SurfaceFlowSystem):
            raise TypeError(
                f"semi_implicit: wanted a surface that moves (SurfaceFlowSystem), got {type(system).__name__}; "
                "use the default method of the equation"
            )
        order: list[NDArray[np.intp]] = []

        def step(time: float, state: Array) -> Array:
            if not order:
                order.append(nested_dissection(system.operators(state[:, :3])[0]))
            return np.hstack([_advanced(system, pos, time, dt, order[0]) for pos in surfaces(state)])

        return step

    def stable_step(self, system: System, state: Array) -> float:
        """Infinite: the area falls at every step."""
        return np.inf


def _advanced(system: SurfaceFlowSystem, pos: Array, time: float, dt: float, order: NDArray[np.intp]) -> Array:
    """One surface after one step, refused where it is none any more."""
    wanted = f"semi_implicit: wanted a surface that stays one, but at time {time + dt:g} "
    try:
        end = SurfaceFlowStep(system, pos, dt, order).end()
    except (ArithmeticError, RuntimeError, ValueError) as error:  # no convergence, a singular matrix, a lost face
        raise ValueError(f"{wanted}the step fails ({error}); take a smaller dt, or stop before") from error
    before, after = (np.linalg.norm(system.area_vectors(x), axis=1) for x in (pos, end))
    ratio = np.bincount(system.face_component, after) / np.bincount(system.face_component, before)
    if not ratio.min() > VANISHING:
        part = int(np.argmin(ratio))
        raise ValueError(f"{wanted}component {part} vanishes (area times {ratio[part]:.2g} in one step); stop before")
    corner = end[system.face]
    squares = np.einsum("fkc,fkc->f", corner - np.roll(corner, 1, axis=1), corner - np.roll(corner, 1, axis=1))
    thin = 4 * np.sqrt(3) * after < NEEDLE * squares
    if thin.any():
        raise ValueError(f"{wanted}{int(thin.sum())} triangles have collapsed, face {int(np.argmax(thin))} first")
    return end
