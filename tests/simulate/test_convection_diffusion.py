"""Convection–diffusion against rotations, plane waves, quadrature and conservation."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import bumpy_sphere, grid, icosphere, read_mesh
from pdgn.operators import mass
from pdgn.simulate import (
    STEPPERS,
    ConvectionDiffusion,
    Heat,
    random_eigenfunctions,
    random_face_velocity,
    random_velocity,
    rotation_velocity,
    simulate,
    stream_velocity,
    tangential,
)
from pdgn.simulate.exact import plane_wave, real_spherical_harmonic, rotated_points
from pdgn.simulate.weak_form import convection_form

AXIS = [1.0, 2.0, 3.0]


def smooth(pos):
    return real_spherical_harmonic(pos, 2, 1) + real_spherical_harmonic(pos, 3, -2)


def relative_error(mesh, result, exact):
    weight = mass(mesh).diagonal()
    return float(np.sqrt(weight @ (result - exact) ** 2 / (weight @ exact**2)))


@pytest.mark.parametrize("form", ["conservative", "advective"])
def test_rotation_turns_the_state_with_slope_two(form):
    size, error = [], []
    for subdivisions in (2, 3, 4):
        mesh = icosphere(subdivisions)
        equation = ConvectionDiffusion(rotation_velocity(mesh, AXIS, 0.8), form=form)
        result = simulate(equation, mesh, smooth(mesh.pos), 0.05, 20).fields["u"][-1, :, 0]
        size.append(mesh.edge_length.mean())
        error.append(relative_error(mesh, result, smooth(rotated_points(mesh.pos, AXIS, -0.8))))
    assert np.polyfit(np.log(size), np.log(error), 1)[0] == pytest.approx(2, abs=0.2)
    assert error[-1] < 0.02


def test_rotation_goes_the_right_way():
    mesh = icosphere(3)
    result = simulate(ConvectionDiffusion(rotation_velocity(mesh, AXIS, 0.8)), mesh, smooth(mesh.pos), 0.05, 20)
    backward = smooth(rotated_points(mesh.pos, AXIS, 0.8))
    assert relative_error(mesh, result.fields["u"][-1, :, 0], backward) > 0.5


@pytest.mark.parametrize("form", ["conservative", "advective"])
@pytest.mark.parametrize("method", ["rk4", "crank_nicolson"])
def test_plane_wave_is_carried_and_damped_with_slope_two(form, method):
    wave = {"wave": (2, -1), "velocity": (0.7, 0.4), "diffusivity": 0.05}
    error = []
    for n in (16, 32, 64):
        mesh = grid(n, n, (2 * np.pi, 2 * np.pi), periodic=True)
        velocity = np.tile([0.7, 0.4, 0.0], (mesh.num_vertices, 1))
        start, end = plane_wave(mesh.pos, 0.0, **wave), plane_wave(mesh.pos, 1.0, **wave)
        equation = ConvectionDiffusion(velocity, 0.05, form)
        result = simulate(equation, mesh, start, 0.01, 100, method=method).fields["u"][-1, :, 0]
        error.append(np.sqrt(np.mean((result - end) ** 2)))
    assert np.polyfit(np.log([16, 32, 64]), np.log(error), 1)[0] == pytest.approx(-2, abs=0.1)


def test_without_velocity_it_is_heat(rng):
    mesh = icosphere(2)
    initial = rng.standard_normal(mesh.num_vertices)
    still = np.zeros((mesh.num_vertices, 3))
    heat = simulate(Heat(0.3), mesh, initial, 0.01, 10).fields["u"]
    for form in ("conservative", "advective"):
        result = simulate(ConvectionDiffusion(still, 0.3, form), mesh, initial, 0.01, 10, method="crank_nicolson")
        np.testing.assert_allclose(result.fields["u"], heat, atol=1e-13)  # round-off


@pytest.mark.parametrize("method", sorted(set(STEPPERS) - {"semi_implicit"}))
@pytest.mark.parametrize("mesh", [bumpy_sphere(np.random.default_rng(5), 2), grid(9, 7)], ids=["closed", "zero flux"])
def test_conservative_form_keeps_the_integral_to_round_off(method, mesh, rng):
    kappa = rng.uniform(0.05, 0.2, mesh.num_vertices)
    # Not free of divergence, and on the grid blowing through the boundary: neither may change the integral.
    velocity = tangential(mesh, rng.standard_normal((mesh.num_vertices, 3)))
    initial = rng.standard_normal((mesh.num_vertices, 2))
    trajectory = simulate(ConvectionDiffusion(velocity, kappa), mesh, initial, 2e-3, 50, method=method)
    weight = mass(mesh).diagonal()
    drift = np.abs(np.einsum("v,tvc->tc", weight, trajectory.fields["u"] - trajectory.fields["u"][0]))
    # A tenth of an ulp of Σ m|u| per substep, the roundings having random signs: measured 0.008.
    bound = 0.1 * 50 * trajectory.substeps * np.finfo(float).eps * (weight @ np.abs(initial))
    assert (drift <= bound).all()


def test_advective_form_keeps_a_constant(rng):
    mesh = bumpy_sphere(rng, 2)
    velocity = tangential(mesh, rng.standard_normal((mesh.num_vertices, 3)))
    kappa = rng.uniform(0.05, 0.2, mesh.num_vertices)
    equation = ConvectionDiffusion(velocity, kappa, "advective")
    result = simulate(equation, mesh, np.full(mesh.num_vertices, 2.0), 0.01, 20)
    assert np.abs(result.fields["u"] - 2).max() < 1e-12  # round-off


@pytest.mark.parametrize("form", ["conservative", "advective"])
def test_stream_velocity_keeps_a_constant_in_either_form(form, rng):
    mesh = icosphere(3)
    velocity = stream_velocity(mesh, smooth(mesh.pos))
    result = simulate(ConvectionDiffusion(velocity, 0.01, form), mesh, np.full(mesh.num_vertices, 2.0), 0.01, 20)
    assert np.abs(result.fields["u"] - 2).max() < 1e-12  # round-off


def test_compression_raises_the_value_in_conservative_form():
    mesh = icosphere(4)
    # v = ∇z on the sphere: div v = −2z, so u_t = 2z at a constant state 1 (small t).
    velocity = tangential(mesh, np.tile([0.0, 0.0, 1.0], (mesh.num_vertices, 1)))
    change = simulate(ConvectionDiffusion(velocity), mesh, np.ones(mesh.num_vertices), 1e-3, 1).fields["u"]
    rate = (change[1] - change[0])[:, 0] / 1e-3
    assert relative_error(mesh, rate, 2 * mesh.pos[:, 2]) < 0.02


def test_convection_form_equals_quadrature(rng):
    mesh = bumpy_sphere(rng, 1)
    velocity = tangential(mesh, rng.standard_normal((mesh.num_vertices, 3)))
    dense = np.zeros((mesh.num_vertices, mesh.num_vertices))
    for face, corner, area, normal in zip(mesh.face, mesh.corners, mesh.face_area, mesh.face_normal):
        for j in range(3):
            slope = np.cross(normal, corner[(j + 2) % 3] - corner[(j + 1) % 3]) / (2 * area)  # ∇φ_j
            for i in range(3):
                for first, second in ((0, 1), (1, 2), (2, 0)):  # mid-edge rule, exact for quadratics
                    value = 0.5 * (i in (first, second))
                    flow = 0.5 * (velocity[face[first]] + velocity[face[second]])
                    dense[face[i], face[j]] += area / 3 * value * flow @ slope
    assert np.abs(convection_form(mesh, velocity).toarray() - dense).max() < 1e-14  # round-off


def test_dirichlet_inflow_makes_the_boundary_layer():
    mesh = grid(81, 3, (1.0, 0.025))
    x = mesh.pos[:, 0]
    exact = np.expm1(5 * x) / np.expm1(5.0)  # v u' = κ u'', v/κ = 5, u(0) = 0, u(1) = 1
    velocity = np.tile([1.0, 0.0, 0.0], (mesh.num_vertices, 1))
    for form in ("conservative", "advective"):
        equation = ConvectionDiffusion(velocity, 0.2, form, "dirichlet", exact)
        result = simulate(equation, mesh, 0 * x, 5.0, 40, method="backward_euler").fields["u"][-1, :, 0]
        assert np.abs(result - exact).max() < 1e-3  # (h v/κ)²/12 = 3e-4


def test_total_flux_of_the_conservative_form_adds_its_integral(rng):
    mesh = grid(8, 6, (2.0, 1.0))
    velocity = tangential(mesh, rng.standard_normal((mesh.num_vertices, 3)))
    equation = ConvectionDiffusion(velocity, 0.3, boundary_value=0.5)
    trajectory = simulate(equation, mesh, np.zeros(mesh.num_vertices), 0.1, 5)
    content = trajectory.fields["u"][:, :, 0] @ mass(mesh).diagonal()
    np.testing.assert_allclose(content, 0.5 * 6 * trajectory.time, rtol=1e-12, atol=1e-14)  # round-off


@pytest.mark.parametrize("name", ["cheburashka.obj", "spot.obj"])
def test_face_flow_keeps_the_range_on_creased_surfaces(name, shared_data):
    mesh = read_mesh(shared_data / "meshes" / name)
    length = np.sqrt(mesh.face_area.sum())
    velocity = random_face_velocity(mesh, np.random.default_rng(0), speed=length)
    initial = random_eigenfunctions(mesh, 2, np.random.default_rng(1))
    equation = ConvectionDiffusion(velocity, 0.001 * length**2)
    result = simulate(equation, mesh, initial, 0.01, 20, method="crank_nicolson")
    # The equation keeps the range; the central scheme nearly. (Averaged to vertices, the flow doubles the maximum.)
    assert np.abs(result.fields["u"]).max() < 1.02 * np.abs(initial).max()


def test_random_velocity_keeps_the_mean_square_nearly(rng):
    mesh = icosphere(3)
    velocity = random_velocity(mesh, rng)
    result = simulate(ConvectionDiffusion(velocity), mesh, smooth(mesh.pos), 0.05, 10).fields["u"][:, :, 0]
    energy = result**2 @ mass(mesh).diagonal()
    assert np.abs(energy / energy[0] - 1).max() < 0.01  # exact for a flow free of divergence
