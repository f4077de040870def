"""The work behind a dataset: one job makes one block of trajectories, from its own seed, in whatever process."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pdgn.cli.recipe import MeshRecipe, Recipe, SensorRecipe
from pdgn.cli.surfaces import surface, surface_names
from pdgn.data import MeshRecord, TrajectoryBlock
from pdgn.geodesics import geodesic_distance
from pdgn.mesh import TriMesh, delaunay_graph, farthest_point_sample, knn_graph, random_sample
from pdgn.simulate import (
    ConvectionDiffusion,
    Equation,
    Heat,
    gaussian_bumps,
    plane_coefficients,
    random_conductivity,
    random_eigenfunctions,
    random_face_velocity,
    random_fourier,
    simulate,
    vertex_velocity,
)

Array = NDArray[np.float64]


class Job(NamedTuple):
    """One block of trajectories: those from `first` to before `last` on surface number `surface`."""

    surface: int
    mesh: str
    block: int
    first: int
    last: int


def plan(recipe: Recipe) -> list[Job]:
    """The blocks of a recipe, in the order of the file.

    Args:
        recipe: the recipe.

    Returns:
        Jobs; they do not depend on how many processes share them.

    Raises:
        ValueError: the recipe has no surface or no trajectories.
    """
    size = recipe.trajectories.block
    if not recipe.meshes:
        raise ValueError(f"recipe '{recipe.name}': wanted meshes or stations, got neither")
    jobs = []
    for index, (name, entry) in enumerate(surface_names(recipe)):
        total = len(splits(recipe, entry))
        starts = range(0, total, size)
        jobs += [Job(index, name, block, first, min(first + size, total)) for block, first in enumerate(starts)]
    return jobs


def splits(recipe: Recipe, entry: MeshRecipe) -> tuple[str, ...]:
    """The split of every trajectory on a surface.

    Args:
        recipe: the recipe.
        entry: the surface's entry.

    Returns:
        "train", "valid" or "test" for each trajectory; all "test" where the surface is for testing alone.
    """
    counts = recipe.trajectories
    if counts.test + counts.train == 0:
        raise ValueError("trajectories: wanted train or test of at least 1, given 0 for both")
    train = () if entry.role == "test" else ("train",) * counts.train + ("valid",) * counts.valid
    return train + ("test",) * counts.test


@lru_cache(maxsize=2)
def _surface(recipe_key: _ByIdentity, index: int) -> TriMesh:
    return surface(recipe_key.recipe, index)


class _ByIdentity(NamedTuple):
    """Lets a recipe, which holds dicts, be the key of a cache."""

    text: str
    recipe: Recipe

    def __hash__(self) -> int:
        return zlib.crc32(self.text.encode())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and self.text == other.text


def mesh_record(recipe: Recipe, index: int) -> MeshRecord:
    """What the file stores about a surface, or about the sensors on it.

    Args:
        recipe: the recipe.
        index: number of the surface.

    Returns:
        The record, geodesic distances included where the recipe asks for them.
    """
    mesh = _surface(_key(recipe), index)
    if recipe.sensors is not None:
        chosen = sensors(recipe, index)
        graph = sensor_graph(mesh.pos[chosen], recipe.sensors)
        return MeshRecord.from_sensors(mesh.pos[chosen], graph, unit=recipe.unit, node={"vertex": chosen})
    geodesic: dict[str, np.ndarray] = {}
    if recipe.geodesic_sources:
        sources = farthest_point_sample(mesh.pos, recipe.geodesic_sources)
        geodesic["sources"] = sources
        for method in recipe.geodesic_methods:
            geodesic[method] = geodesic_distance(mesh, sources.tolist(), method=method)
    return MeshRecord.from_mesh(mesh, unit=recipe.unit, geodesic=geodesic)


def sensors(recipe: Recipe, index: int) -> NDArray[np.int64]:
    """The vertices at which a surface is observed.

    Args:
        recipe: the recipe; its `sensors` say how many and which candidates.
        index: number of the surface.

    Returns:
        Sorted vertex numbers [count] int64.
    """
    wanted, mesh = recipe.sensors, _surface(_key(recipe), index)
    assert wanted is not None
    candidates = np.arange(mesh.num_vertices)
    if wanted.stride > 1:
        columns = [np.unique(mesh.pos[:, axis], return_inverse=True)[1] for axis in (0, 1)]
        candidates = np.flatnonzero((columns[0] % wanted.stride == 0) & (columns[1] % wanted.stride == 0))
    generator = np.random.default_rng([recipe.seed, 2, index])
    if wanted.sampling == "random":
        picked = random_sample(len(candidates), wanted.count, generator)
    else:
        start = int(generator.integers(len(candidates)))
        picked = farthest_point_sample(mesh.pos[candidates], wanted.count, start=start, period=mesh.period)
    return np.sort(candidates[picked])


def sensor_graph(pos: Array, wanted: SensorRecipe) -> NDArray[np.int64]:
    """The graph between sensors; plain distances, also on a periodic domain, as with real sensors.

    Args:
        pos: [V, 3] positions.
        wanted: kind of graph.

    Returns:
        edge_index [2, E] int64, symmetric, sorted by target.
    """
    return delaunay_graph(pos) if wanted.graph == "delaunay" else knn_graph(pos, wanted.k)


def compute(recipe: Recipe, job: Job) -> TrajectoryBlock:
    """Simulates one block.

    Args:
        recipe: the recipe.
        job: which block.

    Returns:
        The block: fields float32 [n, T, V, C] and the coefficients that were drawn for it.
    """
    entry = surface_names(recipe)[job.surface][1]
    mesh = _surface(_key(recipe), job.surface)
    generator = np.random.default_rng([recipe.seed, 1, job.surface, job.block])
    equation, parameters = draw_equation(recipe, mesh, generator)
    states = draw_states(recipe, mesh, job.last - job.first, generator)
    wanted = recipe.trajectories
    trajectory = simulate(equation, mesh, states, dt=wanted.dt, steps=wanted.frames - 1, method=wanted.method)
    frames = np.ascontiguousarray(np.moveaxis(trajectory.fields["u"], 2, 0)[..., None], dtype=np.float32)
    if recipe.sensors is not None:
        chosen = sensors(recipe, job.surface)
        frames = np.ascontiguousarray(frames[:, :, chosen])
        parameters = {name: values[chosen] for name, values in parameters.items()}
    repeated = {k: np.repeat(v[None].astype(np.float32), job.last - job.first, axis=0) for k, v in parameters.items()}
    split = splits(recipe, entry)[job.first : job.last]
    return TrajectoryBlock(job.mesh, job.block, trajectory.time, {recipe.equation.field: frames}, {}, repeated, split)


def field_attributes(recipe: Recipe) -> dict[str, dict[str, str]]:
    """What the file says about every field of a recipe.

    Args:
        recipe: the recipe.

    Returns:
        field → unit, equation (one line of text) and boundary.
    """
    wanted = recipe.equation
    return {wanted.field: {"unit": wanted.unit, "equation": _formula(wanted.name), "boundary": wanted.boundary}}


def _formula(name: str) -> str:
    return {
        "heat": "u_t = div(diffusivity grad u)",
        "convection_diffusion": "u_t + div(u velocity) = div(diffusivity grad u)",
        "plane": "u_t + velocity . grad u = diffusivity laplacian u",
    }[name]


def draw_equation(recipe: Recipe, mesh: TriMesh, generator: np.random.Generator) -> tuple[Equation, dict[str, Array]]:
    """The equation of a block with its random coefficients.

    Args:
        recipe: the recipe.
        mesh: the surface.
        generator: the block's own.

    Returns:
        The equation, and the coefficients that vary over the surface: diffusivity [V, 1], velocity [V, 3].

    Raises:
        ValueError: "plane" on another mesh than the periodic square of side 2π, or a coefficient out of range.
    """
    wanted = recipe.equation
    if wanted.name == "plane":
        if not np.allclose(mesh.period or 0.0, (2 * np.pi, 2 * np.pi, 0.0)):
            raise ValueError("equation.name: 'plane' wants a periodic grid of size [6.283185307179586, "
                             f"6.283185307179586] (2π), given a mesh of period {mesh.period}")  # fmt: skip
        velocity, conductivity = plane_coefficients(mesh.pos)
        equation: Equation = ConvectionDiffusion(velocity, conductivity, form="advective")
        return equation, {"velocity": velocity, "diffusivity": conductivity[:, None]}
    parameters: dict[str, Array] = {}
    diffusivity: float | Array = wanted.diffusivity
    if wanted.contrast != 1.0:
        diffusivity = random_conductivity(mesh, generator, contrast=wanted.contrast, mean=wanted.diffusivity)
        parameters["diffusivity"] = np.asarray(diffusivity)[:, None]
    if wanted.name == "heat":
        return Heat(diffusivity, boundary=wanted.boundary), parameters
    # On faces the flow is free of divergence to round-off; models see its average at the vertices.
    on_faces = random_face_velocity(mesh, generator, num_modes=wanted.velocity_modes, speed=wanted.speed)
    parameters["velocity"] = vertex_velocity(mesh, on_faces)
    return ConvectionDiffusion(on_faces, diffusivity, boundary=wanted.boundary), parameters


def draw_states(recipe: Recipe, mesh: TriMesh, count: int, generator: np.random.Generator) -> Array:
    """The initial states of a block.

    Args:
        recipe: the recipe.
        mesh: the surface.
        count: how many.
        generator: the block's own.

    Returns:
        [V, count].

    Raises:
        ValueError: "fourier" on a mesh that is not periodic, or an option out of range.
    """
    wanted = recipe.initial
    if wanted.name == "fourier":
        if mesh.period is None or not (mesh.period[0] and mesh.period[1]):
            raise ValueError(f"initial.name: 'fourier' wants a periodic grid, given a mesh of period {mesh.period}")
        return random_fourier(mesh.pos, count, generator, max_wavenumber=wanted.modes, size=mesh.period[:2])
    if wanted.name == "bumps":
        return gaussian_bumps(mesh, count, generator, num_bumps=wanted.modes, width=wanted.width)
    boundary = recipe.equation.boundary
    return random_eigenfunctions(mesh, count, generator, num_modes=wanted.modes, decay=wanted.decay, boundary=boundary)


def _key(recipe: Recipe) -> _ByIdentity:
    return _ByIdentity(repr(recipe), recipe)
