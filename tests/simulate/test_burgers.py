"""Burgers: the nonlinear term by quadrature, its conservation laws, its bound, a steady front."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import bumpy_sphere, grid
from pdgn.operators import mass
from pdgn.simulate import STEPPERS, Burgers, random_face_velocity, simulate, stable_step, tangential
from pdgn.simulate.exact import burgers_wave

CLOSED = bumpy_sphere(np.random.default_rng(1), 2, amplitude=0.1)


def test_the_convection_term_equals_quadrature(rng):
    mesh = bumpy_sphere(rng, 1)
    direction = tangential(mesh, rng.standard_normal((mesh.num_vertices, 3)))
    u = rng.standard_normal(mesh.num_vertices)
    exact = np.zeros(mesh.num_vertices)
    for face, corner, area, normal in zip(mesh.face, mesh.corners, mesh.face_area, mesh.face_normal):
        flow = direction[face].mean(axis=0)
        for i in range(3):
            slope = np.cross(normal, corner[(i + 2) % 3] - corner[(i + 1) % 3]) / (2 * area)  # ∇φ_i
            for first, second in ((0, 1), (1, 2), (2, 0)):  # mid-edge rule, exact for quadratics
                middle = 0.5 * (u[face[first]] + u[face[second]])
                exact[face[i]] += area / 3 * 0.5 * middle**2 * flow @ slope
    system = Burgers(direction).discretize(mesh)
    np.testing.assert_allclose(system.mass * system.nonlinear(0.0, u[:, None])[:, 0], exact, atol=1e-13)  # round-off


def test_a_direction_free_of_divergence_keeps_the_square(rng):
    direction = random_face_velocity(CLOSED, rng)
    u = rng.standard_normal((CLOSED.num_vertices, 3))
    system = Burgers(direction, 0.0).discretize(CLOSED)
    power = np.sum(u * system.mass[:, None] * system.nonlinear(0.0, u), axis=0)
    assert np.abs(power).max() < 1e-13 * np.sum(np.abs(u) ** 3)  # round-off
    other = Burgers(tangential(CLOSED, rng.standard_normal((CLOSED.num_vertices, 3))), 0.0).discretize(CLOSED)
    assert np.abs(np.sum(u * other.mass[:, None] * other.nonlinear(0.0, u), axis=0)).max() > 1e-3  # not any direction
    trajectory = simulate(Burgers(direction, 0.05), CLOSED, u, 0.05, 20)
    energy = np.einsum("v,tvc->tc", system.mass, trajectory.fields["u"] ** 2)
    assert (np.diff(energy, axis=0) < 0).all()  # what is left is viscosity


def jacobian(system, u):
    size = 1e-6
    identity = np.eye(len(u))
    return (
        system.nonlinear(0.0, u[:, None] + size * identity) - system.nonlinear(0.0, u[:, None] - size * identity)
    ) / (2 * size)


@pytest.mark.parametrize("smooth", [True, False])
def test_region_holds_the_eigenvalues(smooth, rng):
    mesh = bumpy_sphere(rng, 1)
    direction = random_face_velocity(mesh, rng)
    u = mesh.pos[:, 0] if smooth else rng.choice([-1.0, 1.0], mesh.num_vertices)
    system = Burgers(direction, 0.0).discretize(mesh)
    value, region = np.linalg.eigvals(jacobian(system, u)), system._bound(u[:, None])
    assert np.abs(value.imag).max() <= region.oscillation and np.abs(value.real).max() <= region.decay
    assert region.oscillation < 4 * np.abs(value.imag).max()  # and is not far from them
    fast = Burgers(3 * direction, 0.0).discretize(mesh)._bound(u[:, None])
    assert fast.oscillation == pytest.approx(3 * region.oscillation)


def test_the_direction_decides_where_it_goes():
    mesh = grid(32, 32, (2 * np.pi, 2 * np.pi), periodic=True)
    wave = {"viscosity": 0.2, "contrast": 0.5}
    start = burgers_wave(mesh.pos, 0.0, (0, 1), **wave)
    exact = burgers_wave(mesh.pos, 2.0, (0, 1), **wave)
    for sign, small in ((1.0, True), (-1.0, False)):
        direction = np.tile([0.0, sign, 0.0], (mesh.num_faces, 1))
        end = simulate(Burgers(direction, 0.2), mesh, start, 0.1, 20).fields["u"][-1, :, 0]
        assert (np.abs(end - exact).max() < 0.02 * np.abs(exact).max()) == small


def test_a_steady_front_stands_between_held_ends_with_slope_two():
    error = []
    for n in (11, 21, 41):
        mesh = grid(n, n, (2.0, 2.0))
        x = mesh.pos[:, 0] - 1
        front = -np.tanh(x / (2 * 0.2))
        equation = Burgers(np.tile([1.0, 0.0, 0.0], (mesh.num_faces, 1)), 0.2, "dirichlet", front)
        end = simulate(equation, mesh, 0.8 * front, 0.1, 40).fields["u"][-1, :, 0]
        error.append(np.abs(end - front).max())
    assert np.polyfit(np.log([10, 20, 40]), np.log(error), 1)[0] == pytest.approx(-2, abs=0.3)
    assert error[-1] < 5e-3


def test_large_states_take_smaller_steps_and_stay_bounded(rng):
    direction = random_face_velocity(CLOSED, rng)
    equation = Burgers(direction, 0.01)
    start = np.sqrt(2) * np.cos(3 * CLOSED.pos[:, 0])
    first, second = (stable_step(equation, CLOSED, None, size * start) for size in (1.0, 4.0))
    assert 0 < second < 0.3 * first
    step = STEPPERS["imex_ars443"].prepare(equation.discretize(CLOSED), second)
    state = 4 * start[:, None]
    for _ in range(200):
        state = step(0.0, state)
    assert np.abs(state).max() < 4 * np.sqrt(2)
    assert abs(mass(CLOSED).diagonal() @ (state[:, 0] - 4 * start)) < 1e-12  # round-off
