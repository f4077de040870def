"""Reaction–diffusion: boxes that no solution leaves, what the maximum principle gives, patterns, given boundaries."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import bumpy_sphere, grid, icosphere
from pdgn.operators import mass
from pdgn.simulate import STEPPERS, FisherKPP, FitzHughNagumo, GrayScott, random_eigenfunctions, simulate
from pdgn.simulate.exact import real_spherical_harmonic


@pytest.mark.parametrize("nerve", [{}, {"recovery_rate": 0.08, "threshold": 0.7, "current": 0.5}])
@pytest.mark.parametrize("start", [0.1, 2.0, 6.0])
def test_reactions_of_fitzhugh_and_nagumo_point_into_their_box(nerve, start):
    equation = FitzHughNagumo(**nerve)
    low, high = equation.invariant_box(np.array([-start, -start]), np.array([start, start]))
    assert (low <= -start).all() and (high >= start).all()
    side = [np.linspace(a, b, 201) for a, b in zip(low, high)]
    for end, sign in ((low, 1), (high, -1)):
        faces = (np.full(201, end[0]), side[1]), (side[0], np.full(201, end[1]))
        for field, face in enumerate(faces):
            assert (sign * equation.reaction(*face)[field] >= -1e-12).all()  # round-off, where it touches


def test_fitzhugh_and_nagumo_stay_in_their_box(rng):
    mesh, equation = icosphere(2), FitzHughNagumo()
    start = {field: rng.uniform(-2, 2, (mesh.num_vertices, 3)) for field in equation.fields}
    values = simulate(equation, mesh, start, 0.5, 20).fields
    box = equation.invariant_box(np.array([-2.0, -2.0]), np.array([2.0, 2.0]))[1]
    assert all(np.abs(values[field]).max() <= top for field, top in zip(equation.fields, box))


def test_fisher_keeps_its_range_with_the_first_order_method(rng):
    mesh = icosphere(3)  # Delaunay: M + dt K is an M-matrix; u + dt r u (1 − u/K) keeps [0, K] for r dt ≤ 1
    start = 2.0 * rng.choice([0.0, 1.0], (mesh.num_vertices, 4))
    equation = FisherKPP(0.05, rate=1.0, capacity=2.0)
    values = simulate(equation, mesh, start, 0.9, 10, method="imex_euler", substeps=1).fields["u"]
    assert values.min() >= -1e-14 and values.max() <= 2 + 1e-13  # round-off of one solve


def test_gray_and_scott_stay_positive_with_the_first_order_method(rng):
    mesh, equation = icosphere(3), GrayScott()
    seed = rng.choice([0.0, 1.0], (mesh.num_vertices, 2))
    # u + dt r (F (1 − u) − u v²) ≥ 0 for dt r (F + v²) ≤ 1, and v likewise for dt r (F + k) ≤ 1: 50 · 1.04 · dt ≤ 1.
    system = equation.discretize(mesh)
    # (`simulate` refuses this method for equations that may oscillate; here the range is what counts.)
    step, state = STEPPERS["imex_euler"].prepare(system, 0.019), system.pack({"u": 1 - seed, "v": seed})
    for _ in range(100):
        state = step(0.0, state)
        assert state.min() >= 0 and system.unpack(state)["u"].max() <= 1 + 1e-13  # round-off


@pytest.mark.slow
def test_gray_and_scott_make_a_pattern_within_the_box_of_the_bound():
    mesh, equation = icosphere(4), GrayScott()
    start = equation.start(mesh, random_eigenfunctions(mesh, 1, np.random.default_rng(1)))
    fields = simulate(equation, mesh, start, 8.0, 4).fields
    u, v = fields["u"], fields["v"]
    assert u.min() > 0 and u.max() < 1 + 1e-4 and v.min() > -1e-4 and v.max() < 0.6  # measured 0.28, 1.0, 0.0, 0.41
    weight = mass(mesh).diagonal()[:, None]
    last = v[-1] - (weight * v[-1]).sum() / weight.sum()
    assert np.sqrt((weight * last**2).sum() / weight.sum()) > 0.08  # stripes all over, not a few spots


def test_patterns_of_fitzhugh_and_nagumo_grow_where_theory_says_and_nowhere_else():
    mesh, equation = icosphere(4), FitzHughNagumo(0.008, 0.16)

    def growth(degree):
        value = degree * (degree + 1)
        matrix = np.array([[1 - 0.008 * value, -1.0], [2.0, -1.6 - 0.16 * value]])
        return np.linalg.eigvals(matrix).real.max()

    assert growth(1) < 0 < growth(6) and growth(12) < 0
    for degree in (1, 6, 12):
        harmonic = real_spherical_harmonic(mesh.pos, degree, 0)
        values = simulate(equation, mesh, {"u": 1e-3 * harmonic, "v": 0 * harmonic}, 1.0, 8).fields["u"][:, :, 0]
        weight = mass(mesh).diagonal() * harmonic
        amplitude = np.abs(values @ weight) / (harmonic @ weight)
        assert (amplitude[-1] > amplitude[4]) == (growth(degree) > 0)


def test_boundary_values_are_given_by_field():
    mesh = grid(9, 7)
    start = {"u": np.ones(mesh.num_vertices), "v": np.zeros(mesh.num_vertices)}
    equation = GrayScott(boundary="dirichlet", boundary_value={"u": 0.5, "v": 0.25})
    fields = simulate(equation, mesh, start, 0.1, 3).fields
    assert (fields["u"][:, mesh.boundary] == 0.5).all() and (fields["v"][:, mesh.boundary] == 0.25).all()
    fed = simulate(GrayScott(0.1, 0.1, boundary_value={"u": 0.3}), mesh, start, 1e-3, 1).fields
    weight = mass(mesh).diagonal()
    assert weight @ (fed["u"][1] - fed["u"][0])[:, 0] == pytest.approx(0.3 * 4 * 1e-3, rel=0.01)  # less what is removed
    assert not fed["v"].any()
    with pytest.raises(ValueError, match="boundary_value: wanted a value for every field or for none"):
        GrayScott(boundary="dirichlet", boundary_value={"u": 0.5}).discretize(mesh)
    with pytest.raises(ValueError, match="boundary_value: wanted fields of u, v, got 'w'"):
        GrayScott(boundary_value={"w": 0.5})
    with pytest.raises(TypeError, match="boundary_value: wanted a mapping with some of u, v, got a value"):
        GrayScott(boundary_value=0.5)


def test_varying_diffusivity_spreads_where_it_is_large():
    mesh = bumpy_sphere(np.random.default_rng(1), 3, amplitude=0.1)
    upper = mesh.pos[:, 2] > 0
    equation = FisherKPP(np.where(upper, 0.1, 0.001))
    spots = np.exp(-20 * mesh.pos[:, 0] ** 2 - 20 * mesh.pos[:, 1] ** 2)  # at both poles
    last = simulate(equation, mesh, spots, 0.5, 6).fields["u"][-1, :, 0]
    assert last[upper].mean() > 2 * last[~upper].mean()
