"""Heat on surfaces against closed forms: decay rates, conservation, the maximum principle, boundaries."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import TriMesh, bumpy_sphere, grid, icosphere
from pdgn.operators import mass, stiffness
from pdgn.simulate import Heat, simulate
from pdgn.simulate.exact import real_spherical_harmonic, rectangle_mode, sphere_heat_factor
from pdgn.simulate.weak_form import diffusion_form


def slope(size: list[float], error: list[float]) -> float:
    return float(np.polyfit(np.log(size), np.log(error), 1)[0])


@pytest.mark.parametrize("degree, order", [(2, 1), (3, -2), (4, 1)])
def test_decay_rate_of_spherical_harmonics_converges_with_slope_two(degree, order):
    size, error = [], []
    for subdivisions in (2, 3, 4):
        mesh = icosphere(subdivisions)
        harmonic = real_spherical_harmonic(mesh.pos, degree, order)
        dt = 1e-3  # Crank–Nicolson's error of the rate, (κλ dt)²/12 = 1e-7, is far below that of the mesh
        trajectory = simulate(Heat(0.5), mesh, harmonic, dt, 100)
        weight = mass(mesh).diagonal() * harmonic
        amplitude = trajectory.fields["u"][:, :, 0] @ weight
        rate = -np.log(amplitude[-1] / amplitude[0]) / trajectory.time[-1]
        exact = -np.log(sphere_heat_factor(degree, 0.5, 1.0))
        size.append(mesh.edge_length.mean())
        error.append(abs(rate - exact) / exact)
    assert slope(size, error) == pytest.approx(2, abs=0.15)
    assert error[-1] < 4e-4 * degree * (degree + 1)  # grows as λh²: 1.4e-3, 3.6e-3, 6.5e-3


def test_radius_enters_the_decay():
    mesh = icosphere(3, radius=2.0)
    harmonic = real_spherical_harmonic(mesh.pos, 2, 0)
    final = simulate(Heat(1.0), mesh, harmonic, 0.005, 40).fields["u"][-1, :, 0]
    weight = mass(mesh).diagonal() * harmonic
    factor = (final @ weight) / (harmonic @ weight)
    assert factor == pytest.approx(float(sphere_heat_factor(2, 1.0, 0.2, radius=2.0)), rel=3e-3)  # 6e-3 of 0.3


@pytest.mark.parametrize("method", ["explicit_euler", "rk4", "backward_euler", "crank_nicolson"])
@pytest.mark.parametrize("mesh", [icosphere(2), grid(9, 7)], ids=["closed", "zero flux"])
def test_integral_is_constant_to_round_off(method, mesh, rng):
    kappa = rng.uniform(0.5, 2, mesh.num_faces)
    initial = rng.standard_normal((mesh.num_vertices, 2))
    trajectory = simulate(Heat(kappa), mesh, initial, 1e-3, 50, method=method)
    weight = mass(mesh).diagonal()
    drift = np.abs(np.einsum("v,tvc->tc", weight, trajectory.fields["u"] - trajectory.fields["u"][0]))
    # A tenth of an ulp of Σ m|u| per substep, the roundings having random signs: measured 0.008.
    bound = 0.1 * 50 * trajectory.substeps * np.finfo(float).eps * (weight @ np.abs(initial))
    assert (drift <= bound).all()
    assert np.abs(trajectory.fields["u"][-1] - initial).max() > 0.1  # something did happen


@pytest.mark.parametrize("method", ["explicit_euler", "rk4", "backward_euler", "crank_nicolson"])
def test_constant_stays_constant(method):
    mesh = bumpy_sphere(np.random.default_rng(1), 2)
    trajectory = simulate(Heat(np.linspace(0.1, 2, mesh.num_vertices)), mesh, np.full(mesh.num_vertices, 3.0), 0.01, 20,
                          method=method)  # fmt: skip
    assert np.abs(trajectory.fields["u"] - 3).max() < 1e-12  # round-off: rows of K sum to 1e-16 of their entries


def test_backward_euler_keeps_the_maximum_principle_on_a_delaunay_mesh(rng):
    mesh = icosphere(3)
    off_diagonal = stiffness(mesh).tocoo()
    assert off_diagonal.data[off_diagonal.row != off_diagonal.col].max() <= 0  # Delaunay: no negative cotangent weight
    initial = rng.choice([0.0, 1.0], (mesh.num_vertices, 8))
    implicit = simulate(Heat(1.0), mesh, initial, 0.05, 10, method="backward_euler").fields["u"]
    spread = implicit.max(axis=1) - implicit.min(axis=1)
    assert implicit.min() >= -1e-14 and implicit.max() <= 1 + 1e-14  # round-off of one solve
    assert (np.diff(spread, axis=0) < 0).all()
    trapezoid = simulate(Heat(1.0), mesh, initial, 0.05, 1, method="crank_nicolson").fields["u"]
    assert trapezoid[-1].min() < -0.1  # the principle is not empty: the trapezoidal rule breaks it


@pytest.mark.parametrize("boundary", ["neumann", "dirichlet"])
def test_modes_of_a_rectangle_decay_as_they_should(boundary):
    size, error = [], []
    for n in (11, 21, 41):
        mesh = grid(n, n, (2.0, 1.0))
        start, end = (
            rectangle_mode(mesh.pos, t, (2, 1), size=(2.0, 1.0), diffusivity=0.3, boundary=boundary) for t in (0.0, 0.1)
        )
        result = simulate(Heat(0.3, boundary=boundary), mesh, start, 1e-3, 100).fields["u"][-1, :, 0]
        size.append(1 / (n - 1))
        error.append(float(np.sqrt(np.mean((result - end) ** 2))))
    assert slope(size, error) == pytest.approx(2, abs=0.15)
    assert error[-1] < 1e-3


def test_dirichlet_values_stay_and_the_steady_state_is_harmonic():
    mesh = grid(9, 9)
    linear = 1 + 2 * mesh.pos[:, 0] - mesh.pos[:, 1]
    own = simulate(Heat(1.0, "dirichlet"), mesh, np.where(mesh.boundary, linear, 0), 1.0, 60, method="backward_euler")
    given = simulate(Heat(1.0, "dirichlet", linear), mesh, 0 * linear, 1.0, 60, method="backward_euler")
    for trajectory in (own, given):
        assert np.array_equal(trajectory.fields["u"][:, mesh.boundary, 0], np.tile(linear[mesh.boundary], (61, 1)))
        assert np.abs(trajectory.fields["u"][-1, :, 0] - linear).max() < 1e-12  # (1 + 2π²)⁻⁶⁰ is below round-off


@pytest.mark.parametrize("method", ["rk4", "crank_nicolson"])
def test_prescribed_flux_adds_its_integral(method):
    mesh = grid(8, 6, (2.0, 1.0))
    flux = mesh.pos[:, 0]  # on the four sides: ∫ = 2·2 (bottom and top) + 0 (left) + 2 (right)
    trajectory = simulate(Heat(0.7, boundary_value=flux), mesh, np.zeros(mesh.num_vertices), 0.1, 5, method=method)
    content = trajectory.fields["u"][:, :, 0] @ mass(mesh).diagonal()
    np.testing.assert_allclose(content, 6 * trajectory.time, rtol=1e-12, atol=1e-14)  # exact, to round-off


def test_flux_makes_the_linear_steady_state():
    mesh = grid(9, 9)
    flux = np.where(mesh.pos[:, 0] == 1, 1.0, 0.0) - np.where(mesh.pos[:, 0] == 0, 1.0, 0.0)
    inner = (mesh.pos[:, 1] > 0) & (mesh.pos[:, 1] < 1)
    assert np.array_equal(inner[mesh.boundary & inner], np.ones(14, dtype=bool))
    start = mesh.pos[:, 0].copy()
    # q is linear along every edge, so corners leak q/6 of an edge onto the sides y = 0 and 1: look in the middle.
    final = simulate(Heat(1.0, boundary_value=flux), mesh, start, 1e-4, 10).fields["u"][-1, :, 0]
    middle = np.abs(mesh.pos[:, 1] - 0.5) < 0.2
    assert np.abs(final - start)[middle].max() < 1e-4
    assert np.abs(simulate(Heat(1.0), mesh, start, 1e-4, 10).fields["u"][-1, :, 0] - start)[middle].max() > 1e-2


def test_variable_diffusivity_is_inside_the_divergence():
    mesh = grid(65, 5, (1.0, 0.0625))
    x = mesh.pos[:, 0]
    exact = np.log(1 + x)  # (κ u')' = 0 with κ = 1 + x
    for kappa in (1 + x, (1 + x)[mesh.face].mean(axis=1)):
        steady = simulate(Heat(kappa, "dirichlet", exact), mesh, 0 * x, 10.0, 30, method="backward_euler")
        assert np.abs(steady.fields["u"][-1, :, 0] - exact).max() < 1e-5  # second order, h = 1/64
    wrong = simulate(Heat(1.0, "dirichlet", exact), mesh, 0 * x, 10.0, 30, method="backward_euler")
    assert np.abs(wrong.fields["u"][-1, :, 0] - exact).max() > 3e-4


def test_diffusion_form_with_unit_coefficient_is_the_stiffness():
    mesh = bumpy_sphere(np.random.default_rng(2), 2)
    difference = diffusion_form(mesh, np.array(1.0)) - stiffness(mesh)
    assert abs(difference).max() < 1e-13  # round-off


@pytest.mark.parametrize("method", ["rk4", "crank_nicolson"])
def test_nothing_happens_without_diffusion(method, rng):
    mesh = icosphere(2)
    initial = rng.standard_normal(mesh.num_vertices)
    trajectory = simulate(Heat(0.0), mesh, initial, 100.0, 2, method=method)
    assert np.array_equal(trajectory.fields["u"][-1, :, 0], initial)
    assert trajectory.substeps == 1


def test_columns_are_independent_trajectories(rng):
    mesh = icosphere(2)
    initial = rng.standard_normal((mesh.num_vertices, 3))
    together = simulate(Heat(0.2), mesh, initial, 0.1, 4).fields["u"]
    for column in range(3):
        alone = simulate(Heat(0.2), mesh, initial[:, column], 0.1, 4).fields["u"][:, :, 0]
        np.testing.assert_allclose(together[:, :, column], alone, atol=1e-14)  # round-off


def test_relabelled_vertices_give_the_relabelled_result(rng):
    mesh = bumpy_sphere(rng, 2)
    order = rng.permutation(mesh.num_vertices)
    place = np.argsort(order)
    relabelled = TriMesh(mesh.pos[order], place[mesh.face])
    initial = rng.standard_normal(mesh.num_vertices)
    first = simulate(Heat(0.2), mesh, initial, 0.1, 4).fields["u"]
    second = simulate(Heat(0.2), relabelled, initial[order], 0.1, 4).fields["u"]
    np.testing.assert_allclose(second, first[:, order], atol=1e-13)  # round-off
