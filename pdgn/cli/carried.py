"""What was drawn on one triangulation of a surface, on another one of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pdgn.cli.draws import Coefficients
from pdgn.mesh import TriMesh, transfer
from pdgn.operators import gradient, mass
from pdgn.simulate import solve_poisson, stream_velocity

Array = NDArray[np.float64]


def carried(coefficients: Coefficients, mesh: TriMesh, other: TriMesh) -> Coefficients:
    """The same coefficients on another triangulation.

    Args:
        coefficients: on the first one.
        mesh: the first one, V vertices, F faces.
        other: another one of the same surface.

    Returns:
        The coefficients on the other.
    """
    diffusivity, flow = coefficients.diffusivity, coefficients.flow
    if diffusivity is not None:
        diffusivity = transfer(mesh, diffusivity, other)
    return Coefficients(coefficients.numbers, diffusivity, None if flow is None else carried_flow(flow, mesh, other))


def restricted(coefficients: Coefficients, mesh: TriMesh) -> Coefficients:
    """Coefficients of a mesh that was refined any number of times, on the mesh that it was made from.

    Args:
        coefficients: on the finer mesh, which has the vertices of the mesh first and the children of a face in a row.
        mesh: V vertices, F faces.

    Returns:
        Values at the V vertices; flows as means over the faces, [F, 3].
    """
    diffusivity, flow = coefficients.diffusivity, coefficients.flow
    return Coefficients(
        coefficients.numbers,
        None if diffusivity is None else diffusivity[: mesh.num_vertices],
        None if flow is None else flow.reshape(mesh.num_faces, -1, 3).mean(axis=1),
    )


def carried_flow(flow: Array, mesh: TriMesh, other: TriMesh) -> Array:
    """A flow on faces through its stream function and potential, v = n × ∇ψ + ∇φ: free of divergence where it was.

    ψ and φ minimise ∫ |∇ψ − v × n|² and ∫ |∇φ − v|²; on closed surfaces the two parts are orthogonal. A harmonic part
    (round a handle) is lost; the flows that recipes draw have none.

    Args:
        flow: [F, 3] tangential [length/time].
        mesh: where it is given, F faces.
        other: another triangulation of the same surface, G faces.

    Returns:
        [G, 3] tangential [length/time].
    """
    stream = transfer(mesh, _potential(np.cross(flow, mesh.face_normal), mesh), other)
    potential = transfer(mesh, _potential(flow, mesh), other)
    return stream_velocity(other, stream) + (gradient(other) @ potential).reshape(-1, 3)


def _potential(field: Array, mesh: TriMesh) -> Array:
    """The potential whose gradient is nearest to a field [F, 3] on faces: L φ = Gᵀ A v."""
    load = gradient(mesh).T @ (mesh.face_area[:, None] * field).ravel()
    return solve_poisson(mesh, load / mass(mesh, kind="lumped").diagonal(), project=True)
