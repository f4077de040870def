"""Meshes on which every identity must hold."""

from __future__ import annotations

import numpy as np

from pdgn.mesh import TriMesh, bumpy_sphere, grid, icosphere, torus


def tilted_plane(generator: np.random.Generator) -> TriMesh:
    """A flat mesh with boundary, turned in space; inner vertices are moved, so that some angles are obtuse."""
    mesh = grid(9, 8, (2.0, 1.5))
    pos = np.array(mesh.pos)
    pos[~mesh.boundary, :2] += generator.uniform(-0.08, 0.08, (int((~mesh.boundary).sum()), 2))
    rotation, _ = np.linalg.qr(generator.standard_normal((3, 3)))
    return TriMesh(pos @ rotation.T + [3.0, -2.0, 1.0], mesh.face)


MESHES = {
    "sphere": lambda: icosphere(2),
    "bumpy": lambda: bumpy_sphere(np.random.default_rng(1), 2, amplitude=0.4),
    "torus": lambda: torus(1.0, 0.4, 20, 9),
    "plane": lambda: tilted_plane(np.random.default_rng(2)),
    "periodic": lambda: grid(7, 5, (2.0, 1.0), periodic=True),
    "two triangles": lambda: grid(2, 2),
    "with isolated vertex": lambda: TriMesh(np.concatenate([[[9, 9, 9]], icosphere(0).pos]), icosphere(0).face + 1),
}
