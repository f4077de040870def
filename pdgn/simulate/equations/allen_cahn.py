"""The Allen–Cahn equation."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh
from pdgn.operators import mass
from pdgn.simulate.argument import finite_array, nonnegative_array, positive_number
from pdgn.simulate.double_well import largest_curvature, well, well_slope
from pdgn.simulate.equation import Fields, Parameter
from pdgn.simulate.problem import Problem
from pdgn.simulate.reaction_diffusion import Array, ReactionDiffusion
from pdgn.simulate.small_mode import small_mode
from pdgn.simulate.weak_form import diffusion_form


@final
class AllenCahn(ReactionDiffusion):
    """Phases −1 and 1 that part and whose interfaces shorten: u_t = ∇·(D∇u) − r W′(u), W = (1 − u²)²/4.

    Interfaces are about √(2D/r) wide and move by their curvature. The energy ∫ ½D|∇u|² + r W(u) falls; with the
    default stepper it falls in every step by proof, for the step is kept below 2 slow / max rW″ (`Dissipation`), where
    W″ is bounded on |u| ≤ max(1.2, |u₀|). No solution leaves |u| ≤ max(1, |u₀|), though a step from a rough state may.

    Args:
        diffusivity: D ≥ 0, a number, [V] or [F] [length²/time].
        rate: r > 0, growth of small u [1/time].
        boundary: as `ReactionDiffusion`.
        boundary_value: as `ReactionDiffusion`.

    Reference: Allen & Cahn, "A microscopic theory for antiphase boundary motion and its application to antiphase domain
    coarsening", 1979.
    """

    fields: ClassVar[tuple[str, ...]] = ("u",)
    default_method: ClassVar[str] = "imex_dissipative"

    def __init__(
        self,
        diffusivity: ArrayLike = 0.01,
        rate: float = 1.0,
        boundary: str = "neumann",
        boundary_value: ArrayLike | None = None,
    ) -> None:
        super().__init__(boundary, boundary_value)
        self.diffusivity = nonnegative_array("diffusivity", diffusivity)
        self.rate = positive_number("rate", rate)

    @property
    def formula(self) -> str:
        """The equation in one line of text."""
        return "u_t = div(diffusivity grad u) + rate (u - u^3)"

    def parameters(self) -> dict[str, Parameter]:
        """Diffusivity in length²/time, rate in 1/time."""
        return {"diffusivity": Parameter(self.diffusivity, "length^2/time"), "rate": Parameter(self.rate, "1/time")}

    def diffusivities(self) -> tuple[Array, ...]:
        """D."""
        return (self.diffusivity,)

    def reaction(self, *values: Array) -> tuple[Array, ...]:
        """r (u − u³)."""
        (u,) = values
        return (-self.rate * well_slope(u),)

    def invariant_box(self, low: Array, high: Array) -> tuple[Array, Array]:
        """|u| ≤ max(1, |u₀|)."""
        size = np.maximum(1.0, np.maximum(np.abs(low), np.abs(high)))
        return -size, size

    def curvature(self, low: Array, high: Array) -> float:
        """Largest r W″ = r (3u² − 1)."""
        return self.rate * largest_curvature(np.array([low, high]))

    def energy(self, mesh: TriMesh, fields: Fields) -> NDArray[np.float64] | None:
        """½ uᵀK_D u + r Σ m W(u); None where a flux is given."""
        if self.boundary == "neumann" and self.boundary_value:
            return None
        u = fields["u"]
        form = diffusion_form(mesh, finite_array("diffusivity", self.diffusivity, [(), (len(u),), (mesh.num_faces,)]))
        return 0.5 * np.sum(u * (form @ u), axis=0) + self.rate * mass(mesh).diagonal() @ well(u)

    def start(self, mesh: TriMesh, pattern: Array) -> dict[str, Array]:
        """Both phases and what lies between them: tanh of the pattern."""
        return {"u": np.tanh(pattern)}

    @classmethod
    def problems(cls) -> tuple[Problem, ...]:
        """Small spherical harmonics grow from 0 at r − Dλ."""
        return (
            small_mode(
                "growth of a spherical harmonic",
                cls(0.1, rate=1.0),
                {"u": 0.0},
                lambda value: np.array([[1.0 - 0.1 * value]]),
                dt=0.01,
                steps=100,
                tolerance=1.6e-3,
                reason="eigenvalue off by 1.4e-3: 1.4e-3 · Dλt · exp((r − Dλ) t) = 1.3e-3 at t = 1",
            ),
        )
