"""What a recipe says about initial states and about the trajectories that start there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pdgn.cli.wanted import require_at_least, require_positive, require_text


@dataclass(frozen=True)
class InitialRecipe:
    """Random initial states: patterns, of which the equation makes its fields (`Equation.start`).

    Args:
        name: "eigenfunctions": random sums of Laplace–Beltrami eigenfunctions; "fourier": the random Fourier sum on
            the periodic square; "bumps" and "geodesic_bumps": sums of Gaussian bumps of the distance in space or along
            the surface; "level_set": two phases with random closed curves between them.
        modes: eigenfunctions used, the largest wavenumber of the Fourier sum, or the number of bumps.
        decay: eigenfunctions, level_set: the variance of their coefficients falls as (1 + λ_k/λ_1)^(−decay).
        width: standard deviation of a bump, or of the transition between phases [length].
        amplitude: factor of the pattern; smaller than 1 for moving meshes with parts thinner than their displacement.
        profile: level_set: "tanh" of the signed distance from the curves over the width, or the "distance" itself.
    """

    name: Literal["eigenfunctions", "fourier", "bumps", "geodesic_bumps", "level_set"] = "eigenfunctions"
    modes: int = 36
    decay: float = 2.0
    width: float = 0.3
    amplitude: float = 1.0
    profile: Literal["tanh", "distance"] = "tanh"

    def __post_init__(self) -> None:
        require_at_least("initial", self, modes=1, decay=0)
        require_positive("initial", self, "width", "amplitude")


@dataclass(frozen=True)
class TrajectoryRecipe:
    """How many trajectories, how long, and how they are split.

    Args:
        train: training trajectories of each surface with role "train".
        valid: validation trajectories of each surface with role "train".
        test: test trajectories of every surface.
        frames: frames written per trajectory, the initial state included.
        dt: time between frames [time].
        substeps: steps of the stepper from frame to frame, more where its stability bound asks for more; none: as few
            as it allows.
        block: trajectories computed together, with the same coefficients.
        refine: draw and simulate on the same polyhedron with every face cut in four this many times, and keep what
            happens at its own vertices (of a flow, the means over its faces): truth without the discretisation error
            of the mesh in the file.
        method: time stepper; none: the equation's own choice.
        time_unit: unit of time.
    """

    train: int = 8
    valid: int = 2
    test: int = 4
    frames: int = 21
    dt: float = 0.05
    substeps: int | None = None
    block: int = 2
    refine: int = 0
    method: str | None = None
    time_unit: str = "1"

    def __post_init__(self) -> None:
        require_at_least("trajectories", self, train=0, valid=0, test=0, frames=2, block=1, refine=0)
        require_positive("trajectories", self, "dt")
        if self.substeps is not None:
            require_at_least("trajectories", self, substeps=1)
        require_text("trajectories.", self, "time_unit")
