"""Vector fields in the tangent planes of a mesh."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh
from pdgn.simulate.argument import finite_array

# Vertex normals of a coarse mesh differ from those of the surface it stands for (by 0.01 for a rotation of the
# 162-vertex sphere); a velocity with more of a normal part than this was not meant for the surface.
NORMAL_TOLERANCE = 0.15


def require_tangential(mesh: TriMesh, velocity: NDArray[np.float64]) -> None:
    """Refuse a velocity with a part normal to the surface above 15 % of its top speed.

    Args:
        mesh: V vertices, F faces.
        velocity: [V, 3] or [F, 3].

    Raises:
        ValueError: with the place and the size of the largest normal part.
    """
    per_vertex = len(velocity) == mesh.num_vertices
    normal = mesh.vertex_normal if per_vertex else mesh.face_normal
    part = np.abs(np.einsum("nc,nc->n", velocity, normal))
    top = float(np.linalg.norm(velocity, axis=1).max())
    worst = int(part.argmax())
    if part[worst] > NORMAL_TOLERANCE * top:
        raise ValueError(
            f"velocity: wanted one tangential to the mesh, got a normal part of {part[worst]:g} (top speed {top:g}) "
            f"at {'vertex' if per_vertex else 'face'} {worst}; project it with pdgn.simulate.tangential"
        )


def tangential(mesh: TriMesh, velocity: ArrayLike) -> NDArray[np.float64]:
    """The part of a velocity in the tangent planes of a mesh: v − (v·n) n with the vertex normals n.

    Args:
        mesh: V vertices.
        velocity: [V, 3].

    Returns:
        [V, 3].

    Raises:
        ValueError: another shape, NaN, faces that do not agree on a side (normals at vertices are then wrong).
    """
    mesh.require(oriented=True)
    vector = finite_array("velocity", velocity, [(mesh.num_vertices, 3)])
    normal = np.asarray(mesh.vertex_normal)
    return vector - np.einsum("nc,nc->n", vector, normal)[:, None] * normal
