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
            the periodic square; "bumps": sums of Gaussian bumps, straight distances in space.
        modes: eigenfunctions used, the largest wavenumber of the Fourier sum, or the number of bumps.
        decay: eigenfunctions: the variance of their coefficients falls as (1 + λ_k/λ_1)^(−decay); else unused.
        width: bumps: standard deviation of a bump [length].
    """

    name: Literal["eigenfunctions", "fourier", "bumps"] = "eigenfunctions"
    modes: int = 36
    decay: float = 2.0
    width: float = 0.3

    def __post_init__(self) -> None:
        require_at_least("initial", self, modes=1, decay=0)
        require_positive("initial", self, "width")


@dataclass(frozen=True)
class TrajectoryRecipe:
    """How many trajectories, how long, and how they are split.

    Args:
        train: training trajectories of each surface with role "train".
        valid: validation trajectories of each surface with role "train".
        test: test trajectories of every surface.
        frames: frames written per trajectory, the initial state included.
        dt: time between frames [time]; the simulator inserts substeps as stability and accuracy need them.
        block: trajectories computed together, with the same coefficients.
        method: time stepper; none: the equation's own choice.
        time_unit: unit of time.
    """

    train: int = 8
    valid: int = 2
    test: int = 4
    frames: int = 21
    dt: float = 0.05
    block: int = 2
    method: str | None = None
    time_unit: str = "1"

    def __post_init__(self) -> None:
        require_at_least("trajectories", self, train=0, valid=0, test=0, frames=2, block=1)
        require_positive("trajectories", self, "dt")
        require_text("trajectories.", self, "time_unit")
