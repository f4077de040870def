"""The Gray–Scott equations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike

from pdgn.mesh import TriMesh
from pdgn.simulate.argument import nonnegative_array, positive_number
from pdgn.simulate.equation import Parameter
from pdgn.simulate.problem import Problem
from pdgn.simulate.reaction_diffusion import Array, ReactionDiffusion
from pdgn.simulate.small_mode import small_mode


@final
class GrayScott(ReactionDiffusion):
    """Spots and stripes: u_t = ∇·(D_u∇u) + r (F (1 − u) − u v²), v_t = ∇·(D_v∇v) + r (u v² − (F + k) v).

    v feeds on u, which is fed at F; v is removed at F + k. From seeds in the state (1, 0), patterns grow, of the kind
    that F and k decide (Pearson's table). Their wavelength is about 50 √(D_v/r) to 60 √(D_v/r).

    u ≥ 0, v ≥ 0 and u ≤ max(1, u₀) hold for ever. For D_u = D_v so does u + v ≤ max(1, u₀ + v₀); for others v has no
    such bound that is easy to state, and the same one is taken for the stability bound (v stays below 0.6 in practice).

    Args:
        diffusivity: D_u ≥ 0, a number, [V] or [F] [length²/time].
        activator_diffusivity: D_v ≥ 0 likewise; patterns want about half of D_u.
        feed: F > 0.
        kill: k > 0.
        rate: r > 0, in which the unit of time of the textbook equations, with r = 1, is counted [1/time].
        boundary: as `ReactionDiffusion`.
        boundary_value: as `ReactionDiffusion`.

    Reference: Pearson, "Complex patterns in a simple system", 1993.
    """

    fields: ClassVar[tuple[str, ...]] = ("u", "v")

    def __init__(
        self,
        diffusivity: ArrayLike = 0.012,
        activator_diffusivity: ArrayLike = 0.006,
        feed: float = 0.04,
        kill: float = 0.06,
        rate: float = 50.0,
        boundary: str = "neumann",
        boundary_value: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        super().__init__(boundary, boundary_value)
        self.diffusivity = nonnegative_array("diffusivity", diffusivity)
        self.activator_diffusivity = nonnegative_array("activator_diffusivity", activator_diffusivity)
        self.feed = positive_number("feed", feed)
        self.kill = positive_number("kill", kill)
        self.rate = positive_number("rate", rate)

    @property
    def formula(self) -> str:
        """The equations in one line of text."""
        return (
            "u_t = div(diffusivity grad u) + rate (feed (1 - u) - u v^2); "
            "v_t = div(activator_diffusivity grad v) + rate (u v^2 - (feed + kill) v)"
        )

    def parameters(self) -> dict[str, Parameter]:
        """Diffusivities in length²/time, rate in 1/time, feed and kill without unit."""
        return {
            "diffusivity": Parameter(self.diffusivity, "length^2/time"),
            "activator_diffusivity": Parameter(self.activator_diffusivity, "length^2/time"),
            "feed": Parameter(self.feed, "1"),
            "kill": Parameter(self.kill, "1"),
            "rate": Parameter(self.rate, "1/time"),
        }

    def diffusivities(self) -> tuple[Array, ...]:
        """D_u and D_v."""
        return self.diffusivity, self.activator_diffusivity

    def reaction(self, *values: Array) -> tuple[Array, ...]:
        """r (F (1 − u) − u v²) and r (u v² − (F + k) v)."""
        u, v = values
        made = u * v * v
        return self.rate * (self.feed * (1 - u) - made), self.rate * (made - (self.feed + self.kill) * v)

    def invariant_box(self, low: Array, high: Array) -> tuple[Array, Array]:
        """0 ≤ u ≤ max(1, u₀) and 0 ≤ v ≤ max(1, u₀ + v₀), as far as that holds; see the class."""
        top = np.array([max(1.0, high[0]), max(1.0, high[0] + high[1])])
        return np.minimum(low, 0.0), top

    def start(self, mesh: TriMesh, pattern: Array) -> dict[str, Array]:
        """Seeds of (½, ¼) where the pattern is large, in the state (1, 0)."""
        seed = np.clip(pattern, 0.0, 1.0)
        return {"u": 1 - 0.5 * seed, "v": 0.25 * seed}

    @classmethod
    def problems(cls) -> tuple[Problem, ...]:
        """Small spherical harmonics about the steady state with v = (F + √(F² − 4F(F + k)²)) / (2(F + k))."""
        feed, kill, rate, first, second = 0.04, 0.05, 10.0, 0.1, 0.05
        removal = feed + kill
        v = (feed + np.sqrt(feed**2 - 4 * feed * removal**2)) / (2 * removal)
        u = removal / v

        def linear(value: float) -> Array:
            reaction = np.array([[-feed - v * v, -2 * u * v], [v * v, 2 * u * v - removal]])
            return rate * reaction - value * np.diag([first, second])

        return (
            small_mode(
                "decay of a spherical harmonic",
                cls(first, second, feed, kill, rate),
                {"u": u, "v": v},
                linear,
                dt=0.02,
                steps=50,
                tolerance=1.2e-4,
                reason="eigenvalue off by 1.4e-3, which moves the first entry of exp(At) by 7.9e-5",
            ),
        )
