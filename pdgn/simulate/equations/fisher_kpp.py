"""The Fisher–KPP equation."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike

from pdgn.mesh import TriMesh, grid
from pdgn.simulate.argument import nonnegative_array, positive_number
from pdgn.simulate.equation import Fields, Parameter
from pdgn.simulate.problem import Problem
from pdgn.simulate.reaction_diffusion import Array, ReactionDiffusion


@final
class FisherKPP(ReactionDiffusion):
    """Growth that saturates, and spreading: u_t = ∇·(D∇u) + r u (1 − u/K).

    From 0 the state K invades as a front of speed 2√(rD) or more. States between 0 and K stay there.

    Args:
        diffusivity: D ≥ 0, a number, [V] or [F] [length²/time].
        rate: r > 0, growth of small u [1/time].
        capacity: K > 0 [field].
        boundary: as `ReactionDiffusion`.
        boundary_value: as `ReactionDiffusion`.

    Reference: Fisher, "The wave of advance of advantageous genes", 1937; Ablowitz & Zeppetella, "Explicit solutions of
    Fisher's equation for a special wave speed", 1979.
    """

    fields: ClassVar[tuple[str, ...]] = ("u",)

    def __init__(
        self,
        diffusivity: ArrayLike = 0.01,
        rate: float = 1.0,
        capacity: float = 1.0,
        boundary: str = "neumann",
        boundary_value: ArrayLike | None = None,
    ) -> None:
        super().__init__(boundary, boundary_value)
        self.diffusivity = nonnegative_array("diffusivity", diffusivity)
        self.rate = positive_number("rate", rate)
        self.capacity = positive_number("capacity", capacity)

    @property
    def formula(self) -> str:
        """The equation in one line of text."""
        return "u_t = div(diffusivity grad u) + rate u (1 - u / capacity)"

    def parameters(self) -> dict[str, Parameter]:
        """Diffusivity in length²/time, rate in 1/time, capacity in the unit of u."""
        return {
            "diffusivity": Parameter(self.diffusivity, "length^2/time"),
            "rate": Parameter(self.rate, "1/time"),
            "capacity": Parameter(self.capacity, "field"),
        }

    def diffusivities(self) -> tuple[Array, ...]:
        """D."""
        return (self.diffusivity,)

    def reaction(self, *values: Array) -> tuple[Array, ...]:
        """r u (1 − u/K)."""
        (u,) = values
        return (self.rate * u * (1 - u / self.capacity),)

    def invariant_box(self, low: Array, high: Array) -> tuple[Array, Array]:
        """Up to the capacity; u above it falls, u below 0 runs away and is the user's own."""
        return np.minimum(low, 0.0), np.maximum(high, self.capacity)

    def start(self, mesh: TriMesh, pattern: Array) -> dict[str, Array]:
        """Spots of up to the capacity where the pattern is large: K times the pattern cut to [0, 1]."""
        return {"u": self.capacity * np.clip(pattern, 0.0, 1.0)}

    @classmethod
    def problems(cls) -> tuple[Problem, ...]:
        """The travelling front u = (1 + e^(x/√6 − 5t/6))⁻² of speed 5/√6, for D = r = K = 1."""

        def front(x: Array, time: float) -> Array:
            return (1 + np.exp(x / np.sqrt(6) - 5 / 6 * time)) ** -2

        def distance(mesh: TriMesh, fields: Fields, time: float) -> float:
            inside = np.abs(mesh.pos[:, 0] - 20) < 15  # the ends are not of the exact solution
            return float(np.abs(fields["u"][:, 0] - front(mesh.pos[:, 0] - 20, time))[inside].max())

        return (
            Problem(
                "travelling front",
                mesh=lambda level: grid(40 * 2**level + 1, 2, (40.0, 1.0 / 2**level)),
                equation=lambda mesh: cls(1.0),
                initial=lambda mesh: front(mesh.pos[:, 0] - 20, 0.0),
                measure=distance,
                exact=lambda time: 0.0,
                dt=0.1,
                steps=20,
                tolerance=1.2e-4,
                reason="h²/12 · u_xxxx, at most 0.0077 in the front, h = 1/4, over a time of 2: 8e-5",
            ),
        )
