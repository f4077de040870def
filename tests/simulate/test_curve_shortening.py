"""Curve shortening: circles that vanish or meet a boundary, limits of the regularisation, the stability bound."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.geodesics import area_above
from pdgn.mesh import TriMesh, bumpy_sphere, grid, icosphere, read_mesh
from pdgn.simulate import STEPPERS, CurveShortening, Heat, simulate, stable_step
from pdgn.simulate.exact import shortened_circle_height

BUMPY = bumpy_sphere(np.random.default_rng(1), 2, amplitude=0.1)


def pattern(mesh: TriMesh) -> np.ndarray:
    x, y, z = mesh.pos.T
    return np.stack([np.cos(2 * x + y), np.sin(3 * y - z) + 0.2 * x], axis=1)


def test_the_zero_level_is_the_circle_of_the_exact_law():
    mesh, mobility = icosphere(3), 0.5
    distance = np.pi / 3 - np.arccos(mesh.pos[:, 2])
    trajectory = simulate(CurveShortening(mobility), mesh, distance, 0.05, 10)
    source, target = mesh.edge_index
    chord = mesh.edge_length.mean() ** 2 / 8
    for time, frame in zip(trajectory.time, trajectory.fields["phi"]):
        phi = frame[:, 0]
        cut = (phi[source] > 0) & (phi[target] <= 0)
        i, j = source[cut], target[cut]
        share = phi[i] / (phi[i] - phi[j])
        point = (1 - share[:, None]) * mesh.pos[i] + share[:, None] * mesh.pos[j]
        height = shortened_circle_height(0.5, mobility, time)
        # The crossing of an edge lies as far beside the circle as the edge, a chord, beside the sphere: h²/8.
        assert np.abs(point[:, 2] / np.linalg.norm(point, axis=1) - height).max() < 2 * chord
        area = area_above(mesh, phi, 0.0) * 4 * np.pi / mesh.face_area.sum()
        assert area == pytest.approx(2 * np.pi - (2 * np.pi - np.pi) * np.exp(mobility * time), abs=4 * np.pi * chord)
    assert cut.sum() > 20


@pytest.mark.parametrize("level", [2, 3])
def test_a_circle_vanishes_at_the_exact_time(level):
    mesh = icosphere(level)
    edge, exact = mesh.edge_length.mean(), -np.log(np.cos(np.pi / 6))  # when cos 30° eᵗ = 1
    start = 2 * (mesh.pos[:, 2] - np.cos(np.pi / 6))  # of slope 1 at the circle, and second derivative 2
    gone = {}
    for regularization in (0.5 * edge, 0.01):
        trajectory = simulate(CurveShortening(1.0, regularization), mesh, start, 0.002, 110)
        area = np.array([area_above(mesh, frame[:, 0], 0.0) for frame in trajectory.fields["phi"]])
        assert (np.diff(area) <= 0).all()
        gone[regularization] = trajectory.time[np.argmax(area == 0)] if (area == 0).any() else np.inf
    # A circle that fits between vertices, of radius h, has h²/2 of time left.
    assert abs(gone[0.5 * edge] - exact) < edge**2 / 2 + 0.002
    assert gone[0.01] > exact + 0.02  # pinned, as the docstring warns


def test_curves_end_at_right_angles_on_a_boundary():
    error, size = [], []
    for count in (16, 32, 64):
        mesh = grid(2 * count + 1, count + 1, (2.0, 1.0))
        start = (0.7**2 - np.sum((mesh.pos - [1, 0, 0]) ** 2, axis=1)) / 1.4
        phi = simulate(CurveShortening(1.0, 0.01), mesh, start, 0.02, 6).fields["phi"][-1, :, 0]
        error.append(abs(2 * area_above(mesh, phi, 0.0) / np.pi - (0.7**2 - 2 * 0.12)))
        size.append(1 / count)
    # Half a circle about a point of the boundary stays one: R² = R₀² − 2t.
    assert np.polyfit(np.log(size), np.log(error), 1)[0] > 1.75
    assert error[-1] < 2 * 0.5 * size[-1] ** 2 / (2 * 0.7)  # as for the whole circle in the plane


def test_straight_lines_stay():
    mesh = grid(9, 7, (1.5, 1.0))
    rate = CurveShortening().discretize(mesh).rate(0.0, 2 * mesh.pos[:, :1] - 1)[:, 0]
    # ∇φ/|∇φ| has no divergence, and no flux through y = 0 and 1; at x = 0 and 1.5 the lines are not at right angles.
    inner = (mesh.pos[:, 0] > 0) & (mesh.pos[:, 0] < 1.5)
    assert np.abs(rate[inner]).max() < 1e-12  # round-off
    assert np.abs(rate[~inner]).min() > 1


def test_sign_and_scale_of_the_function_do_not_matter():
    states = pattern(BUMPY)
    plain = simulate(CurveShortening(regularization=0.02), BUMPY, states, 0.01, 3).fields["phi"]
    turned = simulate(CurveShortening(regularization=0.1), BUMPY, -5 * states, 0.01, 3).fields["phi"]
    np.testing.assert_allclose(turned, -5 * plain, atol=1e-12)  # round-off


def test_a_large_regularization_gives_the_heat_equation():
    states = pattern(BUMPY)
    heat = Heat(0.3).discretize(BUMPY).rate(0.0, states)
    rate = CurveShortening(0.3, 1e5).discretize(BUMPY).rate(0.0, states)
    np.testing.assert_allclose(rate, heat, atol=1e-8 * np.abs(heat).max())  # |∇φ|²/ε² below 1e-8


def test_mobility_of_a_vertex_multiplies_its_rate(rng):
    states, mobility = pattern(BUMPY), rng.uniform(0.5, 2.0, BUMPY.num_vertices)
    plain = CurveShortening().discretize(BUMPY)
    varied = CurveShortening(mobility).discretize(BUMPY)
    np.testing.assert_allclose(varied.rate(0.0, states), mobility[:, None] * plain.rate(0.0, states), rtol=1e-12)
    assert varied.spectrum().decay == pytest.approx(mobility.max() * plain.spectrum().decay)


@pytest.mark.parametrize("mesh", [BUMPY, grid(9, 7, (1.5, 1.0))], ids=["surface", "plane"])
def test_the_bound_holds_the_eigenvalues_of_every_state(mesh, rng):
    system = CurveShortening(1.0, 1e-3).discretize(mesh)
    bound = system.spectrum().decay
    slope = system._slope.toarray()
    for state in (np.zeros((mesh.num_vertices, 1)), *rng.standard_normal((3, mesh.num_vertices, 1))):
        inverse = 1 / system.steepness(state)[1][:, 0]
        stiff = slope.T @ (np.repeat(system.area * inverse, 2)[:, None] * slope)
        lumped = system._share @ inverse
        largest = np.linalg.eigvalsh(stiff / np.sqrt(np.outer(lumped, lumped)))[-1]
        assert 0.3 * bound < largest <= bound  # measured 0.5 to 0.9: the worst face has neighbours


@pytest.mark.parametrize("method, most", [("explicit_euler", np.inf), ("rk4", np.inf), ("rkc2", 0.1)])
def test_length_falls_from_noise_at_long_steps(method, most, rng):
    equation, states = CurveShortening(), rng.standard_normal((BUMPY.num_vertices, 3))
    # The bound of rkc2 is 5 here, far beyond the time in which any curve lasts: such steps are stable, but the length
    # may rise in one (measured from steps of 0.3 on).
    dt = min(0.999 * stable_step(equation, BUMPY, method), most)
    trajectory = simulate(equation, BUMPY, states, dt, 40, method=method, substeps=1)
    length = np.array([equation.energy(BUMPY, {"phi": frame}) for frame in trajectory.fields["phi"]])
    assert (np.diff(length, axis=0) <= 1e-12 * length[0]).all()
    assert (length[-1] < 0.9 * length[0]).all()


def test_start_makes_the_slope_one_at_the_zero_level():
    equation, states = CurveShortening(), 7 * pattern(BUMPY)
    start = equation.start(BUMPY, states)["phi"]
    slope, _ = equation.discretize(BUMPY).steepness(start)
    corner = start[BUMPY.face]
    for column in range(2):
        crossed = (corner[:, :, column].min(axis=1) < 0) & (corner[:, :, column].max(axis=1) > 0)
        steep = np.linalg.norm(slope[crossed, :, column], axis=1)
        assert np.average(steep, weights=BUMPY.face_area[crossed]) == pytest.approx(1.0)
    positive = equation.start(BUMPY, np.abs(states) + 1)["phi"]  # no zero level: all faces count
    assert np.isfinite(positive).all() and np.ptp(positive) > 0
    assert np.array_equal(equation.start(BUMPY, np.ones((BUMPY.num_vertices, 1)))["phi"][:, 0], np.ones(len(BUMPY.pos)))


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: CurveShortening(-1.0), ValueError, "mobility: wanted values of at least 0, got a minimum of -1"),
        (lambda: CurveShortening(regularization=0.0), ValueError, "regularization: wanted a number above 0, got 0"),
        (
            lambda: CurveShortening(np.ones(7)).discretize(BUMPY),
            ValueError,
            r"mobility: wanted a number or shape \[162\]",
        ),
        (
            lambda: simulate(CurveShortening(), BUMPY, pattern(BUMPY), 0.1, 1, method="crank_nicolson"),
            TypeError,
            "implicit steppers: wanted a LinearSystem, got LevelSetSystem; use rkc2",
        ),
    ],
)
def test_bad_input_is_refused_in_one_line(make, error, message):
    with pytest.raises(error, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_curves_on_a_real_mesh_shorten(shared_data):
    mesh = read_mesh(shared_data / "meshes" / "spot.obj")
    equation = CurveShortening()
    start = equation.start(mesh, np.sin(12 * mesh.pos[:, :1]) + np.sin(11 * mesh.pos[:, 1:2]))
    trajectory = simulate(equation, mesh, start, 1e-3, 4)
    length = np.array([equation.energy(mesh, {"phi": frame})[0] for frame in trajectory.fields["phi"]])
    assert (np.diff(length) < 0).all()
    assert trajectory.method == "rkc2" and STEPPERS["rkc2"].order == 2
