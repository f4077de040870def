"""Random initial states made from closed curves: which side of a curve, and how far from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.geodesics import level_set_curves, signed_geodesic_distance
from pdgn.mesh import TriMesh
from pdgn.mesh.period import minimal_image
from pdgn.operators import mass
from pdgn.simulate.argument import finite_array, one_of, positive_integer, positive_number
from pdgn.simulate.bumps import require_flat
from pdgn.simulate.initial_state import random_eigenfunctions

Array = NDArray[np.float64]

# Share of the area inside the curves.
SHARES = (0.25, 0.75)


def level_set_states(
    mesh: TriMesh,
    count: int,
    generator: np.random.Generator,
    *,
    width: float | None = None,
    profile: str = "tanh",
    num_modes: int = 12,
    decay: float = 1.0,
) -> Array:
    """Two phases with random closed curves between them: u = tanh(d / width), or the signed distance d itself.

    d is the distance along the surface from the curves on which a random sum of eigenfunctions has the value that
    leaves between a quarter and three quarters of the area inside, where d > 0. On a mesh with boundary the functions
    vanish there, so that curves do not end at it. Coefficients are drawn first, as `random_eigenfunctions` does, then
    the shares of the area.

    Args:
        mesh: V vertices; manifold and oriented, or flat and periodic.
        count: number of states.
        generator: source of the functions and shares.
        width: of the transition [length]; None for a twentieth of the square root of the area.
        profile: "tanh", or "distance" for d [length], as curve shortening wants it.
        num_modes: eigenfunctions, as for `random_eigenfunctions`; more make smaller and more curves.
        decay: of their variance, likewise.

    Returns:
        [V, count] float64.

    Raises:
        ValueError: an argument out of range, an unfit mesh, a function without closed level curves.
    """
    positive_integer("count", count)
    one_of("profile", profile, ("tanh", "distance"))
    boundary = "dirichlet" if np.any(mesh.boundary) else "neumann"
    function = random_eigenfunctions(mesh, count, generator, num_modes=num_modes, decay=decay, boundary=boundary)
    share = generator.uniform(*SHARES, size=count)
    area = mass(mesh).diagonal()
    width = 0.05 * float(np.sqrt(area.sum())) if width is None else positive_number("width", width)
    state = np.empty((mesh.num_vertices, count))
    for column in range(count):
        values = function[:, column]
        state[:, column] = level_set_distance(mesh, values, _level(values, area, share[column]))
    return np.tanh(state / width) if profile == "tanh" else state


def level_set_distance(mesh: TriMesh, values: ArrayLike, level: float) -> Array:
    """Signed distance along the surface from where a function has a value, positive where it is larger.

    By the signed heat method, of first order; exact on flat periodic meshes. A component that no curve is on lies at
    the largest distance that occurs, inside or outside as a whole.

    Args:
        mesh: V vertices; manifold and oriented, or flat and periodic.
        values: [V].
        level: the value; lines that end at a boundary count on periodic meshes alone.

    Returns:
        [V] float64 [length].

    Raises:
        ValueError: no closed curve, or an unfit mesh.
    """
    value = finite_array("values", values, [(mesh.num_vertices,)])
    level = float(finite_array("level", level, [()]))
    if mesh.period is not None:
        require_flat(mesh)
        return _flat_distance(mesh, value, level)
    curves = level_set_curves(mesh, value, level)
    if not curves:
        raise ValueError(f"values: wanted a function with a closed curve at the level {level:g}, got one from "
                         f"{value.min():g} to {value.max():g} without")  # fmt: skip
    distance = signed_geodesic_distance(mesh, curves)
    elsewhere = ~np.isfinite(distance)
    farthest = np.abs(distance[~elsewhere]).max()
    return np.where(elsewhere, np.where(value >= level, farthest, -farthest), distance)


def _level(values: Array, area: Array, share: float) -> float:
    """The value above which a share of the area lies, half way between the values of two vertices."""
    order = np.argsort(-values)
    place = int(np.searchsorted(np.cumsum(area[order]), share * area.sum()))
    place = min(place, len(values) - 2)
    return float(values[order[place : place + 2]].mean())


def _flat_distance(mesh: TriMesh, value: Array, level: float) -> Array:
    """Distance to the segments in which the function's faces are cut, in a plane with periods."""
    start, end = _segments(mesh, value - level)
    if not len(start):
        raise ValueError(f"values: wanted a function that takes the level {level:g}, got one from {value.min():g} to "
                         f"{value.max():g}")  # fmt: skip
    side = end - start
    length = np.maximum(np.einsum("sc,sc->s", side, side), 1e-300)
    distance = np.empty(mesh.num_vertices)
    for vertex in range(mesh.num_vertices):
        offset = minimal_image(mesh.pos[vertex] - start, mesh.period)
        along = np.clip(np.einsum("sc,sc->s", offset, side) / length, 0, 1)
        distance[vertex] = np.linalg.norm(offset - along[:, None] * side, axis=1).min()
    return np.where(value >= level, distance, -distance)


def _segments(mesh: TriMesh, value: Array) -> tuple[Array, Array]:
    """The two ends of the segment on which a function is zero in every face that it crosses, [S, 3] each."""
    above = value[mesh.face] >= 0
    face = np.flatnonzero(above.any(axis=1) & ~above.all(axis=1))
    corner, height, inside = mesh.corners[face], value[mesh.face[face]], above[face]
    # The corner that is alone on its side; both of its sides are cut.
    alone = np.where(inside.sum(axis=1) == 1, inside.argmax(axis=1), (~inside).argmax(axis=1))
    row = np.arange(len(face))
    ends = []
    for step in (1, 2):
        other = (alone + step) % 3
        share = height[row, alone] / (height[row, alone] - height[row, other])
        ends.append(corner[row, alone] + share[:, None] * (corner[row, other] - corner[row, alone]))
    return ends[0], ends[1]
