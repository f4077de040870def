"""Other triangulations of the same surface."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh.closest_point import closest_point
from pdgn.mesh.coarsening import coarsen
from pdgn.mesh.edge_flips import flip_edges
from pdgn.mesh.refinement import refine
from pdgn.mesh.tri_mesh import TriMesh
from pdgn.mesh.vertex_moves import move_vertices

FloatArray = NDArray[np.float64]

# Moves and flips of a periodic mesh alternate so often.
SWEEPS = 3
# The last moves of a mesh that was rebuilt [shortest edge].
SMALL_JITTER = 0.1


def retriangulate(
    mesh: TriMesh,
    generator: np.random.Generator,
    *,
    jitter: float = 0.4,
    crease: float = 30.0,
    project: Callable[[FloatArray], FloatArray] | None = None,
) -> TriMesh:
    """Another triangulation of the same surface: about as many vertices, in other places and joined otherwise.

    Vertices move at random along the surface (`move_vertices`); the mesh is made coarser by half, finer with the new
    vertices put on the surface, and coarser again; then edges turn (`flip_edges`), twice, with a small move between.
    On a periodic mesh, and on one too small to be made coarser, vertices move and edges turn, three times.

    Args:
        mesh: manifold, consistently oriented, periodic or not, without degenerate faces.
        generator: source of the moves and of the order of the flips.
        jitter: size of the first moves, in units of the shortest edge at a vertex, from 0 to 1.
        crease: angle between the normals of neighbouring faces from which on an edge is a crease, which vertices do
            not leave and edges do not cross [degrees].
        project: puts points, [n, 3] → [n, 3], onto the smooth surface that the mesh stands for; None for the closest
            points of the mesh itself.

    Returns:
        The other mesh: the same topology, and up to the order of the discretisation error the same surface. Its
        smallest angles are mostly larger than those of an irregular mesh and smaller than those of a regular one.

    Raises:
        ValueError: where jitter is out of range or the mesh unsuitable.
    """
    if not 0 <= jitter <= 1:
        raise ValueError(f"jitter must lie from 0 to 1, got {jitter}")
    mesh.require(manifold=True, oriented=True)
    degenerate = len(mesh.topology().degenerate_faces)
    if degenerate:
        raise ValueError(f"retriangulate needs faces of some area, got {degenerate} degenerate faces")
    back = project or (lambda pos: _onto(mesh, pos))
    moved = move_vertices(mesh, generator, back, jitter=jitter, crease=crease)
    other = _rebuilt(moved, back)
    sizes = (SMALL_JITTER,) if other is not None else (jitter,) * (SWEEPS - 1)
    result = flip_edges(moved if other is None else other, generator, crease)
    for size in sizes:
        result = flip_edges(move_vertices(result, generator, back, jitter=size, crease=crease), generator, crease)
    return result


def _rebuilt(mesh: TriMesh, project: Callable[[FloatArray], FloatArray]) -> TriMesh | None:
    """The mesh made coarser, finer and coarser again; None where that cannot be done."""
    if mesh.period is not None:
        return None
    try:
        finer = refine(coarsen(mesh, 0.5), project)
        return coarsen(finer, min(mesh.num_vertices / finer.num_vertices, 0.99))
    except ValueError:
        return None


def _onto(mesh: TriMesh, pos: FloatArray) -> FloatArray:
    found = closest_point(mesh, pos)
    return np.einsum("nk,nkc->nc", found.weight, mesh.corners[found.face])
