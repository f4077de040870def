"""The work behind a dataset: one job makes one block of trajectories, from its own seed, in whatever process."""

from __future__ import annotations

import zlib
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pdgn.cli.carried import carried, restricted
from pdgn.cli.draws import FACES, draw_coefficients, draw_patterns, make_equation, specimen, stored_parameters
from pdgn.cli.geodesics import (
    DistanceJob,
    distance_block,
    distance_jobs,
    network_geodesics,
    surface_curves,
    surface_geodesics,
)
from pdgn.cli.geodesics_recipe import GeodesicsRecipe
from pdgn.cli.needs import require_topology
from pdgn.cli.recipe import Recipe
from pdgn.cli.sensor_network import draw_gaps, field_deviation, network_record, place_sensors, report
from pdgn.cli.splits import splits
from pdgn.cli.surfaces import Place, places, surface
from pdgn.data import MeshRecord, TrajectoryBlock
from pdgn.data.schema import OBSERVED
from pdgn.mesh import TriMesh, refine, transfer
from pdgn.simulate import Equation, simulate


class Job(NamedTuple):
    """One block of trajectories: those from `first` to before `last` on mesh number `surface`.

    Its coefficients and initial states are the last ones of the `drawn` that belong to block `draw` of the surface.
    """

    surface: int
    mesh: str
    block: int
    first: int
    last: int
    draw: int
    drawn: int


class Simulation(NamedTuple):
    """Trajectories on one surface: time [T], fields name → [n, T, V, C] float32, parameters name → [n, ...]."""

    time: NDArray[np.float64]
    fields: dict[str, np.ndarray]
    parameters: dict[str, np.ndarray]


def plan(recipe: Recipe) -> list[Job]:
    """The blocks of a recipe, in the order of the file.

    Args:
        recipe: the recipe.

    Returns:
        Jobs; they do not depend on how many processes share them.

    Raises:
        ValueError: the recipe has no surface or no trajectories, or a surface has not the topology that it needs.
    """
    if not recipe.meshes:
        raise ValueError(f"recipe '{recipe.name}': wanted meshes or stations, got neither")
    if recipe.geodesics is not None:
        return _plan_distances(recipe, recipe.geodesics)
    size, jobs = recipe.trajectories.block, []
    for index, place in enumerate(places(recipe)):
        total = len(splits(recipe, place._replace(variant=None)))
        # The trajectories of a variant are the last ones of its surface, those for test.
        skipped = total - len(splits(recipe, place))
        blocks = [(draw, first, min(first + size, total)) for draw, first in enumerate(range(0, total, size))]
        kept = [entry for entry in blocks if entry[2] > skipped]
        jobs += [
            Job(index, place.name, block, max(first - skipped, 0), last - skipped, draw, last - first)
            for block, (draw, first, last) in enumerate(kept)
        ]
    specimen(recipe.equation)
    require_topology(recipe)
    return jobs


def _plan_distances(recipe: Recipe, wanted: GeodesicsRecipe) -> list[Job]:
    require_topology(recipe)
    jobs = []
    for index, place in enumerate(places(recipe)):
        first = 0
        test_alone = place.entry.role == "test" or place.variant is not None
        for block, split in distance_jobs(wanted, test_alone=test_alone):
            jobs.append(Job(index, place.name, block, first, first + len(split), block, len(split)))
            first += len(split)
    return jobs


class _ByIdentity(NamedTuple):
    """Lets a recipe, which holds dicts, be the key of a cache."""

    text: str
    recipe: Recipe

    def __hash__(self) -> int:
        return zlib.crc32(self.text.encode())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and self.text == other.text


@lru_cache(maxsize=4)
def _mesh(key: _ByIdentity, member: int, variant: str | None) -> TriMesh:
    at = next(i for i, p in enumerate(places(key.recipe)) if (p.member, p.variant) == (member, variant))
    return surface(key.recipe, at)


def mesh_record(recipe: Recipe, index: int) -> MeshRecord:
    """What the file stores about a surface, or about the sensors on it.

    Args:
        recipe: the recipe.
        index: number of the mesh in `places(recipe)`.

    Returns:
        The record, geodesic distances included where the recipe asks for them.
    """
    place = places(recipe)[index]
    mesh = _mesh(_key(recipe), place.member, place.variant)
    sources, methods = recipe.geodesic_sources, recipe.geodesic_methods
    if place.network:
        assert recipe.sensors is not None
        vertex = sensors(recipe, index)
        distances = network_geodesics(mesh, vertex, sources, methods)
        return network_record(mesh, vertex, recipe.sensors, recipe.unit, distances)
    curves = surface_curves(mesh, recipe.curves, [recipe.seed, *_seed_of_surface(place)])
    geodesic = surface_geodesics(mesh, sources, methods)
    return MeshRecord.from_mesh(mesh, unit=recipe.unit, geodesic=geodesic, curves=curves)


def sensors(recipe: Recipe, index: int) -> NDArray[np.int64]:
    """The vertices at which a surface is observed.

    Args:
        recipe: the recipe; its `sensors` say how many and which candidates.
        index: number of the network in `places(recipe)`.

    Returns:
        Sorted vertex numbers [count] int64.
    """
    assert recipe.sensors is not None
    place = places(recipe)[index]
    generator = np.random.default_rng([recipe.seed, 2, *_seed_of_network(recipe, place)])
    try:
        return place_sensors(_mesh(_key(recipe), place.member, place.variant), recipe.sensors, generator)
    except ValueError as error:
        raise ValueError(f"mesh '{place.name}': {error}") from error


