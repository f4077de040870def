"""Geodesic fields, random curves and the supervised set of distances of a recipe, each from its own seed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import NamedTuple

import numpy as np

from pdgn.cli.geodesics_recipe import GeodesicsRecipe
from pdgn.data import CurveRecord, TrajectoryBlock
from pdgn.data.shards import GEODESIC_LIBRARIES
from pdgn.geodesics import distance_to_sets, geodesic_distance, random_curves
from pdgn.geodesics.component import check_vertices
from pdgn.mesh import TriMesh, farthest_point_sample, random_sample
from pdgn.simulate import random_eigenfunctions

# Behind the seed of a recipe, so that these draws share no stream with others (0 to 4 are surfaces, trajectories,
# sensors, reports and variants).
_SAMPLES, _CURVES = 5, 6
# Smooth functions of which curves are level sets: few modes, so that curves are longer than edges.
_MODES, _DECAY = 16, 2.0


class DistanceJob(NamedTuple):
    """One block of samples: its number, and the split of each of its samples."""

    block: int
    split: tuple[str, ...]


def distance_jobs(wanted: GeodesicsRecipe, *, test_alone: bool) -> list[DistanceJob]:
    """The blocks of samples on one surface, in the order of the file.

    Args:
        wanted: the recipe of distances.
        test_alone: whether the surface is for testing alone (role "test", or a variant).

    Returns:
        Jobs; none where the surface has no samples.
    """
    train = () if test_alone else ("train",) * wanted.train + ("valid",) * wanted.valid
    split = train + ("test",) * wanted.test
    starts = range(0, len(split), wanted.block)
    return [DistanceJob(block, split[first : first + wanted.block]) for block, first in enumerate(starts)]


def distance_block(
    wanted: GeodesicsRecipe, mesh: TriMesh, name: str, job: DistanceJob, seed: Sequence[int]
) -> TrajectoryBlock:
    """Samples sources and solves for the distances of one block; the same for the same seed, wherever it is done.

    Args:
        wanted: the recipe of distances.
        mesh: the surface.
        name: of the mesh in the file.
        job: which block.
        seed: the recipe's seed, then the number of the surface; the block's number is added here.

    Returns:
        The block, of one frame: fields "source" [n, 1, V, 1] float32, 1 at the sources, and "distance" [n, 1, V, 1]
        float64, NaN and masked out where no source reaches; parameter "num_sources" [n].

    Raises:
        ValueError: the surface has fewer vertices than sources are wanted, or is not fit for distances.
    """
    if wanted.most_sources > mesh.num_vertices:
        raise ValueError(
            f"geodesics.most_sources: wanted at most as many as vertices, {mesh.num_vertices}, given "
            f"{wanted.most_sources}"
        )
    first, *rest = seed
    generator = np.random.default_rng([first, _SAMPLES, *rest, job.block])
    counts = generator.integers(wanted.least_sources, wanted.most_sources + 1, size=len(job.split))
    sources = [_draw_sources(wanted, mesh, int(count), generator) for count in counts]
    distance = distance_to_sets(mesh, sources, wanted.method)
    indicator = np.zeros(distance.shape, dtype=np.float32)
    for row, chosen in enumerate(sources):
        indicator[row, chosen] = 1.0
    reached = np.isfinite(distance)
    fields = {"source": indicator[:, None, :, None], "distance": np.where(reached, distance, np.nan)[:, None, :, None]}
    # All blocks of a surface have a mask, or none has.
    mask = {"distance": reached[:, None]} if mesh.component.any() else {}
    parameters = {"num_sources": counts.astype(np.int64)}
    return TrajectoryBlock(name, job.block, np.zeros(1), fields, mask, parameters, job.split)


def _draw_sources(wanted: GeodesicsRecipe, mesh: TriMesh, count: int, generator: np.random.Generator) -> np.ndarray:
    if wanted.sampling == "random":
        return random_sample(mesh.num_vertices, count, generator)
    return farthest_point_sample(mesh.pos, count, start=int(generator.integers(mesh.num_vertices)))


def distance_attributes(wanted: GeodesicsRecipe, unit: str) -> dict[str, dict[str, str]]:
    """What the file says about the fields of a block.

    Args:
        wanted: the recipe of distances.
        unit: of length.

    Returns:
        field → unit, equation (one line of text) and boundary.
    """
    library = GEODESIC_LIBRARIES[wanted.method]
    text = f"geodesic distance to the nearest source ({wanted.method}, {library} {version(library)})"
    return {
        "source": {"unit": "1", "equation": "1 at the sources, 0 elsewhere", "boundary": ""},
        "distance": {"unit": unit, "equation": text, "boundary": "none"},
    }


def distance_units() -> dict[str, str]:
    """The unit of every parameter of a block."""
    return {"num_sources": "1"}


def surface_geodesics(mesh: TriMesh, sources: int | Sequence[int], methods: Sequence[str]) -> dict[str, np.ndarray]:
    """What a record stores as geodesic fields of a surface.

    Args:
        mesh: the surface.
        sources: how many farthest points, or the vertices themselves.
        methods: of "exact", "heat", "fast_marching".

    Returns:
        ``sources`` [S] int64 and per method distances [S, V]; nothing where no sources are wanted.

    Raises:
        ValueError: a source is out of range or too many, or the surface is not fit for distances.
    """
    if not sources:
        return {}
    chosen = farthest_point_sample(mesh.pos, sources) if isinstance(sources, int) else np.array(sources)
    fields = {method: geodesic_distance(mesh, chosen, method) for method in methods}
    return {"sources": chosen.astype(np.int64), **fields}


def network_geodesics(
    mesh: TriMesh, vertex: np.ndarray, sources: int | Sequence[int], methods: Sequence[str]
) -> dict[str, np.ndarray]:
    """What a record stores as geodesic fields of sensors: distances along the surface that they are on.

    Args:
        mesh: the surface.
        vertex: [V] where the sensors are.
        sources: how many of the sensors, far from each other, or their numbers.
        methods: of "exact", "heat", "fast_marching".

    Returns:
        ``sources`` [S], numbers of sensors, and per method distances [S, V]; nothing where no sources are wanted.

    Raises:
        ValueError: a source is out of range or too many, or the surface is not fit for distances.
    """
    if not sources:
        return {}
    number = farthest_point_sample(mesh.pos[vertex], sources) if isinstance(sources, int) else np.array(sources)
    number = check_vertices("sources", number, len(vertex))
    on_surface = surface_geodesics(mesh, vertex[number].tolist(), methods)
    return {"sources": number, **{method: on_surface[method][:, vertex] for method in methods}}


def surface_curves(mesh: TriMesh, count: int, seed: Sequence[int]) -> dict[str, CurveRecord]:
    """Random closed curves that divide a surface, level sets of random sums of its smoothest eigenfunctions.

    Args:
        mesh: the surface, oriented and manifold.
        count: how many.
        seed: the recipe's seed, then the number of the surface.

    Returns:
        curve_0, curve_1, ... with their signed distances.

    Raises:
        ValueError: a function has no such curve, or the surface is not fit for curves.
    """
    if not count:
        return {}
    first, *rest = seed
    generator = np.random.default_rng([first, _CURVES, *rest])
    # Functions that vanish on the boundary: few of their level sets end there.
    boundary = "dirichlet" if mesh.boundary.any() else "neumann"
    functions = random_eigenfunctions(mesh, count, generator, num_modes=_MODES, decay=_DECAY, boundary=boundary)
    curves = random_curves(mesh, functions, generator)
    return CurveRecord.of_each(mesh, {f"curve_{number}": curve for number, curve in enumerate(curves)})
