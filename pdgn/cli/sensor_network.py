"""Sensors on a simulated surface: where they are, their graph, what they report."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pdgn.cli.sensor_recipe import SensorRecipe
from pdgn.data import MeshRecord
from pdgn.geodesics import geodesic_knn_graph
from pdgn.mesh import TriMesh, delaunay_graph, farthest_point_sample, knn_graph, random_sample


def place_sensors(mesh: TriMesh, wanted: SensorRecipe, generator: np.random.Generator) -> NDArray[np.int64]:
    """The vertices at which a surface is observed.

    Args:
        mesh: V vertices.
        wanted: how many, and which candidates.
        generator: source of the choice.

    Returns:
        Sorted vertex numbers [count] int64.

    Raises:
        ValueError: more sensors than candidates.
    """
    candidates = np.arange(mesh.num_vertices)
    if wanted.stride > 1:
        columns = [np.unique(mesh.pos[:, axis], return_inverse=True)[1] for axis in (0, 1)]
        candidates = np.flatnonzero((columns[0] % wanted.stride == 0) & (columns[1] % wanted.stride == 0))
    if wanted.count > len(candidates):
        raise ValueError(f"sensors.count: wanted at most the {len(candidates)} vertices to choose from, "
                         f"given {wanted.count}")  # fmt: skip
    if wanted.sampling == "random":
        picked = random_sample(len(candidates), wanted.count, generator)
    else:
        start = int(generator.integers(len(candidates)))
        picked = farthest_point_sample(mesh.pos[candidates], wanted.count, start=start, period=mesh.period)
    return np.sort(candidates[picked])


def network_record(
    mesh: TriMesh,
    vertex: NDArray[np.int64],
    wanted: SensorRecipe,
    unit: str,
    geodesic: Mapping[str, np.ndarray] | None = None,
) -> MeshRecord:
    """What the file holds about sensors; plain distances, also on a periodic domain, as with real sensors.

    Args:
        mesh: the surface.
        vertex: [S] where the sensors are.
        wanted: kind of graph.
        unit: of length.
        geodesic: sources and distances along the surface.

    Returns:
        The record, with the node array `vertex` and, of a geodesic graph, the edge array `geodesic_length`.
    """
    pos, edge = mesh.pos[vertex], {}
    if wanted.graph == "geodesic_knn":
        edges, edge["geodesic_length"] = geodesic_knn_graph(mesh, vertex, wanted.k)
    else:
        edges = delaunay_graph(pos) if wanted.graph == "delaunay" else knn_graph(pos, wanted.k)
    return MeshRecord.from_sensors(pos, edges, unit=unit, node={"vertex": vertex}, edge=edge, geodesic=geodesic)


def report(
    truth: np.ndarray, size: np.ndarray, missing: NDArray[np.bool_], generator: np.random.Generator
) -> tuple[np.ndarray, NDArray[np.bool_]]:
    """What sensors report of a field: the truth with white noise, NaN where it is missing.

    Args:
        truth: [n, T, S, C].
        size: [n] standard deviation of the noise, in the unit of the field.
        missing: [n, T, S].
        generator: source of the noise.

    Returns:
        values [n, T, S, C] of the dtype of the truth, and the mask [n, T, S], true where a value was reported.
    """
    values = truth + size[:, None, None, None] * generator.standard_normal(truth.shape)
    values[missing] = np.nan
    return values.astype(truth.dtype), ~missing


def draw_gaps(shape: tuple[int, int, int], wanted: SensorRecipe, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Which reports are missing: a two-state Markov chain for every sensor, started in its stationary state.

    A gap ends with probability 1/L after each frame, L = gap_length, and begins with probability g/(L (1 − g)), so that
    the fraction g is missing.

    Args:
        shape: (n, T, S).
        wanted: fraction and mean length of gaps.
        generator: source of the chains.

    Returns:
        [n, T, S], true where missing.
    """
    missing = np.zeros(shape, dtype=bool)
    if wanted.gaps == 0:
        return missing
    end = 1 / wanted.gap_length
    begin = wanted.gaps * end / (1 - wanted.gaps)
    draw = generator.random(shape)
    missing[:, 0] = draw[:, 0] < wanted.gaps
    for frame in range(1, shape[1]):
        before = missing[:, frame - 1]
        missing[:, frame] = np.where(before, draw[:, frame] >= end, draw[:, frame] < begin)
    return missing


def field_deviation(values: np.ndarray) -> np.ndarray:
    """Standard deviation of a field over all nodes and frames of each trajectory, channels about their own means.

    Args:
        values: [n, T, V, C].

    Returns:
        [n] float64, in the unit of the field.
    """
    spread = values.astype(np.float64).var(axis=(1, 2))
    return np.sqrt(spread.mean(axis=-1))
