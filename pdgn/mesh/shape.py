"""A generated shape as a value: its name, its options and its seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pdgn.mesh.bumpy_sphere import bumpy_sphere
from pdgn.mesh.shapes import grid, icosphere, torus
from pdgn.mesh.tri_mesh import TriMesh

SHAPES: dict[str, Callable[..., TriMesh]] = {
    "bumpy_sphere": bumpy_sphere,
    "icosphere": icosphere,
    "torus": torus,
    "grid": grid,
}


@dataclass(frozen=True)
class Shape:
    """A generated surface that can be made again, at this or another resolution (`variant`).

    Args:
        name: one of `SHAPES`.
        options: arguments of that function, the generator not among them.
        seed: of the generator, where the shape is drawn at random: what `np.random.default_rng` takes.

    Raises:
        ValueError: where the name is another.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    seed: int | Sequence[int] = 0

    def __post_init__(self) -> None:
        if self.name not in SHAPES:
            raise ValueError(f"shape must be one of {', '.join(SHAPES)}, got {self.name!r}")

    def make(self) -> TriMesh:
        """The surface; errors are those of its function."""
        if self.name == "bumpy_sphere":
            return bumpy_sphere(np.random.default_rng(self.seed), **self.options)
        return SHAPES[self.name](**self.options)
