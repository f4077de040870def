"""The FitzHugh–Nagumo equations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike

from pdgn.mesh import TriMesh
from pdgn.simulate.argument import finite_array, nonnegative_array, positive_number
from pdgn.simulate.equation import Parameter
from pdgn.simulate.problem import Problem
from pdgn.simulate.reaction_diffusion import Array, ReactionDiffusion
from pdgn.simulate.small_mode import small_mode


@final
class FitzHughNagumo(ReactionDiffusion):
    """Excitable tissue: u_t = ∇·(D∇u) + u − u³/3 − v + I, v_t = ∇·(D_v∇v) + ε (u + a − b v).

    u excites itself and v, which holds it down. With the default values v spreads twenty times as far as u: from any
    unevenness stripes and spots 10 to 20 √D apart grow in a time of about 10, and stay. With recovery_diffusivity
    0, recovery_rate 0.08, threshold 0.7 it is FitzHugh's nerve: at rest with current 0, where a strong push sends one
    pulse, and oscillating with current 0.5. Every box |u| ≤ U, |v| ≤ V with V ≥ (U + |a|)/b and U³/3 − U ≥ V + |I| is
    one that no solution leaves.

    Args:
        diffusivity: D ≥ 0, a number, [V] or [F] [length²/time].
        recovery_diffusivity: D_v ≥ 0 likewise.
        recovery_rate: ε > 0 [1/time]; the unit of time is that in which u − u³/3 is a rate.
        threshold: a [field].
        recovery: b > 0.
        current: I [field/time].
        boundary: as `ReactionDiffusion`.
        boundary_value: as `ReactionDiffusion`.

    Reference: FitzHugh, "Impulses and physiological states in theoretical models of nerve membrane", 1961; Nagumo,
    Arimoto & Yoshizawa, "An active pulse transmission line simulating nerve axon", 1962.
    """

    fields: ClassVar[tuple[str, ...]] = ("u", "v")

    def __init__(
        self,
        diffusivity: ArrayLike = 0.004,
        recovery_diffusivity: ArrayLike = 0.08,
        recovery_rate: float = 2.0,
        threshold: float = 0.0,
        recovery: float = 0.8,
        current: float = 0.0,
        boundary: str = "neumann",
        boundary_value: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        super().__init__(boundary, boundary_value)
        self.diffusivity = nonnegative_array("diffusivity", diffusivity)
        self.recovery_diffusivity = nonnegative_array("recovery_diffusivity", recovery_diffusivity)
        self.recovery_rate = positive_number("recovery_rate", recovery_rate)
        self.threshold = float(finite_array("threshold", threshold, [()]))
        self.recovery = positive_number("recovery", recovery)
        self.current = float(finite_array("current", current, [()]))

    @property
    def formula(self) -> str:
        """The equations in one line of text."""
        return (
            "u_t = div(diffusivity grad u) + u - u^3/3 - v + current; "
            "v_t = div(recovery_diffusivity grad v) + recovery_rate (u + threshold - recovery v)"
        )

    def parameters(self) -> dict[str, Parameter]:
        """Diffusivities in length²/time, the rest in the units of u and time."""
        return {
            "diffusivity": Parameter(self.diffusivity, "length^2/time"),
            "recovery_diffusivity": Parameter(self.recovery_diffusivity, "length^2/time"),
            "recovery_rate": Parameter(self.recovery_rate, "1/time"),
            "threshold": Parameter(self.threshold, "field"),
            "recovery": Parameter(self.recovery, "1"),
            "current": Parameter(self.current, "field/time"),
        }

    def diffusivities(self) -> tuple[Array, ...]:
        """D and D_v."""
        return self.diffusivity, self.recovery_diffusivity

    def reaction(self, *values: Array) -> tuple[Array, ...]:
        """u − u³/3 − v + I and ε (u + a − b v)."""
        u, v = values
        return u - u * u * u / 3 - v + self.current, self.recovery_rate * (u + self.threshold - self.recovery * v)

    def invariant_box(self, low: Array, high: Array) -> tuple[Array, Array]:
        """The least box of the class's docstring that holds the initial state."""
        start_u, start_v = np.maximum(np.abs(low), np.abs(high))
        a, b, current = abs(self.threshold), self.recovery, abs(self.current)
        least = _largest_root(1 + 1 / b, a / b + current)  # the smallest box of all
        size_u = max(start_u, least, _largest_root(1.0, start_v + current))
        size = np.array([size_u, max(start_v, (size_u + a) / b)])
        return -size, size

    def start(self, mesh: TriMesh, pattern: Array) -> dict[str, Array]:
        """The pattern in u, cut to [−2, 2], the range of its oscillation; v = 0."""
        return {"u": np.clip(pattern, -2.0, 2.0), "v": np.zeros_like(pattern)}

    def steady(self) -> dict[str, float]:
        """A uniform steady state: the real root of u³/3 + (1/b − 1) u + a/b − I and v = (u + a)/b.

        It is the only one for b ≤ 1 (the root of largest real part is taken where there are three).
        """
        root = np.roots([1 / 3, 0.0, 1 / self.recovery - 1, self.threshold / self.recovery - self.current])
        u = float(root[np.abs(root.imag) < 1e-8].real.max())
        return {"u": u, "v": (u + self.threshold) / self.recovery}

    @classmethod
    def problems(cls) -> tuple[Problem, ...]:
        """Small spherical harmonics about the steady state turn and grow by the linearised equations."""
        equation = cls(0.05, 0.01, recovery_rate=0.08, threshold=0.7, current=0.5)
        u = equation.steady()["u"]

        def linear(value: float) -> Array:
            return np.array([[1 - u * u - 0.05 * value, -1.0], [0.08, -0.08 * 0.8 - 0.01 * value]])

        return (
            small_mode(
                "oscillation of a spherical harmonic",
                equation,
                equation.steady(),
                linear,
                dt=0.05,
                steps=60,
                tolerance=2e-3,
                reason="eigenvalue off by 1.4e-3: 1.4e-3 · Dλt = 1.3e-3 of an amplitude near 1 at t = 3",
            ),
        )


def _largest_root(slope: float, constant: float) -> float:
    """Largest real U with U³/3 = slope · U + constant, slope > 0 and constant ≥ 0."""
    root = np.roots([1 / 3, 0.0, -slope, -constant])
    return float(root.real[np.abs(root.imag) < 1e-8].max())
