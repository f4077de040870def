"""One connected component of a mesh at a time, as the distance solvers want it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh import TriMesh
from pdgn.operators.refusal import refuse_degenerate

# A solver for one component: (pos [n, 3], face [m, 3]) → (local sources → distances).
DistanceSolver = Callable[[NDArray[np.float64], NDArray[np.int64]], Callable[[int], NDArray[np.float64]]]


def refuse_unsolvable(mesh: TriMesh) -> None:
    """Refuse meshes on which distance solvers fail, most of them without a word.

    Raises:
        ValueError: where the mesh is periodic, has degenerate faces, or non-manifold edges or vertices.
    """
    if mesh.period is not None:
        raise ValueError(f"geodesic distances need a mesh without period, got period {mesh.period}")
    refuse_degenerate(mesh)
    try:
        mesh.require(manifold=True)
    except ValueError as error:
        raise ValueError(f"{error} (repair(mesh, non_manifold=True) takes it apart)") from error


def submesh(mesh: TriMesh, component: int) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """A component that has faces: its vertices [n], their positions [n, 3], its faces [m, 3] in local numbers."""
    inside = mesh.component == component
    local = np.cumsum(inside) - 1
    face = mesh.face[inside[mesh.face[:, 0]]]
    return np.flatnonzero(inside), np.ascontiguousarray(mesh.pos[inside]), local[face]


def check_solution(distance: NDArray[np.float64], num_vertices: int, method: str) -> NDArray[np.float64]:
    """The distances of one component, refused where a solver has failed quietly.

    Raises:
        ValueError: where there are too few of them or one is not finite.
    """
    result = np.asarray(distance, dtype=np.float64).ravel()
    if len(result) != num_vertices or not np.isfinite(result).all():
        raise ValueError(
            f"the {method} solver must give {num_vertices} finite distances, got {len(result)}, "
            f"of which {np.count_nonzero(~np.isfinite(result))} are not finite"
        )
    return result
