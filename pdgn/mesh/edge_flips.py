"""Edges turned inside the quadrilateral of their two faces, where that makes better faces."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh.period import minimal_image
from pdgn.mesh.quality import angles
from pdgn.mesh.sides import Sides
from pdgn.mesh.tri_mesh import TriMesh

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

# A smallest angle [radian] counts as larger by this much only, so that squares are not turned for ever.
GAIN = 1e-6
# Each round turns those of the rest that share no vertex; real meshes are done after 10 to 40.
MOST_ROUNDS = 200


def flip_edges(mesh: TriMesh, generator: np.random.Generator, crease: float = 30.0) -> TriMesh:
    """Edges turned until none makes the smallest angle of its two faces larger: in a plane, a Delaunay triangulation.

    Vertices stay, faces keep their number; edges on a boundary or across a crease stay. The order is drawn at random;
    in general position a plane has one result, a curved surface several.

    Args:
        mesh: manifold, consistently oriented, periodic or not.
        generator: source of the order.
        crease: largest angle between the normals of old and new faces [degrees].

    Returns:
        A mesh with the same vertices.

    Raises:
        ValueError: where the mesh is not an oriented manifold.

    Reference: Lawson, "Transforming triangulations", 1972.
    """
    mesh.require(manifold=True, oriented=True)
    active = np.ones(mesh.num_vertices, dtype=bool)
    for _ in range(MOST_ROUNDS):
        flips = _possible(mesh, crease, active)
        worth = flips.after > flips.before + GAIN
        if not worth.any():
            break
        active[:] = False
        active[flips.quad[worth]] = True
        mesh = _flipped(mesh, flips, worth, generator)
    return mesh


class _Flips(NamedTuple):
    """Edges a–b that can be turned to c–d.

    Attributes:
        quad: [n, 4] int64, a, b, c, d.
        faces: [n, 2] int64, (a, b, c) and (b, a, d).
        before: [n] smallest angle of the two faces, and
        after: [n] of those that they would become [radian].
    """

    quad: IntArray
    faces: IntArray
    before: FloatArray
    after: FloatArray


def _flipped(mesh: TriMesh, flips: _Flips, wanted: NDArray[np.bool_], generator: np.random.Generator) -> TriMesh:
    quad, faces = flips.quad[wanted], flips.faces[wanted]
    chosen = _independent(quad, mesh.num_vertices, generator)
    a, b, c, d = quad[chosen].T
    face = np.array(mesh.face)
    face[faces[chosen, 0]] = np.stack([a, d, c], axis=1)
    face[faces[chosen, 1]] = np.stack([d, b, c], axis=1)
    return TriMesh(mesh.pos, face, mesh.period)


def _possible(mesh: TriMesh, crease: float, active: NDArray[np.bool_]) -> _Flips:
    """The edges that can be turned, of those with an active vertex [V] in their quadrilateral."""
    sides = Sides.of(mesh.face, mesh.num_vertices)
    first, second = sides.partners()
    corner = mesh.face.ravel()
    third = (corner[3 * (side // 3) + (side + 2) % 3] for side in (first, second))
    quad = np.stack([corner[first], corner[second], *third], axis=1)
    low, high = quad[:, 2:].min(axis=1), quad[:, 2:].max(axis=1)
    key = low * mesh.num_vertices + high
    place = np.minimum(np.searchsorted(sides.key, key), len(sides.key) - 1)
    free = (low != high) & (sides.key[place] != key) & active[quad].any(axis=1)
    free[free] = _same_image(mesh, quad[free])
    quad, faces = quad[free], np.stack([first[free] // 3, second[free] // 3], axis=1)
    before, after = _corners(mesh, quad, [(0, 1, 2), (1, 0, 3)]), _corners(mesh, quad, [(0, 3, 2), (3, 1, 2)])
    turn = np.einsum("nkc,nlc->nkl", _normals(before), _normals(after)).min(axis=(1, 2))
    flat = turn > np.cos(np.radians(crease))
    return _Flips(quad[flat], faces[flat], _smallest(before[flat]), _smallest(after[flat]))


def _same_image(mesh: TriMesh, quad: IntArray) -> NDArray[np.bool_]:
    """Where the new edge is the shortest image of itself, as an edge of a periodic mesh must be."""
    if mesh.period is None:
        return np.ones(len(quad), dtype=bool)
    a, _, c, d = (mesh.pos[quad[:, k]] for k in range(4))
    across = minimal_image(d - a, mesh.period) - minimal_image(c - a, mesh.period)
    return np.abs(across - minimal_image(across, mesh.period)).max(axis=1) < 1e-6 * max(mesh.period)


def _corners(mesh: TriMesh, quad: IntArray, triangles: list[tuple[int, int, int]]) -> FloatArray:
    """Corner positions of triangles of a quadrilateral, seen from its first vertex, [n, len(triangles), 3, 3]."""
    origin = mesh.pos[quad[:, :1]]
    return minimal_image(mesh.pos[quad] - origin, mesh.period)[:, triangles]


def _normals(corners: FloatArray) -> FloatArray:
    normal = np.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    length = np.linalg.norm(normal, axis=2, keepdims=True)
    return np.divide(normal, length, out=np.zeros_like(normal), where=length > 0)


def _smallest(corners: FloatArray) -> FloatArray:
    return angles(corners.reshape(-1, 3, 3)).reshape(len(corners), -1).min(axis=1)


def _independent(quad: IntArray, num_vertices: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """A random set of quadrilaterals without a vertex in common, [n] bool, at least one: those first at their four."""
    rank = generator.permutation(len(quad))
    first = np.full(num_vertices, len(quad))
    np.minimum.at(first, quad.ravel(), np.repeat(rank, 4))
    return (first[quad] == rank[:, None]).all(axis=1)
