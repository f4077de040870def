"""What a recipe says about its equation."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass
from typing import Any, Literal

from pdgn.cli.nearest import nearest
from pdgn.cli.wanted import require, require_at_least, require_text
from pdgn.data.schema import require_name
from pdgn.simulate import EQUATIONS, ConvectionDiffusion, Equation

PLANE = "plane"
# Vector fields that a recipe draws at random.
FLOWS = ("velocity", "direction")


@dataclass(frozen=True)
class EquationRecipe:
    """The equation and its coefficients; random ones are drawn anew for every block of trajectories.

    Args:
        name: any equation of `pdgn.simulate.EQUATIONS` by name, for example "heat" or "gray_scott", or "plane", the
            variable-coefficient problem f_t = a f_x + b f_y + c Δf on the periodic square [0, 2π]².
        options: arguments of the equation, for example {rate: 2.0}.
        ranges: arguments drawn uniformly, for example {rate: [1.0, 3.0]}.
        diffusivity: κ [length²/time], of equations that have one; its geometric mean where it varies in space; none:
            the equation's own.
        contrast: largest over smallest κ of a random smooth conductivity; 1: constant.
        speed: largest speed [length/time] of a random, smooth, tangential velocity field; none: 1 where the equation
            has one.
        velocity_modes: how many Laplace–Beltrami modes its stream function has.
        gradient_share: share of its energy in a gradient, which compresses and expands; 0: free of divergence.
        boundary: what holds on boundary loops, where the surface has any.
        field: name in the file of an equation's only field; none: the equation's own.
        unit: unit of the fields, one for all or field → unit; the place of a moving mesh has the unit of length.
    """

    name: str = "heat"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    ranges: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    diffusivity: float | None = None
    contrast: float = 1.0
    speed: float | None = None
    velocity_modes: int = 9
    gradient_share: float = 0.0
    boundary: Literal["neumann", "dirichlet"] = "neumann"
    field: str | None = None
    unit: str | dict[str, str] = "1"

    def __post_init__(self) -> None:
        known = [*EQUATIONS, PLANE]
        wanted = f"one of {', '.join(known)}"
        if self.name not in known:
            raise ValueError(f"equation.name: wanted {wanted}, given {self.name!r}{nearest(self.name, known)}")
        require_at_least("equation", self, contrast=1, velocity_modes=1)
        require("equation.gradient_share", 0 <= self.gradient_share <= 1, "a share from 0 to 1", self.gradient_share)
        self._check_flow()
        self._check_options()
        self._check_fields()

    @property
    def kind(self) -> type[Equation]:
        """The class of the equation."""
        return ConvectionDiffusion if self.name == PLANE else EQUATIONS[self.name]

    @property
    def flow(self) -> str | None:
        """Which argument of the equation is a flow that the recipe draws, if any."""
        known = inspect.signature(self.kind).parameters
        return next((name for name in FLOWS if name in known), None) if self.name != PLANE else None

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields in the file."""
        return self.kind.fields if self.field is None else (self.field,)

    def arguments(self) -> list[str]:
        """The arguments of the equation that `options` and `ranges` may give."""
        if self.name == PLANE:
            return []
        drawn = {*FLOWS, "boundary", "boundary_value"}
        return [name for name in inspect.signature(self.kind).parameters if name not in drawn]

    def _check_flow(self) -> None:
        if self.speed is not None:
            require_at_least("equation", self, speed=0)
        takes_none = self.flow is None
        require(
            "equation.speed", not takes_none or not self.speed, f"0, as '{self.name}' takes no velocity", self.speed
        )

    def _check_options(self) -> None:
        known = self.arguments()
        for group in ("options", "ranges"):
            for name in getattr(self, group):
                if name not in known:
                    wanted = f"wanted one of {', '.join(known)}" if known else f"'{self.name}' takes none"
                    raise ValueError(f"equation.{group}.{name}: unknown, {wanted}{nearest(str(name), known)}")
        given = [*self.options, *self.ranges, *(["diffusivity"] if self.diffusivity is not None else [])]
        twice = sorted({name for name in given if given.count(name) > 1})
        require(
            "equation",
            not twice,
            "every argument of the equation once, be it in options, in ranges or by itself",
            ", ".join(twice),
        )
        for name, value in self.options.items():
            right = isinstance(value, (int, float, str))
            require(f"equation.options.{name}", right, "a number, text, true or false", value)
        for name, (low, high) in ((name, _pair(name, bounds)) for name, bounds in self.ranges.items()):
            require(f"equation.ranges.{name}", low <= high, "[low, high]", [low, high])
        plane = self.name == PLANE
        require("equation.contrast", not plane or self.contrast == 1, "1, as 'plane' has its own", self.contrast)
        if self.diffusivity is not None:
            require_at_least("equation", self, diffusivity=0)
            require(
                "equation.diffusivity", "diffusivity" in known, f"none, as '{self.name}' takes none", self.diffusivity
            )
        varies = self.contrast != 1
        require("equation.contrast", not varies or "diffusivity" in known, f"1, as '{self.name}' takes no diffusivity",
                self.contrast)  # fmt: skip
        require("equation.ranges.diffusivity", not varies or "diffusivity" not in self.ranges,
                "a number, as contrast varies it in space", self.ranges.get("diffusivity"))  # fmt: skip

    def _check_fields(self) -> None:
        own = self.kind.fields
        if self.field is not None:
            require_name(self.field, "equation.field")
            require("equation.field", self.field != "pos", "another name, 'pos' is that of moving meshes", self.field)
            single = len(own) == 1 and own != ("pos",)
            require("equation.field", single, f"null, as '{self.name}' has fields {', '.join(own)}", self.field)
        if isinstance(self.unit, str):
            require_text("equation.", self, "unit")
            return
        for name, unit in self.unit.items():
            require(f"equation.unit.{name}", name in self.fields, f"a field of {', '.join(self.fields)}", name)
            require(f"equation.unit.{name}", bool(unit), "text that is not empty", unit)


def _pair(name: str, bounds: list[float]) -> tuple[float, float]:
    finite = len(bounds) == 2 and all(abs(bound) < float("inf") for bound in bounds)
    require(f"equation.ranges.{name}", finite, "[low, high], finite", bounds)
    return bounds[0], bounds[1]
