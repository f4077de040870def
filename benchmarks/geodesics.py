"""Geodesic fields against the bare calls of the libraries that compute them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import potpourri3d
from numpy.typing import NDArray
from pygeodesic.geodesic import PyGeodesicAlgorithmExact

from benchmarks.measure import Comparison, compare, skipped
from benchmarks.meshes import real_mesh, unseen
from pdgn.geodesics import geodesic_distance
from pdgn.mesh import TriMesh

LIMIT = 1.1


def bare_heat(mesh: TriMesh, sources: list[int]) -> NDArray[np.float64]:
    """One factorisation, one solve for each source."""
    solver = potpourri3d.MeshHeatMethodDistanceSolver(mesh.pos, mesh.face)
    return np.stack([solver.compute_distance(source) for source in sources])


def bare_fast_marching(mesh: TriMesh, sources: list[int]) -> NDArray[np.float64]:
    """One front for each source."""
    solver = potpourri3d.MeshFastMarchingDistanceSolver(mesh.pos, mesh.face)
    return np.stack([solver.compute_distance([[(source, [])]]) for source in sources])


def bare_exact(mesh: TriMesh, sources: list[int]) -> NDArray[np.float64]:
    """One propagation for each source."""
    solver = PyGeodesicAlgorithmExact(mesh.pos, mesh.face)
    return np.stack([solver.geodesicDistances(np.array([source]))[0] for source in sources])


BARE: dict[str, tuple[Callable[[TriMesh, list[int]], NDArray[np.float64]], str, int]] = {
    "heat": (bare_heat, "stanford-bunny.obj", 8),
    "fast_marching": (bare_fast_marching, "stanford-bunny.obj", 8),
    "exact": (bare_exact, "cheburashka.obj", 4),
}


def distances(method: str, mesh: TriMesh | None = None, repeats: int = 5) -> Comparison:
    """Distances from a few sources, checks of the mesh included, against the library's own calls on the same mesh."""
    bare, file, count = BARE[method]
    name = f"geodesic {method.replace('_', ' ')}, {count} sources on {file.removesuffix('.obj')}"
    mesh = mesh or real_mesh(file)
    if mesh is None:
        return skipped(name, LIMIT, f"no {file}; name its folder's parent in PDGN_SHARED_DATA")
    sources = np.linspace(0, mesh.num_vertices - 1, count).astype(int).tolist()
    sides = {
        "ours": lambda: geodesic_distance(unseen(mesh), sources, method=method),
        "bare": lambda: bare(mesh, sources),
    }
    return compare(name, LIMIT, sides, repeats)
