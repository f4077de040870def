"""Geodesic bumps: Gaussians of the great-circle distance, within their component, round a periodic square."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import TriMesh, grid, icosphere
from pdgn.simulate import gaussian_bumps, geodesic_bumps


def exact_bumps(mesh: TriMesh, state: np.ndarray, width: float) -> np.ndarray:
    """The bump on the unit sphere of the same place and height as the largest value of each state."""
    centre = mesh.pos[state.argmax(axis=0)]
    distance = np.arccos(np.clip(mesh.pos @ centre.T, -1, 1))
    return state.max(axis=0) * np.exp(-(distance**2) / (2 * width**2))


def test_bumps_on_the_sphere_are_gaussians_of_the_great_circle():
    errors = {}
    for method in ("exact", "heat"):
        errors[method] = []
        for level in (2, 3):
            mesh = icosphere(level)
            state = geodesic_bumps(mesh, 3, np.random.default_rng(0), num_bumps=1, width=0.6, method=method)
            errors[method].append(np.abs(state - exact_bumps(mesh, state, 0.6)).max())
    assert errors["exact"][1] < 2e-3 and errors["exact"][0] / errors["exact"][1] > 3  # second order
    assert errors["heat"][1] < 0.04 and errors["heat"][0] / errors["heat"][1] > 1.5  # first order


def test_several_bumps_add_up_at_the_drawn_places():
    mesh = icosphere(2)
    state = geodesic_bumps(mesh, 2, np.random.default_rng(1), num_bumps=3, width=0.4, method="exact")
    generator, area = np.random.default_rng(1), np.bincount(mesh.face.ravel(), np.repeat(mesh.face_area / 3, 3))
    centre = generator.choice(mesh.num_vertices, size=(2, 3), p=area / area.sum())
    height = generator.uniform(0.5, 1.0, size=(2, 3))
    distance = np.arccos(np.clip(np.einsum("vc,sbc->vsb", mesh.pos, mesh.pos[centre]), -1, 1))
    expected = (height * np.exp(-(distance**2) / 0.32)).sum(axis=2)
    assert np.abs(state - expected).max() < 0.02  # the polyhedron's distances, h = 0.28


def test_bumps_do_not_depend_on_how_many_columns_are_made_together(monkeypatch):
    mesh = icosphere(2)
    whole = geodesic_bumps(mesh, 5, np.random.default_rng(2))
    monkeypatch.setattr("pdgn.simulate.bumps.MOST_DISTANCES", 2 * 3 * mesh.num_vertices)
    assert np.array_equal(geodesic_bumps(mesh, 5, np.random.default_rng(2)), whole)


def test_a_bump_keeps_to_its_component():
    ball = icosphere(2)
    pair = TriMesh(np.concatenate([ball.pos, ball.pos + [0, 0, 2.01]]), np.concatenate([ball.face, ball.face + 162]))
    state = geodesic_bumps(pair, 20, np.random.default_rng(0), num_bumps=1, width=0.5)
    reached = np.stack([state[:162].max(axis=0), state[162:].max(axis=0)])
    assert (reached.min(axis=0) == 0).all() and (reached.max(axis=0) > 0.4).all()
    assert (state[:162].max(axis=0) > 0).any() and (state[162:].max(axis=0) > 0).any()
    near = gaussian_bumps(pair, 20, np.random.default_rng(0), num_bumps=1, width=0.5)
    assert (np.minimum(near[:162].max(axis=0), near[162:].max(axis=0)) > 0).all()


def test_periodic_square_and_plane():
    mesh = grid(20, 20, periodic=True)
    straight = gaussian_bumps(mesh, 2, np.random.default_rng(3), width=0.1)
    assert np.array_equal(geodesic_bumps(mesh, 2, np.random.default_rng(3), width=0.1), straight)
    plane = grid(15, 15)  # convex, so that straight lines are the shortest paths
    along = geodesic_bumps(plane, 2, np.random.default_rng(3), width=0.1, method="exact")
    np.testing.assert_allclose(along, gaussian_bumps(plane, 2, np.random.default_rng(3), width=0.1), atol=1e-9)


def test_bad_input_is_refused(rng):
    with pytest.raises(ValueError, match="method: wanted one of heat, exact, fast_marching, got 'edges'"):
        geodesic_bumps(icosphere(0), 1, rng, method="edges")
    with pytest.raises(ValueError, match="width: wanted a number above 0, got -1"):
        geodesic_bumps(icosphere(0), 1, rng, width=-1.0)
    bent = grid(6, 6, periodic=True)
    pos = bent.pos + np.outer(np.sin(2 * np.pi * bent.pos[:, 0]), [0, 0, 0.1])
    with pytest.raises(ValueError, match="a periodic one in a plane, got one that leaves it by 0.1"):
        geodesic_bumps(TriMesh(pos, bent.face, bent.period), 1, rng)
