"""Velocities on surfaces: rotations, those of a stream function or a potential, and averages at vertices."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh
from pdgn.mesh.period import minimal_image
from pdgn.operators import gradient, mass
from pdgn.simulate.argument import finite_array
from pdgn.simulate.boundary import boundary_edges, require_mesh
from pdgn.simulate.tangential import tangential


def rotation_velocity(mesh: TriMesh, axis: ArrayLike, rate: float) -> NDArray[np.float64]:
    """Velocity of a rigid rotation about an axis through the origin: v = rate · a × x, a the unit vector of the axis.

    Tangential on surfaces of revolution about that axis (and on spheres about any).

    Args:
        mesh: V vertices.
        axis: [3], not zero.
        rate: angle per time, counter-clockwise seen from the tip of the axis [1/time].

    Returns:
        [V, 3] float64 [length/time].
    """
    require_mesh(mesh)
    direction = finite_array("axis", axis, [(3,)])
    length = float(np.linalg.norm(direction))
    if length == 0:
        raise ValueError("axis: wanted a vector that is not zero, got [0, 0, 0]")
    return float(finite_array("rate", rate, [()])) * np.cross(direction / length, mesh.pos)


def stream_velocity(mesh: TriMesh, stream: ArrayLike) -> NDArray[np.float64]:
    """Velocity of a stream function on faces: v = n × ∇ψ, free of divergence.

    Exactly so in the weak sense: ∫ ∇φ_i·v = 0 at every vertex where ψ is constant along the boundary, so that in
    conservative form a constant stays constant to round-off.

    Args:
        mesh: F faces, consistently oriented.
        stream: ψ [V] [length²/time].

    Returns:
        [F, 3] float64 [length/time].

    Raises:
        ValueError: another shape, NaN, faces that do not agree on a side.
    """
    require_mesh(mesh)
    mesh.require(oriented=True)
    psi = finite_array("stream", stream, [(mesh.num_vertices,)])
    return np.cross(mesh.face_normal, (gradient(mesh) @ psi).reshape(-1, 3))


def potential_velocity(mesh: TriMesh, potential: ArrayLike) -> NDArray[np.float64]:
    """Velocity of a potential on faces: v = ∇φ, free of curl and nowhere free of divergence unless φ is harmonic.

    Weakly, ∫ ∇φ_i·v = (Lφ)_i: its integrated divergence is −Lφ.

    Args:
        mesh: V vertices, F faces.
        potential: φ [V] [length²/time].

    Returns:
        [F, 3] float64 [length/time].
    """
    require_mesh(mesh)
    phi = finite_array("potential", potential, [(mesh.num_vertices,)])
    return (gradient(mesh) @ phi).reshape(-1, 3)


def vertex_velocity(mesh: TriMesh, velocity: ArrayLike) -> NDArray[np.float64]:
    """A velocity on faces averaged to vertices by area, and put into their tangent planes (at a boundary, its sides).

    Args:
        mesh: V vertices, F faces.
        velocity: [F, 3] [length/time].

    Returns:
        [V, 3] float64 [length/time].
    """
    require_mesh(mesh)
    mesh.require(oriented=True)
    field = finite_array("velocity", velocity, [(mesh.num_faces, 3)])
    weighted = np.repeat(field * mesh.face_area[:, None] / 3, 3, axis=0)
    total = [np.bincount(mesh.face.ravel(), weighted[:, axis], mesh.num_vertices) for axis in range(3)]
    average = np.stack(total, axis=1) / mass(mesh).diagonal()[:, None]
    return _along_boundary(mesh, tangential(mesh, average))


def _along_boundary(mesh: TriMesh, velocity: NDArray[np.float64]) -> NDArray[np.float64]:
    """The velocity with its part along the boundary alone at boundary vertices; both sides of a corner count."""
    result = velocity.copy()
    tail, head = boundary_edges(mesh)
    side = minimal_image(mesh.pos[head] - mesh.pos[tail], mesh.period)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    for end in (tail, head):  # a vertex is the tail of one boundary edge and the head of one
        result[end] = np.einsum("nc,nc->n", result[end], side)[:, None] * side
    return result
