"""Signed geodesic distance from closed curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import potpourri3d
from numpy.typing import ArrayLike, NDArray

from pdgn.geodesics.component import check_solution, library_errors, solvable_components
from pdgn.geodesics.curve import Curve
from pdgn.geodesics.surface_points import SurfacePoint, SurfacePoints
from pdgn.mesh import TriMesh

# How much the solver minds that the distance varies along curves that cross faces, against its energy; without unit.
# To forbid it takes ten times as long, was no more accurate on the sphere (1 and 10⁴ were as good) and fails for more
# than one curve, as the library then says the same twice.
_CONSTANCY = 100.0


@library_errors()
def signed_geodesic_distance(mesh: TriMesh, curve: ArrayLike | Curve | Sequence[Curve]) -> NDArray[np.float64]:
    """Distance along the surface from closed curves, positive on their left, negative on their right.

    Left is seen from outside, along the curve: counter-clockwise about a face's normal, the inside is positive. Curves
    that do not agree on a side, or that do not divide the surface (once round a torus), have no inside: the result then
    is the function whose gradient fits best.

    Args:
        mesh: manifold, consistently oriented, not periodic, without degenerate faces.
        curve: a :class:`Curve`, or several, or a curve of edges: [n] vertex indices, n ≥ 3, each joined by an edge to
            the next and the last to the first; the first may be repeated at the end.

    Returns:
        [V] float64, units of pos; 0 on a curve of edges, and on others up to the method's error, of first order in the
        length of edges; +inf on components without curve and at isolated vertices.

    Raises:
        ValueError: where an index is out of range, two consecutive vertices are not joined or two consecutive points
            have no face in common (named), the mesh is unsuitable, or the solver failed.

    Reference: Feng & Crane, "A heat method for generalized signed distance", 2024.
    """
    curves = _curves(curve)
    if curves:
        return signed_geodesic_distances(mesh, [curves])[0]
    vertex = _check_curve(mesh, np.asarray(curve))
    components = solvable_components(mesh)
    mesh.require(oriented=True)
    part = components[int(components.label[vertex[0]])]
    closed: list[SurfacePoint] = [(index, []) for index in part.local(np.append(vertex, vertex[0])).tolist()]
    distance = potpourri3d.MeshSignedHeatSolver(part.pos, part.face).compute_distance([closed])
    result = np.full(mesh.num_vertices, np.inf)
    result[part.place] = check_solution(distance, len(part.vertices), "signed heat")
    return result


@library_errors()
def signed_geodesic_distances(mesh: TriMesh, sets: Sequence[Curve | Sequence[Curve]]) -> NDArray[np.float64]:
    """Signed distances from several sets of curves, one solver for all: most of the time goes into its factorisation.

    Args:
        mesh: as for :func:`signed_geodesic_distance`.
        sets: n times a curve, or several.

    Returns:
        [n, V] float64, row k as `signed_geodesic_distance(mesh, sets[k])`.

    Raises:
        ValueError: as there.
    """
    wanted = [_curves(entry) for entry in sets]
    if not all(wanted):
        raise ValueError(f"sets: wanted a Curve or several in every one, got none in set {wanted.index([])}")
    components = solvable_components(mesh)
    mesh.require(oriented=True)
    result = np.full((len(wanted), mesh.num_vertices), np.inf)
    chosen = [(row, curve) for row, curves in enumerate(wanted) for curve in curves]
    for _, curve in chosen:
        curve.require_on(mesh.face)
    number = [int(components.label[mesh.face[curve.face[0], 0]]) for _, curve in chosen]
    for which in sorted(set(number)):
        part = components[which]
        solver, points = potpourri3d.MeshSignedHeatSolver(part.pos, part.face), SurfacePoints(mesh, part)
        here = [entry for entry, label in zip(chosen, number) if label == which]
        for row in sorted({row for row, _ in here}):
            chains = [points.closed(curve) for own, curve in here if own == row]
            distance = solver.compute_distance(chains, soft_level_set_weight=_CONSTANCY)
            result[row, part.place] = check_solution(distance, len(part.vertices), "signed heat")
    return result


def _curves(given: object) -> list[Curve]:
    """The curves that were given; none where it is something else."""
    if isinstance(given, Curve):
        return [given]
    if isinstance(given, Sequence) and all(isinstance(entry, Curve) for entry in given):
        return list(given)
    return []


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
