"""A sphere triangulated without the icosahedron's symmetry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from pdgn.mesh.tri_mesh import TriMesh


def fibonacci_sphere(num_vertices: int, radius: float = 1.0, generator: np.random.Generator | None = None) -> TriMesh:
    """A sphere about the origin of any number of vertices: a Fibonacci lattice and its convex hull (Delaunay).

    z_i = 1 − (2i + 1)/V, longitude i·π(3 − √5); normals point outward. All angles are above 38° for any V.

    Args:
        num_vertices: V, at least 4.
        radius: finite radius > 0.
        generator: turns the lattice at random; None leaves it.

    Raises:
        ValueError: where V or the radius is out of range.

    Reference: González, "Measurement of areas on a sphere using Fibonacci and latitude–longitude lattices", 2010.
    """
    if num_vertices < 4 or not 0 < radius < np.inf:
        raise ValueError(f"fibonacci_sphere needs at least 4 vertices and a finite radius > 0, got {num_vertices} "
                         f"and {radius}")  # fmt: skip
    index = np.arange(num_vertices)
    z = 1 - (2 * index + 1) / num_vertices
    angle = index * np.pi * (3 - np.sqrt(5))
    across = np.sqrt(1 - z**2)
    unit = np.stack([across * np.cos(angle), across * np.sin(angle), z], axis=1)
    face = ConvexHull(unit).simplices.astype(np.int64)
    first, second, third = np.moveaxis(unit[face], 1, 0)
    inward = np.einsum("fc,fc->f", np.cross(second - first, third - first), first) < 0
    face[inward] = face[inward][:, [0, 2, 1]]
    if generator is not None:
        unit = unit @ _random_rotation(generator).T
    return TriMesh(radius * unit, face)


def _random_rotation(generator: np.random.Generator) -> NDArray[np.float64]:
    """A rotation matrix, uniform over all, from a random unit quaternion."""
    quaternion = generator.standard_normal(4)
    w, x, y, z = quaternion / np.linalg.norm(quaternion)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip
