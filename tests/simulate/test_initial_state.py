"""Random initial states have the spectra, ranges and reproducibility that they state."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import TriMesh, bumpy_sphere, grid, icosphere, read_mesh, repair
from pdgn.operators import mass, stiffness
from pdgn.simulate import eigenfunctions, gaussian_bumps, random_eigenfunctions, random_fourier


@pytest.mark.parametrize("subdivisions", [1, 3])  # dense and Lanczos
def test_eigenfunctions_solve_the_eigenproblem(subdivisions):
    mesh = bumpy_sphere(np.random.default_rng(0), subdivisions)
    value, mode = eigenfunctions(mesh, 10)
    weight = mass(mesh)
    residual = stiffness(mesh) @ mode - weight @ mode * value
    assert np.abs(residual).max() < 1e-10  # solver's tolerance
    np.testing.assert_allclose(mode.T @ (weight @ mode), mesh.face_area.sum() * np.eye(10), atol=1e-9)
    assert value[0] < 1e-10 and (np.diff(value) > -1e-12).all()
    assert (mode[np.abs(mode).argmax(axis=0), np.arange(10)] > 0).all()


def test_eigenvalues_of_the_sphere():
    value, _ = eigenfunctions(icosphere(4), 9)
    np.testing.assert_allclose(value, [0, 2, 2, 2, 6, 6, 6, 6, 6], rtol=2e-3, atol=1e-9)  # slope 2, h = 0.07


def test_modes_of_equal_components_are_all_found():
    # Three equal spheres: every eigenvalue three times as often, which a single Lanczos vector could miss.
    ball = icosphere(2)
    pos = np.concatenate([ball.pos + [3 * k, 0, 0] for k in range(3)])
    three = TriMesh(pos, np.concatenate([ball.face + 162 * k for k in range(3)]))
    value, mode = eigenfunctions(three, 27)
    np.testing.assert_allclose(value, np.repeat(eigenfunctions(ball, 9)[0], 3), atol=1e-9)
    weight = mass(three)
    np.testing.assert_allclose(mode.T @ (weight @ mode), three.face_area.sum() * np.eye(27), atol=1e-9)


def test_kept_modes_cannot_be_spoilt():
    mesh = icosphere(1)
    value, mode = eigenfunctions(mesh, 5)
    mode[:] = value[:] = 7.0
    assert eigenfunctions(mesh, 5)[0][0] < 1e-9


@pytest.mark.parametrize("name", ["homer.obj", "cow.obj"])
def test_states_of_irregular_meshes_are_smooth(shared_data, name):
    options = ("isolated", "degenerate", "duplicate", "non_manifold", "orientation")
    mesh = repair(read_mesh(shared_data / "meshes" / name), **dict.fromkeys(options, True))[0]
    value, mode = eigenfunctions(mesh, 36)
    residual = stiffness(mesh) @ mode - mass(mesh) @ mode * value
    assert np.abs(residual).max() < 1e-9 * np.abs(stiffness(mesh) @ mode).max()
    state = random_eigenfunctions(mesh, 4, np.random.default_rng(0))
    jump = np.abs(np.diff(state[mesh.edge_index], axis=0)[0]).max(axis=0)
    assert (jump < 0.25 * np.ptp(state, axis=0)).all()  # measured: 0.17 and 0.20, across the longest edges


def test_dirichlet_eigenfunctions_of_a_square():
    mesh = grid(33, 33)
    value, mode = eigenfunctions(mesh, 3, "dirichlet")
    np.testing.assert_allclose(value, np.pi**2 * np.array([2, 5, 5]), rtol=5e-3)  # (πkh)²/12
    assert np.abs(mode[mesh.boundary]).max() == 0


def test_same_seed_same_states():
    mesh = icosphere(2)
    for draw in (random_eigenfunctions, gaussian_bumps):
        first, second, other = (draw(mesh, 3, np.random.default_rng(seed)) for seed in (4, 4, 5))
        assert np.array_equal(first, second)
        assert not np.allclose(first, other)


def test_random_eigenfunctions_have_the_stated_spectrum():
    mesh = icosphere(2)
    count = 4000
    state = random_eigenfunctions(mesh, count, np.random.default_rng(1), num_modes=9, decay=3.0)
    value, mode = eigenfunctions(mesh, 9)
    coefficient = mode.T @ mass(mesh) @ state / mesh.face_area.sum()
    expected = (1 + value / value[1]) ** -3.0
    expected /= expected.sum()
    np.testing.assert_allclose(coefficient.var(axis=1), expected, rtol=5 * np.sqrt(2 / count))  # five standard errors


def test_gaussian_bumps_are_peaks_of_the_stated_width():
    mesh = icosphere(4)
    state = gaussian_bumps(mesh, 1, np.random.default_rng(2), num_bumps=1, width=0.2)[:, 0]
    centre = mesh.pos[state.argmax()]
    distance = np.linalg.norm(mesh.pos - centre, axis=1)
    np.testing.assert_allclose(state, state.max() * np.exp(-(distance**2) / 0.08), rtol=1e-12)
    assert 0.5 <= state.max() < 1


def test_gaussian_bumps_wrap_round_a_periodic_square():
    mesh = grid(20, 20, periodic=True)
    state = gaussian_bumps(mesh, 1, np.random.default_rng(2), num_bumps=1, width=0.2)[:, 0].reshape(20, 20)
    row, column = np.unravel_index(state.argmax(), state.shape)
    centred = np.roll(state, (10 - row, 10 - column), axis=(0, 1))
    np.testing.assert_allclose(centred[1:, 1:], centred[1:, 1:][::-1, ::-1], atol=1e-12)  # even about its centre


def test_random_fourier_is_the_same_function_on_every_grid():
    coarse, fine = (grid(n, n, (2 * np.pi, 2 * np.pi), periodic=True) for n in (10, 20))
    first = random_fourier(coarse.pos, 4, np.random.default_rng(3)).reshape(10, 10, 4)
    second = random_fourier(fine.pos, 4, np.random.default_rng(3)).reshape(20, 20, 4)
    np.testing.assert_allclose(first, second[::2, ::2], atol=1e-12)  # round-off


def test_random_fourier_has_the_stated_variance_and_band():
    mesh = grid(24, 24, (2 * np.pi, 2 * np.pi), periodic=True)
    count = 3000
    state = random_fourier(mesh.pos, count, np.random.default_rng(4)).reshape(24, 24, count)
    # cos and sin of variance 1/50 at each of 19² phases; the constant function sits on top with 16/12.
    expected = 19**2 / 50 + 16 / 12
    assert state.var(axis=2).mean() == pytest.approx(expected, rel=0.05)
    spectrum = np.abs(np.fft.fft2(state, axes=(0, 1))).max(axis=2)
    wave = np.abs(np.fft.fftfreq(24, 1 / 24))
    outside = (wave[:, None] > 9) | (wave[None, :] > 9)
    assert spectrum[outside].max() < 1e-8 < spectrum[~outside].min()


def test_random_fourier_is_periodic_in_its_size(rng):
    points = rng.uniform(0, 1, (5, 2))
    first, second = (
        random_fourier(p, 2, np.random.default_rng(1), size=(2.0, 3.0)) for p in (points, points + [2.0, -3.0])
    )
    np.testing.assert_allclose(first, second, atol=1e-12)