def _seed_of_surface(place: Place) -> list[int]:
    """Number of the surface, and of its variant where it is one."""
    return [place.member] if place.variant is None else [place.member, 1 + place.entry.variants.index(place.variant)]


def _seed_of_network(recipe: Recipe, place: Place) -> list[int]:
    assert recipe.sensors is not None
    variant = 0 if place.variant is None else 1 + place.entry.variants.index(place.variant)
    further = [variant, recipe.sensors.seed]
    return [place.member, *(further if any(further) else [])]


def compute(recipe: Recipe, job: Job) -> TrajectoryBlock:
    """Simulates one block.

    Args:
        recipe: the recipe.
        job: which block.

    Returns:
        The block: fields float32 [n, T, V, C] and the coefficients that were drawn for it; of sensors, what they
        report beside it.
    """
    place = places(recipe)[job.surface]
    split = splits(recipe, place)[job.first : job.last]
    if recipe.geodesics is not None:
        mesh, seed = _mesh(_key(recipe), place.member, place.variant), [recipe.seed, *_seed_of_surface(place)]
        return distance_block(recipe.geodesics, mesh, job.mesh, DistanceJob(job.block, split), seed)
    count = job.last - job.first
    run = _simulation(_key(recipe), place.member, place.variant, job.draw, job.drawn, count)
    none: dict[str, np.ndarray] = {}
    observed = _observed(recipe, job, place, run) if place.network else (run.fields, run.parameters, none)
    fields, parameters, mask = observed
    return TrajectoryBlock(job.mesh, job.block, run.time, fields, mask, parameters, split)


# A surface and the sensors on it are two jobs, one after the other, that need the same trajectories.
@lru_cache(maxsize=1)
def _simulation(key: _ByIdentity, member: int, variant: str | None, draw: int, drawn: int, count: int) -> Simulation:
    recipe = key.recipe
    mesh = _fine_mesh(key, member, None)
    generator = np.random.default_rng([recipe.seed, 1, member, draw])
    coefficients = draw_coefficients(recipe.equation, mesh, generator)
    patterns = recipe.initial.amplitude * draw_patterns(recipe, mesh, drawn, generator)[:, drawn - count :]
    if variant is not None:
        drawn_on, mesh = mesh, _fine_mesh(key, member, variant)
        coefficients, patterns = carried(coefficients, drawn_on, mesh), transfer(drawn_on, patterns, mesh)
    time, fields = _trajectories(recipe, make_equation(recipe.equation, mesh, coefficients), mesh, patterns)
    own = _mesh(key, member, variant)
    equation = make_equation(recipe.equation, own, restricted(coefficients, own))
    kept = {name: np.ascontiguousarray(values[:, :, : own.num_vertices]) for name, values in fields.items()}
    return Simulation(time, kept, stored_parameters(equation, own, count))


@lru_cache(maxsize=4)
def _fine_mesh(key: _ByIdentity, member: int, variant: str | None) -> TriMesh:
    """What is simulated on: the mesh with every face cut as often as the recipe says."""
    mesh = _mesh(key, member, variant)
    for _ in range(key.recipe.trajectories.refine):
        mesh = refine(mesh)
    return mesh


def _trajectories(
    recipe: Recipe, equation: Equation, mesh: TriMesh, patterns: NDArray[np.float64]
) -> tuple[NDArray[np.float64], dict[str, np.ndarray]]:
    """Time [T] and fields name in the file → [n, T, V, C] float32 of trajectories that start from patterns [V, n]."""
    wanted = recipe.trajectories
    # At least so many substeps: the stability bound of a fine mesh may ask for more.
    least = wanted.substeps or 1
    run = partial(
        simulate, equation, mesh, dt=wanted.dt / least, steps=(wanted.frames - 1) * least, method=wanted.method,
        record_every=least,
    )  # fmt: skip
    names = dict(zip(equation.fields, recipe.equation.fields))
    if equation.fields == ("pos",):  # a mesh moves by itself: one trajectory at a time
        runs = [run(equation.start(mesh, pattern[:, None])) for pattern in patterns.T]
        return runs[0].time, {"pos": np.stack([moved.fields["pos"] for moved in runs]).astype(np.float32)}
    found = run(equation.start(mesh, patterns))
    frames = {name: np.moveaxis(values, 2, 0)[..., None] for name, values in found.fields.items()}
    return found.time, {names[name]: np.ascontiguousarray(values, np.float32) for name, values in frames.items()}


def _observed(
    recipe: Recipe, job: Job, place: Place, run: Simulation
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Fields, parameters and masks at the sensors."""
    wanted, vertex = recipe.sensors, sensors(recipe, job.surface)
    assert wanted is not None
    fields = {name: np.ascontiguousarray(values[:, :, vertex]) for name, values in run.fields.items()}
    parameters = {
        name: values[:, vertex] if values.ndim > 1 else values
        for name, values in run.parameters.items()
        if not name.endswith(FACES)
    }
    mask: dict[str, np.ndarray] = {}
    if wanted.degraded:
        generator = np.random.default_rng([recipe.seed, 3, *_seed_of_network(recipe, place), job.block])
        missing = draw_gaps((job.last - job.first, len(run.time), len(vertex)), wanted, generator)
        for name, truth in list(fields.items()):
            size = wanted.noise * field_deviation(run.fields[name])
            fields[name + OBSERVED], mask[name + OBSERVED] = report(truth, size, missing, generator)
            parameters[f"{name}_noise"] = size
    return fields, parameters, mask


def _key(recipe: Recipe) -> _ByIdentity:
    return _ByIdentity(repr(recipe), recipe)
