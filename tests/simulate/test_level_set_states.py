"""Distances from level curves agree with circles of latitude and straight lines; states have two phases."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import TriMesh, bumpy_sphere, grid, icosphere, torus
from pdgn.operators import mass
from pdgn.simulate import level_set_distance, level_set_states


def test_distance_from_a_circle_of_latitude():
    for colatitude in (np.pi / 3, 2.0):
        errors = []
        for level in (2, 3, 4):
            mesh = icosphere(level)
            distance = level_set_distance(mesh, mesh.pos[:, 2], np.cos(colatitude))
            exact = colatitude - np.arccos(np.clip(mesh.pos[:, 2], -1, 1))  # positive in the north, where z is larger
            errors.append(np.mean(np.abs(distance - exact)))
        assert errors[-1] < 3e-3 and errors[-1] < errors[0] / 3  # measured in science: 5e-4 for the circle at 60°


def test_distance_from_lines_on_a_periodic_square_is_exact():
    mesh = grid(20, 20, periodic=True)
    x = mesh.pos[:, 0]
    values = np.abs(x - 0.5)  # linear on every face: kinks at 0 and ½ are columns of vertices
    distance = level_set_distance(mesh, values, 0.27)
    # The lines x = 0.23 and x = 0.77, across the seam too.
    exact = np.minimum(np.abs(x - 0.23), np.abs(x - 0.77))
    exact = np.minimum(exact, np.minimum(np.abs(x + 0.23), np.abs(x - 1.23)))
    np.testing.assert_allclose(distance, np.where(values >= 0.27, exact, -exact), atol=1e-14)


MESHES = {
    "sphere": bumpy_sphere(np.random.default_rng(0), 3),
    "torus": torus(2.0, 0.7, 30, 15),
    "boundary": grid(17, 17),
    "periodic": grid(20, 20, periodic=True),
}


@pytest.mark.parametrize("mesh", MESHES.values(), ids=MESHES)
def test_states_have_two_phases_with_the_stated_transition(mesh):
    width = 0.04 * np.sqrt(mesh.face_area.sum())
    state = level_set_states(mesh, 4, np.random.default_rng(0), width=width)
    distance = level_set_states(mesh, 4, np.random.default_rng(0), width=width, profile="distance")
    np.testing.assert_allclose(state, np.tanh(distance / width), rtol=1e-12)
    weight = mass(mesh).diagonal() / mesh.face_area.sum()
    inside = weight @ (state > 0)
    assert (inside > 0.2).all() and (inside < 0.8).all()  # a quarter to three quarters, and an edge to each side
    # A distance is Lipschitz with constant 1; the heat method's is in the mean, and here and there half as much more.
    source, target = mesh.edge_index
    slope = np.abs(distance[source] - distance[target]) / mesh.edge_length[:, None]
    assert slope.max() < 1.6 and slope.mean() < 1.0


def test_same_seed_same_states():
    mesh = MESHES["sphere"]
    first, second, other = (level_set_states(mesh, 2, np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert np.array_equal(first, second) and not np.allclose(first, other)


def test_component_without_curve_is_inside_or_outside():
    ball = icosphere(2)
    pair = TriMesh(np.concatenate([ball.pos, ball.pos + [3, 0, 0]]), np.concatenate([ball.face, ball.face + 162]))
    for elsewhere in (-5.0, 5.0):
        values = np.concatenate([ball.pos[:, 2], np.full(162, elsewhere)])
        distance = level_set_distance(pair, values, 0.1)
        np.testing.assert_array_equal(distance[162:], np.sign(elsewhere) * np.abs(distance[:162]).max())


def test_bad_input_is_refused(rng):
    mesh = icosphere(1)
    with pytest.raises(ValueError, match="a closed curve at the level 2, got one from -1 to 1 without"):
        level_set_distance(mesh, mesh.pos[:, 2] / mesh.pos[:, 2].max(), 2.0)
    square = grid(5, 5, periodic=True)
    with pytest.raises(ValueError, match="a function that takes the level 2, got one from 0 to 0"):
        level_set_distance(square, np.zeros(25), 2.0)
    with pytest.raises(ValueError, match="profile: wanted one of tanh, distance, got 'step'"):
        level_set_states(mesh, 1, rng, profile="step")
