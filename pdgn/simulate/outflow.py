"""What a flow carries through the boundary of a mesh."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from pdgn.mesh import TriMesh
from pdgn.mesh.period import minimal_image

# Of the top speed: an edge along which a flow runs has v·n of the size of round-off, of either sign.
ALONG = 1e-9


def outflow_form(mesh: TriMesh, velocity: NDArray[np.float64]) -> sp.csr_matrix:
    """What leaves through the boundary: B_ij = ∫_∂ φ_i φ_j v·n, v·n taken constant on each edge.

    Args:
        mesh: V vertices, F faces.
        velocity: [V, 3] or [F, 3] [length/time].

    Returns:
        csr [V, V] [length²/time]; the sum of B u is the outflow of u per time.
    """
    tail, head, flux = _boundary_flux(mesh, velocity)
    row = np.concatenate([tail, head, tail, head])
    column = np.concatenate([tail, head, head, tail])
    value = np.concatenate([flux / 3, flux / 3, flux / 6, flux / 6])
    return sp.csr_matrix(sp.coo_matrix((value, (row, column)), (mesh.num_vertices, mesh.num_vertices)))


def inflow_vertices(mesh: TriMesh, velocity: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The vertices of boundary edges through which the flow enters: [V] bool."""
    tail, head, flux = _boundary_flux(mesh, velocity)
    length = np.linalg.norm(minimal_image(mesh.pos[head] - mesh.pos[tail], mesh.period), axis=1)
    enters = flux < -ALONG * length * np.linalg.norm(velocity, axis=1).max()
    result = np.zeros(mesh.num_vertices, dtype=bool)
    result[np.concatenate([tail[enters], head[enters]])] = True
    return result


def _boundary_flux(
    mesh: TriMesh, velocity: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Tail, head and |e| v·n of every boundary edge, n outward in the plane of its face."""
    edges = mesh.face[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    _, place, count = np.unique(np.sort(edges, axis=1), axis=0, return_index=True, return_counts=True)
    place = place[count == 1]
    tail, head = edges[place].T
    outward = np.cross(minimal_image(mesh.pos[head] - mesh.pos[tail], mesh.period), mesh.face_normal[place // 3])
    per_vertex = len(velocity) == mesh.num_vertices
    flow = 0.5 * (velocity[tail] + velocity[head]) if per_vertex else velocity[place // 3]
    return tail, head, np.einsum("ec,ec->e", flow, outward)
