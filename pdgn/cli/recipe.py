"""What a recipe says: the typed form of datasets/*.yaml."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pdgn.cli.equation_recipe import EquationRecipe
from pdgn.cli.geodesics_recipe import GeodesicsRecipe
from pdgn.cli.initial_recipe import InitialRecipe, TrajectoryRecipe
from pdgn.cli.mesh_recipe import MeshRecipe, NeedsRecipe
from pdgn.cli.sensor_recipe import SensorRecipe, StationsRecipe
from pdgn.cli.wanted import require, require_text

__all__ = [
    "EquationRecipe",
    "GeodesicsRecipe",
    "InitialRecipe",
    "MeshRecipe",
    "NeedsRecipe",
    "Recipe",
    "SensorRecipe",
    "StationsRecipe",
    "TrajectoryRecipe",
]


@dataclass(frozen=True)
class Recipe:
    """A dataset.

    Args:
        name: name of the dataset.
        description: one sentence for the file.
        license: licence of the data.
        seed: every random draw follows from it.
        unit: unit of length.
        meshes: the surfaces; empty where stations are read.
        needs: the topology that every surface must have.
        equation: the equation and its coefficients.
        initial: the initial states.
        trajectories: counts, frames, time step, splits.
        sensors: observe at sampled vertices; none: the whole surface.
        stations: read sensor tables instead of simulating.
        geodesics: a supervised set of distances instead of a simulation.
        geodesic_sources: store geodesic distances on every surface, from this many farthest points or from these
            vertices (on sensors, from these sensors).
        geodesic_methods: which distances: "exact", "heat", "fast_marching".
        curves: store this many random closed curves that divide the surface, with the signed distance from each.
    """

    name: str
    description: str = ""
    license: str = "CC0-1.0"
    seed: int = 0
    unit: str = "1"
    meshes: list[MeshRecipe] = field(default_factory=list)
    needs: NeedsRecipe = field(default_factory=NeedsRecipe)
    equation: EquationRecipe = field(default_factory=EquationRecipe)
    initial: InitialRecipe = field(default_factory=InitialRecipe)
    trajectories: TrajectoryRecipe = field(default_factory=TrajectoryRecipe)
    sensors: SensorRecipe | None = None
    stations: StationsRecipe | None = None
    geodesics: GeodesicsRecipe | None = None
    geodesic_sources: int | list[int] = 0
    geodesic_methods: list[Literal["exact", "heat", "fast_marching"]] = field(default_factory=lambda: ["exact"])
    curves: int = 0

    def __post_init__(self) -> None:
        require_text("", self, "name", "unit")
        sources = self.geodesic_sources if isinstance(self.geodesic_sources, list) else [self.geodesic_sources]
        for name, values in (("seed", [self.seed]), ("geodesic_sources", sources), ("curves", [self.curves])):
            require(name, min(values, default=0) >= 0, "an integer of at least 0", getattr(self, name))
        require("seed", self.seed < 2**63, "an integer below 2^63, as the file stores it", self.seed)
        other = "stations" if self.stations is not None else "geodesics" if self.geodesics is not None else ""
        require("sensors", not other or self.sensors is None, f"null, as '{other}' simulates nothing", self.sensors)
        levels = self.trajectories.refine
        require("trajectories.refine", not other or levels == 0, f"0, as '{other}' simulates nothing", levels)
        both = self.stations is not None and self.geodesics is not None
        require("geodesics", not both, "null, as 'stations' has no surface", self.geodesics)
