"""What a recipe says about its surfaces, and what it needs of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pdgn.cli.wanted import require, require_at_least, require_positive
from pdgn.data.schema import require_name

Repair = Literal["weld", "isolated", "degenerate", "duplicate", "non_manifold", "orientation"]
Variant = Literal["coarser", "finer", "retriangulated"]


@dataclass(frozen=True)
class MeshRecipe:
    """One surface, or a seeded family of them.

    Args:
        name: name in the file; members of a family get _0, _1, ... appended.
        shape: a generated shape of `pdgn.mesh`, or "file" for a mesh file.
        file: path of the mesh, where shape is "file".
        options: arguments of the shape's function, for example {subdivisions: 3, amplitude: 0.2}.
        count: how many members of a seeded family (bumpy_sphere).
        role: "train": its trajectories are split in train, valid and test; "test": all of them are test,
            the surface is never trained on.
        area: scale the surface to this total area [length²]; none: leave it as it is.
        remove_isolated: drop vertices that no face uses (reported); without it such a mesh is refused.
        repair: further repairs of `pdgn.mesh.repair`, in its order (reported); "weld" joins vertices nearer to each
            other than 1e-6 of the diagonal of the bounding box.
        variants: the same surface at other resolutions, as further surfaces <name>_<variant> for test alone, on which
            the surface's test trajectories run again.
    """

    name: str
    shape: Literal["bumpy_sphere", "icosphere", "torus", "grid", "file"]
    file: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    count: int = 1
    role: Literal["train", "test"] = "train"
    area: float | None = None
    remove_isolated: bool = False
    repair: list[Repair] = field(default_factory=list)
    variants: list[Variant] = field(default_factory=list)

    def __post_init__(self) -> None:
        require_name(self.name, "meshes: name")
        require_at_least(f"mesh '{self.name}'", self, count=1)
        if self.area is not None:
            require_positive(f"mesh '{self.name}'", self, "area")
        distinct = len(set(self.variants)) == len(self.variants)
        require(f"mesh '{self.name}'.variants", distinct, "every variant once", self.variants)


@dataclass(frozen=True)
class NeedsRecipe:
    """The topology that a recipe needs; every surface is held to it before anything is written.

    Args:
        boundary: boundary loops: "allowed", "none" (closed surfaces alone) or "required".
        components: connected components at most; none: any number.
        manifold: no non-manifold edges or vertices.
        oriented: neighbouring faces agree on their orientation.
        periodic: the flat periodic square (`grid` with periodic: true).
    """

    boundary: Literal["allowed", "none", "required"] = "allowed"
    components: int | None = None
    manifold: bool = False
    oriented: bool = False
    periodic: bool = False

    def __post_init__(self) -> None:
        if self.components is not None:
            require_at_least("needs", self, components=1)
