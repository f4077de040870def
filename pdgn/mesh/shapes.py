"""Surfaces that are generated: sphere, torus and plane square."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh.refinement import split_in_four
from pdgn.mesh.tri_mesh import TriMesh

# One more would fill a hundred gigabytes.
MOST_SUBDIVISIONS = 12


def icosphere(subdivisions: int, radius: float = 1.0) -> TriMesh:
    """A sphere about the origin from an icosahedron whose faces are cut in four, the new vertices put on the sphere.

    V = 10·4ⁿ + 2, F = 20·4ⁿ; normals point outward. The vertices of a coarser sphere come first in a finer one.

    Args:
        subdivisions: n from 0, the icosahedron, to 12, 168 million vertices.
        radius: finite radius > 0.

    Raises:
        ValueError: where n or the radius is out of range.
    """
    if not 0 <= subdivisions <= MOST_SUBDIVISIONS or not 0 < radius < np.inf:
        raise ValueError(
            f"icosphere needs 0 <= subdivisions <= {MOST_SUBDIVISIONS} and a finite radius > 0, "
            f"got {subdivisions} and {radius}"
        )
    pos, face = _icosahedron()
    for _ in range(subdivisions):
        pos, face = _subdivide(pos, face)
    return TriMesh(radius * pos, face)


def torus(
    major: float,
    minor: float,
    n_major: int,
    n_minor: int,
    triangulation: Literal["regular", "staggered"] = "regular",
    phase: tuple[float, float] = (0.0, 0.0),
) -> TriMesh:
    """A torus about the z axis, normals outward.

    x = ((R + r cos φ) cos θ, (R + r cos φ) sin θ, r sin φ); vertex a·n_minor + b has θ = θ₀ + 2πa/n_major and
    φ = φ₀ + 2πb/n_minor, or, where every other ring is staggered, φ₀ + 2π(b + ½)/n_minor for odd a.

    Args:
        major: R, distance of the tube's centre from the axis.
        minor: r, radius of the tube, 0 < r < R.
        n_major: number of vertices round the axis, at least 3.
        n_minor: number of vertices round the tube, at least 3.
        triangulation: "regular", right-angled in (θ, φ), or "staggered", isosceles there; n_major is then even.
        phase: (θ₀, φ₀) [radian].

    Raises:
        ValueError: where the radii or the numbers are out of range, or the triangulation another.
    """
    staggered = triangulation == "staggered"
    if triangulation not in ("regular", "staggered") or (staggered and n_major % 2):
        raise ValueError(
            "torus needs triangulation 'regular', or 'staggered' with an even n_major, "
            f"got {triangulation!r} and n_major={n_major}"
        )
    if not 0 < minor < major < np.inf or min(n_major, n_minor) < 3:
        raise ValueError(
            f"torus needs 0 < minor < major < inf and at least 3 vertices each way, got major={major}, "
            f"minor={minor}, n_major={n_major}, n_minor={n_minor}"
        )
    theta, phi = np.meshgrid(
        2 * np.pi * np.arange(n_major) / n_major, 2 * np.pi * np.arange(n_minor) / n_minor, indexing="ij"
    )
    theta, phi = theta + phase[0], phi + phase[1]
    if staggered:
        phi[1::2] += np.pi / n_minor
    ring = major + minor * np.cos(phi)
    pos = np.stack([ring * np.cos(theta), ring * np.sin(theta), minor * np.sin(phi)], axis=-1).reshape(-1, 3)
    index = np.arange(n_major * n_minor).reshape(n_major, n_minor)
    return TriMesh(pos, _quads(index, wrap=True, staggered=staggered))


def grid(nx: int, ny: int, size: tuple[float, float] = (1.0, 1.0), periodic: bool = False) -> TriMesh:
    """A right-angled grid on [0, size₀] × [0, size₁] in the plane z = 0, every cell cut in two, normals +z.

    Vertex iy·nx + ix lies at (ix·hx, iy·hy, 0). Without period h = size/(n − 1) and the last vertices lie on the far
    side; with period h = size/n and the far side is the near one (a flat torus, closed).

    Args:
        nx: number of vertices in x; at least 2, with period 3.
        ny: number of vertices in y; likewise.
        size: (size₀, size₁) > 0, lengths of the sides.
        periodic: join opposite sides in x and in y.

    Raises:
        ValueError: where a number or a length is too small.
    """
    least = 3 if periodic else 2
    if min(nx, ny) < least or not (len(size) == 2 and all(0 < length < np.inf for length in size)):
        raise ValueError(f"grid needs nx, ny >= {least} and two finite lengths > 0, got nx={nx}, ny={ny}, size={size}")
    cells = np.array([nx, ny]) if periodic else np.array([nx - 1, ny - 1])
    x, y = (np.arange(count) * (length / cell) for count, length, cell in zip((nx, ny), size, cells))
    pos = np.stack([np.tile(x, ny), np.repeat(y, nx), np.zeros(nx * ny)], axis=1)
    index = np.arange(nx * ny).reshape(ny, nx).T
    return TriMesh(pos, _quads(index, wrap=periodic), (size[0], size[1], 0.0) if periodic else None)


def _icosahedron() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    golden = (1 + np.sqrt(5)) / 2
    corner = np.array([[0, a, b] for a in (-1, 1) for b in (-golden, golden)])
    pos = np.concatenate([corner, np.roll(corner, 1, axis=1), np.roll(corner, 2, axis=1)])
    near = np.linalg.norm(pos[:, None] - pos[None], axis=2) < 2.1  # edges have length 2, everything else 2·golden
    face = np.array([
        (a, b, c) if np.linalg.det(pos[[a, b, c]]) > 0 else (a, c, b)
        for a in range(12) for b in range(a + 1, 12) for c in range(b + 1, 12)
        if near[a, b] and near[b, c] and near[a, c]
    ])  # fmt: skip
    return pos / np.linalg.norm(pos, axis=1, keepdims=True), face


def _subdivide(pos: NDArray[np.float64], face: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A sphere's faces cut in four, the new vertices after the old ones, on the unit sphere."""
    pairs, pieces = split_in_four(face, len(pos))
    middle = pos[pairs].sum(axis=1)
    return np.concatenate([pos, middle / np.linalg.norm(middle, axis=1, keepdims=True)]), pieces


def _quads(index: NDArray[np.int64], wrap: bool, staggered: bool = False) -> NDArray[np.int64]:
    """Two triangles for every cell of an [n, m] array of vertex numbers, counter-clockwise in its two directions."""
    if wrap:
        index = np.pad(index, ((0, 1), (0, 1)), mode="wrap")
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    face = np.stack([np.stack([a, b, c], axis=-1), np.stack([a, c, d], axis=-1)], axis=2)
    if staggered:  # the second row of a cell with an even first one is shifted, so the other diagonal is shorter
        face[::2, :, 0] = np.stack([a, b, d], axis=-1)[::2]
        face[::2, :, 1] = np.stack([b, c, d], axis=-1)[::2]
    return face.reshape(-1, 3)
