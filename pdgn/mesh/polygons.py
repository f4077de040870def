"""Polygons of text files, cut into triangles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def fan(corners: Sequence[int]) -> list[list[int]]:
    """Triangles of a polygon that all share its first corner: right for convex polygons, n − 2 triangles always."""
    return [[corners[0], corners[k], corners[k + 1]] for k in range(1, len(corners) - 1)]


def check_range(
    face: ArrayLike, origin: Sequence[int] | NDArray, num_vertices: int, *, first: int, place: str = "line"
) -> NDArray[np.int64]:
    """Triangles as an array, after a look at their indices.

    Args:
        face: [F, 3] triangles with indices from 0.
        origin: [F] number of the line or polygon of the file from which each came.
        num_vertices: V.
        first: number of the first vertex in the file's own count, 0 or 1, for the message.
        place: what origin counts, for the message.

    Returns:
        [F, 3] int64.

    Raises:
        ValueError: where an index is out of range, naming the place.
    """
    array = np.array(face, dtype=np.int64).reshape(-1, 3)
    bad = np.flatnonzero(((array < 0) | (array >= num_vertices)).any(axis=1))
    if len(bad):
        given = (array[bad[0]] + first).tolist()
        raise ValueError(
            f"{place} {origin[bad[0]]}: vertex numbers must lie in [{first}, {num_vertices + first}), got {given}"
        )
    return array
