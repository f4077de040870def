"""Checks of the arrays that a mesh or a sensor network is made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh.period import Period, minimal_image


def check_pos(pos: ArrayLike, dimensions: tuple[int, ...] = (3,)) -> NDArray[np.float64]:
    """Positions as a new float64 array.

    Args:
        pos: [V, D], finite, V > 0.
        dimensions: the D that are accepted.

    Returns:
        [V, D] float64, contiguous, a copy.

    Raises:
        TypeError: where pos is not an array of real numbers.
        ValueError: where it is empty, of another shape, or holds NaN or infinity (the first vertex is named).
    """
    wanted = " or ".join(str(dimension) for dimension in dimensions)
    given = _numeric(pos, "pos", f"[V, {wanted}] real numbers")
    array = np.array(given, dtype=np.float64, order="C")
    if array.size == 0:
        raise ValueError(f"pos is empty: a mesh needs at least one vertex, got an array of shape {list(array.shape)}")
    if array.ndim != 2 or array.shape[1] not in dimensions:
        raise ValueError(f"pos must have shape [V, {wanted}], got {list(array.shape)}")
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(bad):
        raise ValueError(f"pos must be finite, got NaN or infinity at {len(bad)} vertices, first at vertex {bad[0]}")
    return array


def check_face(face: ArrayLike, num_vertices: int) -> NDArray[np.int64]:
    """Faces as a new int64 array.

    Args:
        face: [F, 3] integers in [0, num_vertices), F > 0.
        num_vertices: V.

    Returns:
        [F, 3] int64, contiguous, a copy.

    Raises:
        TypeError: where face is not an array of whole numbers.
        ValueError: where it is empty, of another shape, or an index is out of range (the first face is named).
    """
    given = _numeric(face, "face", "[F, 3] whole numbers")
    if given.size == 0:
        raise ValueError(f"face is empty: a mesh needs at least one face, got an array of shape {list(given.shape)}")
    if given.ndim != 2 or given.shape[1] != 3:
        raise ValueError(f"face must have shape [F, 3], got {list(given.shape)}")
    if not np.issubdtype(given.dtype, np.integer):
        raise TypeError(f"face must hold whole numbers of an integer dtype, got {given.dtype}")
    outside = np.flatnonzero(((given < 0) | (given >= num_vertices)).any(axis=1))
    if len(outside):
        raise ValueError(
            f"face indices must lie in [0, {num_vertices}), got {given[outside[0]].tolist()} in face {outside[0]} "
            f"({len(outside)} faces are out of range)"
        )
    return np.array(given, dtype=np.int64, order="C")


def check_periodic_face(pos: NDArray[np.float64], face: NDArray[np.int64], period: Period | None) -> None:
    """Refuse faces so large that the shortest images of their edges do not close.

    Raises:
        ValueError: naming the first such face.
    """
    if period is None:
        return
    edges = minimal_image(pos[np.roll(face, -1, axis=1)] - pos[face], period)
    # A wrong image misses by a whole period; rounding misses by 1e-16 of one.
    open_faces = np.flatnonzero(np.abs(edges.sum(axis=1)).max(axis=1) > 1e-6 * max(period))
    if len(open_faces):
        raise ValueError(
            f"faces must span less than half a period {period}, got {len(open_faces)} that do not close, "
            f"the first is face {open_faces[0]}"
        )


def _numeric(values: ArrayLike, name: str, wanted: str) -> np.ndarray:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must be {wanted}, got rows of different length") from error
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be {wanted}, got dtype {array.dtype}")
    return array
