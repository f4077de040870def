"""The camera: orthonormal, upright, straight above a plane."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.evaluation.view import best_view, is_flat, look_from
from pdgn.mesh import grid, icosphere, torus


@pytest.mark.parametrize("azimuth", [0.0, 0.7, -2.0])
@pytest.mark.parametrize("elevation", [0.0, 0.3, -0.4])
def test_camera_is_a_right_handed_frame_with_the_second_axis_up(azimuth, elevation):
    frame = np.stack(look_from(azimuth, elevation))
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-15)
    assert np.linalg.det(frame) == pytest.approx(1.0)
    assert frame[1, 1] == pytest.approx(np.cos(elevation)) and frame[0, 1] == 0.0


def test_a_sphere_projects_to_a_disc_of_its_radius():
    mesh = icosphere(2, radius=2.0)
    points, depth = best_view(mesh.corners).project(mesh.pos)
    np.testing.assert_allclose((points**2).sum(1) + depth**2, 4.0, rtol=1e-12)


def test_a_plane_is_seen_from_above():
    mesh = grid(4, 3)
    assert is_flat(mesh.pos) and not is_flat(torus(1.0, 0.3, 8, 6).pos)
    points, depth = best_view(mesh.corners).project(mesh.pos)
    np.testing.assert_array_equal(points, mesh.pos[:, :2])
    assert np.ptp(depth) == 0.0


def test_the_wide_side_of_a_long_body_is_shown():
    box = icosphere(1).pos * np.array([0.2, 1.0, 3.0])  # long toward the viewer of azimuth 0
    mesh = icosphere(1)
    points, _ = best_view(box[mesh.face]).project(box)
    assert np.ptp(points, axis=0)[0] > 4.0
