"""Signed geodesic distance from a closed curve."""

from __future__ import annotations

import numpy as np
import potpourri3d
from numpy.typing import ArrayLike, NDArray

from pdgn.geodesics.component import check_solution, refuse_unsolvable, submesh
from pdgn.mesh import TriMesh


def signed_geodesic_distance(mesh: TriMesh, curve: ArrayLike) -> NDArray[np.float64]:
    """Distance along the surface from a closed curve of edges, positive on its left, negative on its right.

    Left is seen from outside, along the curve: counter-clockwise about a face's normal, the inside is positive.

    Args:
        mesh: manifold, consistently oriented, not periodic, without degenerate faces.
        curve: [n] vertex indices, n ≥ 3, each joined by an edge to the next and the last to the first; the first may be
            repeated at the end.

    Returns:
        [V] float64, units of pos; 0 on the curve; +inf on other components and at isolated vertices.

    Raises:
        ValueError: where an index is out of range, two consecutive vertices are not joined (named), the mesh is
            unsuitable, or the solver failed.

    Reference: Feng & Crane, "A heat method for generalized signed distance", 2024.
    """
    vertex = _check_curve(mesh, np.asarray(curve))
    refuse_unsolvable(mesh)
    mesh.require(oriented=True)
    vertices, pos, face = submesh(mesh, mesh.component[vertex[0]])
    local = np.searchsorted(vertices, vertex).tolist()
    closed: list[tuple[int, list[float]]] = [(index, []) for index in [*local, local[0]]]
    solver = potpourri3d.MeshSignedHeatSolver(pos, face)
    result = np.full(mesh.num_vertices, np.inf)
    result[vertices] = check_solution(solver.compute_distance([closed]), len(vertices), "signed heat")
    return result


def _check_curve(mesh: TriMesh, curve: NDArray) -> NDArray[np.int64]:
    if curve.ndim != 1 or not np.issubdtype(curve.dtype, np.integer):
        raise ValueError(f"curve must be a list of vertex indices, got shape {list(curve.shape)}, dtype {curve.dtype}")
    outside = curve[(curve < 0) | (curve >= mesh.num_vertices)]
    if len(outside):
        raise ValueError(f"curve must lie in [0, {mesh.num_vertices}), got {outside[0]}")
    if len(curve) > 1 and curve[0] == curve[-1]:
        curve = curve[:-1]
    if len(curve) < 3 or len(np.unique(curve)) < len(curve):
        raise ValueError(f"curve must be closed, of at least 3 vertices, each once, got {curve.tolist()[:10]}")
    following = np.roll(curve, -1)
    source, target = mesh.edge_index
    joined = np.isin(curve * mesh.num_vertices + following, target * mesh.num_vertices + source)
    if not joined.all():
        gap = np.flatnonzero(~joined)[0]
        raise ValueError(f"curve must follow edges, but vertices {curve[gap]} and {following[gap]} are not joined")
    return curve.astype(np.int64)
