"""Random initial states made of bumps, one per column."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pdgn.geodesics import geodesic_distance
from pdgn.mesh import TriMesh
from pdgn.mesh.period import minimal_image
from pdgn.operators import mass
from pdgn.simulate.argument import one_of, positive_integer, positive_number, random_generator
from pdgn.simulate.boundary import require_mesh

Array = NDArray[np.float64]

# Distances kept at once: 32 MiB.
MOST_DISTANCES = 2**22


def gaussian_bumps(
    mesh: TriMesh, count: int, generator: np.random.Generator, *, num_bumps: int = 3, width: float | None = None
) -> Array:
    """Sums of Gaussian bumps at random vertices: u = Σ_b a_b exp(−|x − x_b|²/(2 width²)), a_b uniform in [½, 1).

    Distances are straight lines in space (the shortest images on a periodic domain), so a bump also reaches a part of
    the surface that is near in space alone; `geodesic_bumps` do not. Vertices are drawn in proportion to their mass,
    all of them first, then the heights.

    Args:
        mesh: V vertices.
        count: number of states.
        generator: source of places and heights.
        num_bumps: bumps per state.
        width: standard deviation [length]; None for a tenth of the square root of the area.

    Returns:
        [V, count] float64, positive.
    """
    return _bumps(mesh, count, generator, num_bumps, width, lambda centre: _straight(mesh, centre))


def geodesic_bumps(
    mesh: TriMesh,
    count: int,
    generator: np.random.Generator,
    *,
    num_bumps: int = 3,
    width: float | None = None,
    method: str = "heat",
) -> Array:
    """Sums of Gaussian bumps of the distance along the surface: u = Σ_b a_b exp(−d(x, x_b)²/(2 width²)).

    The same generator draws the same vertices and heights as for `gaussian_bumps`. A bump keeps to the component of its
    vertex. On the unit sphere of 2,562 vertices, with width 0.3, the largest error of a bump of height 1 is 0.02 with
    "heat" and 0.0005 with "exact", which takes sixteen times as long (on 34,834 vertices, 7 s a bump).

    Args:
        mesh: V vertices; manifold, or flat and periodic (distances are then those of the shortest images).
        count: number of states.
        generator: source of places and heights.
        num_bumps: bumps per state.
        width: standard deviation [length]; None for a tenth of the square root of the area.
        method: "heat", "exact" or "fast_marching", as for `geodesic_distance`.

    Returns:
        [V, count] float64, not negative.

    Raises:
        ValueError: an argument out of range; a mesh without geodesic distances.
    """
    one_of("method", method, ("heat", "exact", "fast_marching"))
    require_mesh(mesh)
    if mesh.period is None:
        return _bumps(mesh, count, generator, num_bumps, width, lambda centre: geodesic_distance(mesh, centre, method))
    require_flat(mesh)
    return gaussian_bumps(mesh, count, generator, num_bumps=num_bumps, width=width)


def require_flat(mesh: TriMesh) -> None:
    """Refuse a periodic mesh on which shortest images are not the shortest paths: one that is not in a plane.

    Raises:
        ValueError: with how far it leaves the plane.
    """
    free = [axis for axis in range(3) if not (mesh.period and mesh.period[axis])]
    out = [float(np.ptp(mesh.pos[:, axis])) for axis in free]
    if len(free) == 1 and out[0] > 1e-12 * float(np.ptp(mesh.pos, axis=0).max()):
        raise ValueError(f"mesh: wanted a periodic one in a plane, got one that leaves it by {out[0]:g}")


def _bumps(
    mesh: TriMesh,
    count: int,
    generator: np.random.Generator,
    num_bumps: int,
    width: float | None,
    distance: Callable[[NDArray[np.int64]], Array],
) -> Array:
    require_mesh(mesh)
    random_generator(generator)
    shape = (positive_integer("count", count), positive_integer("num_bumps", num_bumps))
    area = mass(mesh).diagonal()
    width = 0.1 * float(np.sqrt(area.sum())) if width is None else positive_number("width", width)
    centre = generator.choice(mesh.num_vertices, size=shape, p=area / area.sum())
    height = generator.uniform(0.5, 1.0, size=shape)
    state = np.zeros((mesh.num_vertices, count))
    # Columns together, so that a distance solver is set up seldom.
    together = max(1, MOST_DISTANCES // (mesh.num_vertices * num_bumps))
    for first in range(0, count, together):
        part = slice(first, first + together)
        bump = np.exp(-((distance(centre[part].ravel()) / width) ** 2) / 2)
        scaled = bump.reshape(-1, num_bumps, mesh.num_vertices) * height[part, :, None]
        state[:, part] = scaled.sum(axis=1).T
    return state


def _straight(mesh: TriMesh, centre: NDArray[np.int64]) -> Array:
    """Euclidean distances from vertices, [S, V]."""
    return np.stack([np.linalg.norm(minimal_image(mesh.pos - mesh.pos[one], mesh.period), axis=1) for one in centre])
