"""Explicit time steps with as many stages as a spectral radius asks for."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor

from pdgn.models.chebyshev import chebyshev_step, chebyshev_table, runge_kutta_step, stages_for
from pdgn.models.options import require_at_least, require_choice

METHODS = ("chebyshev", "runge_kutta", "either")
REAL = 2.5  # stable decay rate times step of a Runge–Kutta step
SAFETY, FEW_SUBSTEPS = 1.1, 4  # for a rate that grows steeper on the way; substeps that "either" accepts


class ExplicitStep:
    """Unit time by one of two methods.

    Args:
        method: "chebyshev": Runge–Kutta–Chebyshev, order two, for what decays; "runge_kutta": the classical method,
            order four; "either": the classical one where a few substeps do, and Chebyshev's from there on.
        most_stages: largest number of stages, or of substeps of the classical method; ≥ 2.
        substeps: steps in unit time, each with stages of its own.

    Raises:
        ValueError: an option outside its range.
    """

    def __init__(self, method: str, most_stages: int, substeps: int) -> None:
        require_choice("stepper", method, METHODS)
        require_at_least("most_stages", most_stages, 2)
        require_at_least("substeps", substeps, 1)
        self.method, self.most_stages, self.substeps = method, most_stages, substeps

    def stages(self, radius: float) -> tuple[int, bool]:
        """How many stages (or minus how many substeps of the classical method) a step takes, and whether they do.

        Args:
            radius: spectral radius of the derivative of the rate, per unit time.
        """
        stiffness = SAFETY * radius / self.substeps if math.isfinite(radius) else math.inf
        count = max(1, math.ceil(min(stiffness / REAL, self.most_stages)))
        if self.method == "runge_kutta" or (self.method == "either" and count <= FEW_SUBSTEPS):
            return -count, count * REAL >= stiffness
        stages = stages_for(stiffness, self.most_stages)
        return stages, chebyshev_table(stages).bound >= stiffness

    def advance(self, rate: Callable[[Tensor], Tensor], state: Tensor, stages: int) -> Tensor:
        """The state after unit time.

        Args:
            rate: change per unit time, of the shape of the state. state: u. stages: from :meth:`stages`.
        """
        step = chebyshev_step if stages > 0 else runge_kutta_step
        for _ in range(self.substeps):
            state = step(lambda value: rate(value) / self.substeps, state, abs(stages))
        return state

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.method!r}, most_stages={self.most_stages}, substeps={self.substeps})"
