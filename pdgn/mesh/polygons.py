"""Polygons of mesh files, cut into triangles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Twice the area of a triangle over its longest side squared below which it is no ear but a line.
FLAT = 1e-12


def triangulate(
    polygons: Sequence[Sequence[int]],
    origin: Sequence[int],
    pos: NDArray[np.float64],
    *,
    first: int,
    place: str = "line",
) -> NDArray[np.int64]:
    """Triangles of polygons, n − 2 for n corners, turned as the polygon is.

    A polygon is cut into a fan from its first corner; where a triangle of the fan would turn the other way or have no
    area (the polygon is not convex), ears are clipped off one by one instead.

    Args:
        polygons: F lists of at least 3 vertex indices from 0.
        origin: [F] number of the line or polygon of the file from which each came.
        pos: [V, 3] positions.
        first: number of the first vertex in the file's own count, 0 or 1, for the message.
        place: what origin counts, for the message.

    Returns:
        [number of triangles, 3] int64, in the order of the polygons.

    Raises:
        ValueError: where an index is out of range, naming the place.
    """
    for polygon, number in zip(polygons, origin):
        if not 0 <= min(polygon) <= max(polygon) < len(pos):
            given = [corner + first for corner in polygon]
            raise ValueError(f"{place} {number}: vertex numbers must lie in [{first}, {len(pos) + first}), got {given}")
    face = np.array([piece for polygon in polygons for piece in _fan(polygon)], dtype=np.int64).reshape(-1, 3)
    if len(face) > len(polygons) and np.isfinite(pos).all():
        polygon_of = np.repeat(np.arange(len(polygons)), [len(polygon) - 2 for polygon in polygons])
        bad = _bad_fans(pos[face], polygon_of, len(polygons))
        for number, start in zip(bad, np.searchsorted(polygon_of, bad)):
            face[start : start + len(polygons[number]) - 2] = _clip_ears(polygons[number], pos)
    return face


def _fan(polygon: Sequence[int]) -> list[list[int]]:
    return [[polygon[0], polygon[k], polygon[k + 1]] for k in range(1, len(polygon) - 1)]


def _bad_fans(corners: NDArray[np.float64], polygon_of: NDArray[np.int64], num: int) -> NDArray[np.int64]:
    """Polygons of more than one triangle whose fan has one that is flat or turns against the whole."""
    area, flat = _area_and_flat(corners)
    # The sum over a fan is the area vector of the polygon, whatever the fan looks like.
    total = np.stack([np.bincount(polygon_of, area[:, axis], num) for axis in range(3)], axis=1)
    against = np.einsum("fc,fc->f", area, total[polygon_of]) <= 0
    several = np.bincount(polygon_of, minlength=num)[polygon_of] > 1
    return np.unique(polygon_of[(against | flat) & several])


def _clip_ears(polygon: Sequence[int], pos: NDArray[np.float64]) -> list[list[int]]:
    """Triangles of a simple polygon: again and again the first corner that turns left and has no other corner in it."""
    rest, pieces = list(polygon), []
    normal = _area_and_flat(pos[_fan(polygon)])[0].sum(axis=0)
    while len(rest) > 3:
        # A polygon without an ear meets itself or has no area: what is left of it is cut as a fan.
        k = next((k for k in range(len(rest)) if _is_ear(rest, k, pos, normal)), 1)
        pieces.append([rest[k - 1], rest[k], rest[(k + 1) % len(rest)]])
        del rest[k]
    return [*pieces, rest]


def _is_ear(rest: list[int], k: int, pos: NDArray[np.float64], normal: NDArray[np.float64]) -> bool:
    tip = [rest[k - 1], rest[k], rest[(k + 1) % len(rest)]]
    area, flat = _area_and_flat(pos[[tip]])
    if flat[0] or area[0] @ normal <= 0:
        return False
    others = pos[[vertex for vertex in rest if vertex not in tip]]
    side = np.stack([np.cross(pos[tip[i]] - pos[tip[i - 1]], others - pos[tip[i - 1]]) @ normal for i in range(3)])
    return not (side >= 0).all(axis=0).any()


def _area_and_flat(corners: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Area vectors of triangles [n, 3, 3], and which of them are lines."""
    vector = 0.5 * np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    side = np.roll(corners, -1, axis=1) - corners
    longest = np.einsum("fkc,fkc->fk", side, side).max(axis=1)
    return vector, 2 * np.linalg.norm(vector, axis=1) <= FLAT * longest
