"""Moves are tangential, leave boundaries, creases and sound faces alone, and stop before a face turns over."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import bumpy_sphere, corner_angles, grid
from pdgn.mesh.vertex_moves import move_vertices


def test_moves_are_tangential_and_bounded():
    mesh = bumpy_sphere(np.random.default_rng(0), 3)
    moved = move_vertices(mesh, np.random.default_rng(1), lambda pos: pos, jitter=0.1)
    step = moved.pos - mesh.pos
    assert np.abs(np.einsum("vc,vc->v", step, mesh.vertex_normal)).max() < 1e-15
    assert (np.linalg.norm(step, axis=1) > 0).mean() > 0.9
    # Half of the way to the middle of the neighbours, which is nearer than the farthest of them, and the random step.
    longest = np.zeros(mesh.num_vertices)
    np.maximum.at(longest, mesh.edge_index[1], mesh.edge_length)
    assert (np.linalg.norm(step, axis=1) < (0.5 + 0.1 * np.sqrt(3)) * longest).all()


def test_large_moves_leave_sound_faces():
    mesh = grid(30, 30)
    for seed in range(3):
        moved = move_vertices(mesh, np.random.default_rng(seed), lambda pos: pos, jitter=1.0)
        assert np.degrees(corner_angles(moved).min()) >= 20 * (1 - 1e-9)  # LEAST_ANGLE
        assert (moved.area_vector[:, 2] > 0).all()
        assert np.array_equal(moved.pos[mesh.boundary], mesh.pos[mesh.boundary])
        assert (moved.pos[~mesh.boundary] != mesh.pos[~mesh.boundary]).any(axis=1).mean() > 0.9


def test_a_face_does_not_turn_by_more_than_a_crease():
    mesh = bumpy_sphere(np.random.default_rng(0), 3)
    lifted = move_vertices(mesh, np.random.default_rng(1), lambda pos: pos * (1 + 0.2 * (pos[:, :1] > 0)), crease=30.0)
    turn = np.einsum("fc,fc->f", lifted.face_normal, mesh.face_normal)
    assert turn.min() >= np.cos(np.radians(30)) - 1e-12


def test_smoothing_alone_finds_the_middle():
    # One inner vertex off the middle of a square: half of the way back.
    mesh = grid(3, 3, (2.0, 2.0))
    pos = np.array(mesh.pos)
    pos[4, :2] = [1.2, 1.1]
    off = type(mesh)(pos, mesh.face)
    moved = move_vertices(off, np.random.default_rng(0), lambda pos: pos, jitter=0.0)
    neighbours = off.edge_index[0][off.edge_index[1] == 4]
    np.testing.assert_allclose(moved.pos[4], (pos[4] + pos[neighbours].mean(axis=0)) / 2, atol=1e-15)
    assert moved.pos[4, 0] == pytest.approx(1.1)
