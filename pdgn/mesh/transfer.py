"""Fields carried from one triangulation of a surface to another."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh.closest_point import closest_point
from pdgn.mesh.tri_mesh import TriMesh


def transfer(mesh: TriMesh, values: ArrayLike, other: TriMesh, *, tangential: bool = False) -> NDArray[np.float64]:
    """Values on the vertices of one triangulation, at the vertices of another of the same surface.

    Each vertex of `other` gets the piecewise linear interpolant at the closest point of `mesh`: second order in the
    size of the faces, exact on the same mesh and, where both lie in one plane, on linear functions. The interpolant
    keeps to the range of the values; the integral changes with the discretisation error.

    Args:
        mesh: V vertices, periodic or not.
        values: [V, ...] numbers, or tangential vectors in the last axis; NaN stays where it is interpolated.
        other: W vertices, of the same period.
        tangential: values are vectors [V, ..., 3]: their part normal to `other` is taken out.

    Returns:
        [W, ...] float64.

    Raises:
        ValueError: where values do not fit the mesh, or one mesh is periodic and the other is not, or differently.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or len(array) != mesh.num_vertices or (tangential and (array.ndim < 2 or array.shape[-1] != 3)):
        wanted = f"[{mesh.num_vertices}, ..., 3]" if tangential else f"[{mesh.num_vertices}, ...]"
        raise ValueError(f"values must have shape {wanted}, got {list(array.shape)}")
    if mesh.period != other.period:
        raise ValueError(f"transfer needs meshes of one period, got {mesh.period} and {other.period}")
    result = closest_point(mesh, other.pos).interpolate(mesh, array)
    if tangential:
        normal = other.vertex_normal.reshape(-1, *[1] * (array.ndim - 2), 3)
        result = result - (result * normal).sum(axis=-1, keepdims=True) * normal
    return result
