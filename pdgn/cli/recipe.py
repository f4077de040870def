"""What a recipe says: the typed form of datasets/*.yaml."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pdgn.data.schema import require_name


def _require(key: str, condition: bool, wanted: str, given: Any) -> None:
    if not condition:
        raise ValueError(f"{key}: wanted {wanted}, given {given!r}")


def _at_least(group: str, recipe: object, **smallest: float) -> None:
    for name, least in smallest.items():
        value = getattr(recipe, name)
        _require(f"{group}.{name}", least <= value < float("inf"), f"a finite number of at least {least}", value)


def _positive(group: str, recipe: object, *names: str) -> None:
    for name in names:
        value = getattr(recipe, name)
        _require(f"{group}.{name}", 0 < value < float("inf"), "a finite number above 0", value)


def _text(group: str, recipe: object, *names: str) -> None:
    for name in names:
        _require(f"{group}{name}", bool(getattr(recipe, name)), "text that is not empty", getattr(recipe, name))


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
    """

    name: str
    shape: Literal["bumpy_sphere", "icosphere", "torus", "grid", "file"]
    file: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    count: int = 1
    role: Literal["train", "test"] = "train"
    area: float | None = None
    remove_isolated: bool = False

    def __post_init__(self) -> None:
        require_name(self.name, "meshes: name")
        _at_least(f"mesh '{self.name}'", self, count=1)
        if self.area is not None:
            _positive(f"mesh '{self.name}'", self, "area")


@dataclass(frozen=True)
class EquationRecipe:
    """The equation and its coefficients; random ones are drawn anew for every block of trajectories.

    Args:
        name: "heat" u_t = ∇·(κ∇u); "convection_diffusion" u_t + ∇·(u v) = ∇·(κ∇u); "plane" the variable-coefficient
            problem f_t = a f_x + b f_y + c Δf on the periodic square [0, 2π]².
        diffusivity: κ [length²/time]; its geometric mean where it varies.
        contrast: largest over smallest κ of a random smooth conductivity; 1: constant.
        speed: largest speed [length/time] of a random, smooth, tangential, divergence-free velocity field.
        velocity_modes: how many Laplace–Beltrami modes its stream function has.
        boundary: what holds on boundary loops, where the surface has any.
        field: name of the field in the file.
        unit: unit of the field.
    """

    name: Literal["heat", "convection_diffusion", "plane"] = "heat"
    diffusivity: float = 0.1
    contrast: float = 1.0
    speed: float = 0.0
    velocity_modes: int = 9
    boundary: Literal["neumann", "dirichlet"] = "neumann"
    field: str = "u"
    unit: str = "1"

    def __post_init__(self) -> None:
        _at_least("equation", self, diffusivity=0, contrast=1, speed=0, velocity_modes=1)
        moving = self.name == "convection_diffusion"
        plane = self.name == "plane"
        _require("equation.contrast", not plane or self.contrast == 1, "1, as 'plane' has its own", self.contrast)
        _require("equation.speed", moving or self.speed == 0, f"0, as '{self.name}' takes no velocity", self.speed)
        require_name(self.field, "equation.field")
        _require("equation.field", self.field != "pos", "another name, 'pos' is that of moving meshes", self.field)
        _text("equation.", self, "unit")


@dataclass(frozen=True)
class InitialRecipe:
    """Random initial states.

    Args:
        name: "eigenfunctions": random sums of Laplace–Beltrami eigenfunctions; "fourier": the random Fourier sum on
            the periodic square; "bumps": sums of Gaussian bumps.
        modes: eigenfunctions used, the largest wavenumber of the Fourier sum, or the number of bumps.
        decay: eigenfunctions: the variance of their coefficients falls as (1 + λ_k/λ_1)^(−decay); else unused.
        width: bumps: standard deviation of a bump [length].
    """

    name: Literal["eigenfunctions", "fourier", "bumps"] = "eigenfunctions"
    modes: int = 36
    decay: float = 2.0
    width: float = 0.3

    def __post_init__(self) -> None:
        _at_least("initial", self, modes=1, decay=0)
        _positive("initial", self, "width")


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
        _at_least("trajectories", self, train=0, valid=0, test=0, frames=2, block=1)
        _positive("trajectories", self, "dt")
        _text("trajectories.", self, "time_unit")


@dataclass(frozen=True)
class SensorRecipe:
    """Observe the simulation at sampled vertices only; the file then holds a sensor graph instead of the surface.

    Args:
        count: number of sensors.
        graph: "knn" (symmetrised k nearest neighbours) or "delaunay" (planar).
        k: neighbours of "knn".
        sampling: "random" or "farthest", both without replacement.
        stride: candidates are every stride-th vertex of a grid in each direction.
    """

    count: int
    graph: Literal["knn", "delaunay"] = "knn"
    k: int = 4
    sampling: Literal["random", "farthest"] = "random"
    stride: int = 1

    def __post_init__(self) -> None:
        _at_least("sensors", self, count=2, k=1, stride=1)


@dataclass(frozen=True)
class StationsRecipe:
    """Readings of real stations instead of a simulation.

    Args:
        stations: CSV of stations: id, latitude, longitude [degrees], altitude [m].
        readings: CSV of hourly readings, one row per station and hour.
        field: name of the field in the file.
        unit: its unit.
        station_column: column of both tables that names the station.
        date_column: column of the readings with the hour, UTC.
        value_column: column of the readings to take.
        train_days: days for training, the first ones.
        valid_days: days for validation, after them.
        test_days: days for test, after those.
        neighbours: k of the symmetrised nearest-neighbour graph.
        max_gap_hours: gaps up to this length are interpolated linearly in time; longer ones are masked.
        min_coverage: stations that report a smaller fraction of the hours are dropped, and named.
    """

    stations: str
    readings: str
    field: str = "temperature"
    unit: str = "K"
    station_column: str = "numer_sta"
    date_column: str = "date"
    value_column: str = "t"
    train_days: int = 16
    valid_days: int = 4
    test_days: int = 4
    neighbours: int = 4
    max_gap_hours: int = 3
    min_coverage: float = 0.8


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
        equation: the equation and its coefficients.
        initial: the initial states.
        trajectories: counts, frames, time step, splits.
        sensors: observe at sampled vertices; none: the whole surface.
        stations: read sensor tables instead of simulating.
        geodesic_sources: store geodesic distances from this many farthest-point sources on every surface.
        geodesic_methods: which distances: "exact", "heat", "fast_marching".
    """

    name: str
    description: str = ""
    license: str = "CC0-1.0"
    seed: int = 0
    unit: str = "1"
    meshes: list[MeshRecipe] = field(default_factory=list)
    equation: EquationRecipe = field(default_factory=EquationRecipe)
    initial: InitialRecipe = field(default_factory=InitialRecipe)
    trajectories: TrajectoryRecipe = field(default_factory=TrajectoryRecipe)
    sensors: SensorRecipe | None = None
    stations: StationsRecipe | None = None
    geodesic_sources: int = 0
    geodesic_methods: list[Literal["exact", "heat", "fast_marching"]] = field(default_factory=lambda: ["exact"])

    def __post_init__(self) -> None:
        _text("", self, "name", "unit")
        for name in ("seed", "geodesic_sources"):
            _require(name, getattr(self, name) >= 0, "an integer of at least 0", getattr(self, name))
        _require("seed", self.seed < 2**63, "an integer below 2^63, as the file stores it", self.seed)
