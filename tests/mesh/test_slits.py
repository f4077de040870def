"""Slits are told from holes, and from fins that merely touch."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import TriMesh, grid, icosphere, repair, torus
from pdgn.mesh.slits import slits


def test_copies_of_corners_are_counted_and_loops_before_and_after():
    mesh = torus(1.0, 0.4, 24, 12)
    vertex, face = np.arange(0, 285, 19), np.array(mesh.face)  # no two of these 15 are neighbours
    for number, old in enumerate(vertex):
        first = np.flatnonzero((face == old).any(axis=1))[0]
        face[first] = np.where(face[first] == old, mesh.num_vertices + number, face[first])
    found = slits(TriMesh(np.concatenate([mesh.pos, mesh.pos[vertex]]), face))
    assert found == (15, 15, 0, 1)
    assert found.describe() == "15 vertices coincide with others; the surface has 15 boundary loops, welded it has none"


def test_faces_without_common_vertices_and_a_hole_that_is_one():
    ball = icosphere(2)
    face = ball.face[ball.corners[:, :, 2].min(axis=1) > -0.5]
    soup = TriMesh(ball.pos[face].reshape(-1, 3), np.arange(face.size).reshape(-1, 3))
    found = slits(soup)
    assert (found.loops, found.loops_left, found.components_left) == (len(face), 1, 1)
    assert found.vertices == face.size - len(np.unique(face))


@pytest.mark.parametrize("mesh", [icosphere(1), grid(5, 4), torus(1.0, 0.4, 9, 6)])
def test_sound_meshes_have_none(mesh):
    assert slits(mesh) is None


def test_what_touches_without_a_slit_has_none():
    ball = icosphere(1)
    a, b = ball.edge_index[:, 0]
    fin = TriMesh(np.concatenate([ball.pos, [[0, 0, 5]]]), np.concatenate([ball.face, [[a, b, 42]]]))
    apart, _ = repair(fin, non_manifold=True)
    assert not apart.topology().closed and slits(apart) is None
    book = TriMesh(np.random.default_rng(0).random((5, 3)), [[0, 1, 2], [0, 1, 3], [0, 1, 4]])
    apart, _ = repair(book, non_manifold=True)
    assert apart.num_vertices == 9 and slits(apart) is None  # three pages along one edge cannot be welded
    two = TriMesh(np.concatenate([ball.pos, ball.pos + 2 * ball.pos[0]]), np.concatenate([ball.face, ball.face + 42]))
    assert slits(two) is None  # closed both
