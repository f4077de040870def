"""Vertices moved at random along the surface, and no farther than the faces allow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh.quality import corner_angles
from pdgn.mesh.refinement import wrapped
from pdgn.mesh.sides import Sides
from pdgn.mesh.tri_mesh import TriMesh

FloatArray = NDArray[np.float64]

# A move may leave a face with a smaller smallest angle only where that stays above this [degrees].
LEAST_ANGLE = 20.0
# Steps that would spoil a face are halved down to this share, then left out.
LEAST_SHARE = 1 / 8


def move_vertices(
    mesh: TriMesh,
    generator: np.random.Generator,
    project: Callable[[FloatArray], FloatArray],
    *,
    jitter: float = 0.4,
    crease: float = 30.0,
) -> TriMesh:
    """Every vertex moved in its tangent plane, half of the way to the middle of its neighbours and a random step.

    Vertices on a boundary or a crease stay. Steps are halved, and at last left out, where a face would turn by more
    than `crease` or get an angle both below 20° and below its smallest before.

    Args:
        mesh: manifold, consistently oriented, periodic or not.
        generator: source of the steps.
        project: puts points, [n, 3] → [n, 3], back onto the surface.
        jitter: largest random step along each axis, in units of the shortest edge at the vertex.
        crease: angle between the normals of neighbouring faces from which on an edge is a crease [degrees].

    Returns:
        A mesh with the same faces.
    """
    step = _random_steps(mesh, generator, jitter)
    step[~_free(mesh, crease)] = 0.0
    low = mesh.pos.min(axis=0)
    pos = np.array(mesh.pos)
    share = np.ones(mesh.num_vertices)
    changed = np.flatnonzero(step.any(axis=1))
    least = np.minimum(corner_angles(mesh).min(axis=1), np.radians(LEAST_ANGLE)) * (1 - 1e-12)
    while len(changed):
        moving = changed[share[changed] > 0]
        pos[changed] = mesh.pos[changed]
        if len(moving):
            pos[moving] = wrapped(project(mesh.pos[moving] + share[moving, None] * step[moving]), low, mesh.period)
        moved = TriMesh(pos, mesh.face, mesh.period)
        turned = np.einsum("fc,fc->f", moved.face_normal, mesh.face_normal) < np.cos(np.radians(crease))
        bad = turned | (corner_angles(moved).min(axis=1) < least)
        corner = np.unique(mesh.face[bad])
        changed = corner[(share[corner] > 0) & step[corner].any(axis=1)]
        share[changed] = np.where(share[changed] > LEAST_SHARE, share[changed] / 2, 0.0)
    return TriMesh(pos, mesh.face, mesh.period)


def _random_steps(mesh: TriMesh, generator: np.random.Generator, jitter: float) -> FloatArray:
    """Steps in the tangent planes, [V, 3]: half of the way to the middle of the neighbours, and a random one."""
    source, target = mesh.edge_index
    count = np.maximum(np.bincount(target, minlength=mesh.num_vertices), 1)[:, None]
    total = [np.bincount(target, mesh.edge_vector[:, axis], mesh.num_vertices) for axis in range(3)]
    shortest = np.full(mesh.num_vertices, np.inf)
    np.minimum.at(shortest, target, mesh.edge_length)
    shortest[~np.isfinite(shortest)] = 0.0
    random = generator.uniform(-1, 1, (mesh.num_vertices, 3)) * (jitter * shortest)[:, None]
    step = 0.5 * np.stack(total, axis=1) / count + random
    normal = mesh.vertex_normal
    return step - np.einsum("vc,vc->v", step, normal)[:, None] * normal


def _free(mesh: TriMesh, crease: float) -> NDArray[np.bool_]:
    """Vertices that may move: inside, and with no crease at them, [V]."""
    sides = Sides.of(mesh.face, mesh.num_vertices)
    first, second = sides.partners()
    normal = mesh.face_normal
    sharp = np.einsum("nc,nc->n", normal[first // 3], normal[second // 3]) < np.cos(np.radians(crease))
    free = ~mesh.boundary
    free[mesh.face.ravel()[first[sharp]]] = False
    free[mesh.face.ravel()[second[sharp]]] = False
    free[mesh.topology().isolated_vertices] = False
    return free
