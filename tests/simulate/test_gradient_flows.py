"""Allen–Cahn and Cahn–Hilliard: energies that fall by proof, mass to round-off, ranges, rates."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import bumpy_sphere, grid, icosphere, read_mesh
from pdgn.operators import mass, stiffness
from pdgn.simulate import STEPPERS, AllenCahn, CahnHilliard, random_eigenfunctions, simulate, stable_step
from pdgn.simulate.weak_form import diffusion_form

CLOSED = bumpy_sphere(np.random.default_rng(1), 2, amplitude=0.1)
BOUNDED = grid(17, 13, (1.5, 1.0))


def energies(equation, mesh, values):
    return np.array([equation.energy(mesh, {"u": frame}) for frame in values])


def test_the_dissipative_table_has_both_numbers_positive_and_the_others_not():
    slow, fast = STEPPERS["imex_dissipative"].dissipation
    assert slow == pytest.approx(0.948, abs=1e-3) and fast == pytest.approx(0.105, abs=1e-3)
    assert STEPPERS["imex_euler"].dissipation == pytest.approx((1.0, 0.5))  # the textbook's: dt ≤ 2/max W″
    for name in ("imex_ars222", "imex_ars443"):
        assert STEPPERS[name].dissipation.fast < 0


@pytest.mark.parametrize("method", ["imex_dissipative", "imex_euler"])
@pytest.mark.parametrize("mesh, boundary", [(CLOSED, "neumann"), (BOUNDED, "dirichlet")], ids=["closed", "held"])
@pytest.mark.parametrize("equation", [AllenCahn, CahnHilliard])
def test_energy_falls_at_the_largest_step_allowed_from_noise(equation, mesh, boundary, method, rng):
    flow = equation(**({"diffusivity": 0.02} if equation is AllenCahn else {"width": 0.15}), boundary=boundary)
    start = rng.uniform(-1, 1, (mesh.num_vertices, 4))
    if boundary == "dirichlet":
        start[mesh.boundary] = 1.0
    bound = stable_step(flow, mesh, method, start)
    trajectory = simulate(flow, mesh, start, bound, 60, method=method)
    assert trajectory.substeps == 1
    energy = energies(flow, mesh, trajectory.fields["u"])
    assert (np.diff(energy, axis=0) <= 1e-13 * energy[0]).all()  # round-off of the sum
    assert np.abs(trajectory.fields["u"]).max() < 1.2  # where W″ was bounded


def test_the_steps_are_those_of_the_proof():
    start = np.zeros(CLOSED.num_vertices)
    slow, fast = STEPPERS["imex_dissipative"].dissipation
    assert stable_step(AllenCahn(rate=3.0), CLOSED, None, start) == pytest.approx(2 * slow / (3.0 * (3 * 1.2**2 - 1)))
    excess = 0.5 * (3 * 1.2**2 - 1 - 0.5) - fast * 0.5
    step = stable_step(CahnHilliard(0.05, 2.0), CLOSED, None, start)
    assert step == pytest.approx(4 * slow * fast * 0.05**2 / (2.0 * excess**2))
    stable = CahnHilliard(0.05, 2.0, stabilization=3.5)  # beyond max W″/(1 + 2 fast)
    assert stable_step(stable, CLOSED, None, start) > 1e3 * step


def test_allen_cahn_keeps_its_range_with_the_first_order_method(rng):
    mesh = icosphere(3)  # Delaunay: M + dt K is an M-matrix; u − dt W′(u) keeps [−1, 1] for dt ≤ 1/2
    start = rng.choice([-1.0, 1.0, 0.3], (mesh.num_vertices, 4))
    values = simulate(AllenCahn(0.1), mesh, start, 0.5, 20, method="imex_euler", substeps=1).fields["u"]
    assert np.abs(values).max() <= 1 + 1e-13  # round-off of one solve


@pytest.mark.parametrize("flow", [AllenCahn(0.01), CahnHilliard(0.1)], ids=["allen_cahn", "cahn_hilliard"])
def test_pure_phases_stay(flow):
    for phase in (-1.0, 1.0):
        values = simulate(flow, CLOSED, np.full(CLOSED.num_vertices, phase), 0.1, 10).fields["u"]
        assert np.abs(values - phase).max() < 1e-13  # round-off


def test_a_flat_interface_of_allen_cahn_stands_and_a_shifted_one_does_not_move():
    mesh = grid(81, 2, (4.0, 0.05))
    profile = np.tanh((mesh.pos[:, 0] - 2) / np.sqrt(2 * 0.02))  # D u″ = W′(u) with r = 1
    values = simulate(AllenCahn(0.02), mesh, profile, 0.2, 25).fields["u"][-1, :, 0]
    assert np.abs(values - profile).max() < 8e-3  # (h/0.2)²/12 with h = 1/20, times a slope of order 1


def test_cahn_hilliard_mass_drifts_by_round_off_in_a_long_run():
    mesh = icosphere(3)
    flow = CahnHilliard(0.1, 1.0)
    start = flow.start(mesh, random_eigenfunctions(mesh, 2, np.random.default_rng(0)))["u"] - 0.2
    trajectory = simulate(flow, mesh, start, 0.05, 50)
    assert trajectory.substeps > 10  # a thousand steps and more
    weight = mass(mesh).diagonal()
    drift = np.abs(np.einsum("v,tvc->tc", weight, trajectory.fields["u"] - trajectory.fields["u"][0]))
    assert drift.max() < 1e-12  # measured 2e-14; the table of exact behaviour wants 1e-10
    last = trajectory.fields["u"][-1]
    assert last.max() > 0.9 and last.min() < -0.9  # the phases have parted


def test_cahn_hilliard_mass_is_kept_in_long_steps_from_noise_on_a_mesh_of_small_triangles(shared_data):
    mesh = read_mesh(shared_data / "meshes" / "spot.obj")
    flow = CahnHilliard(0.1, 1.0, stabilization=4.0)  # no bound of the step: residuals of 1e8, which round off at 1e-8
    start = 0.1 * np.random.default_rng(0).standard_normal((mesh.num_vertices, 2))
    trajectory = simulate(flow, mesh, start, 0.05, 4)
    assert trajectory.substeps == 1
    weight = mass(mesh).diagonal()
    drift = np.abs(np.einsum("v,tvc->tc", weight, trajectory.fields["u"] - trajectory.fields["u"][0]))
    assert drift.max() < 1e-11


@pytest.mark.parametrize("varying", [False, True], ids=["constant", "varying"])
@pytest.mark.parametrize("boundary", ["neumann", "dirichlet"])
def test_cahn_hilliard_is_its_mixed_form(varying, boundary, rng):
    mesh = BOUNDED
    mobility = rng.uniform(0.1, 0.3, mesh.num_vertices) if varying else np.array(0.2)
    system = CahnHilliard(0.2, mobility, boundary=boundary).discretize(mesh)
    u = rng.uniform(-1, 1, (mesh.num_vertices, 2))
    weight = mass(mesh).diagonal()[:, None]
    potential = u**3 - u + 0.2**2 * (stiffness(mesh) @ u) / weight
    if boundary == "dirichlet":
        potential[mesh.boundary] = 0
    rate = -(diffusion_form(mesh, mobility) @ potential) / weight
    if boundary == "dirichlet":
        rate[mesh.boundary] = 0
    np.testing.assert_allclose(system.rate(0.0, u), rate, rtol=1e-10, atol=1e-10 * np.abs(rate).max())  # round-off
    split = system.residual(u) / weight + system.nonlinear(0.0, u)
    np.testing.assert_allclose(split, rate, rtol=1e-10, atol=1e-10 * np.abs(rate).max())
    right = system.residual(u)
    solved = system.solver(0.01)(right)
    back = weight * solved + 0.01 * (system.operator @ solved)
    size = np.abs(right).max()
    np.testing.assert_allclose(back[~system.fixed], right[~system.fixed], atol=1e-11 * size)  # round-off, conditioned
    assert boundary == "dirichlet" or np.abs(system.mass @ solved).max() < 1e-15 * size


def test_cahn_hilliard_modes_between_held_edges_have_their_rate():
    error = []
    for n in (9, 17, 33):
        mesh = grid(n, n)
        mode = np.sin(np.pi * mesh.pos[:, 0]) * np.sin(np.pi * mesh.pos[:, 1])
        flow = CahnHilliard(0.15, 0.1, boundary="dirichlet")
        end = simulate(flow, mesh, 1e-6 * mode, 0.0025, 200).fields["u"][-1, :, 0]
        value = 2 * np.pi**2
        exact = np.exp(-0.1 * value * (0.15**2 * value - 1) * 0.5)
        error.append(abs(end @ mode / (mode @ mode) / 1e-6 - exact))
    assert np.polyfit(np.log([8, 16, 32]), np.log(error), 1)[0] == pytest.approx(-2, abs=0.2)
    assert error[-1] < 2e-3


def test_explicit_steps_of_cahn_hilliard_are_stable_up_to_their_bound_and_not_beyond(rng):
    mesh, flow = icosphere(2), CahnHilliard(0.3, 1.0)
    system = flow.discretize(mesh)
    start = 1.2 + 1e-6 * rng.standard_normal((mesh.num_vertices, 1))  # where W″ is bounded
    bound = stable_step(flow, mesh, "explicit_euler", start)
    size = {}
    for factor in (0.99, 1.05):
        step, state = STEPPERS["explicit_euler"].prepare(system, factor * bound), start
        for _ in range(100):
            state = step(0.0, state)
        size[factor] = np.abs(state - 1.2).max()
    assert size[0.99] < 1e-5 and size[1.05] > 1e-4


def test_a_flux_is_refused_with_the_reason():
    with pytest.raises(ValueError, match="boundary_value: wanted none with 'neumann', where no flux of u or of w"):
        CahnHilliard(boundary_value=1.0)
    with pytest.raises(ValueError, match="stabilization: wanted a number of at least 0, got -1"):
        CahnHilliard(stabilization=-1.0)
