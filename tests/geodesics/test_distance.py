from __future__ import annotations

import numpy as np
import pytest

from pdgn.geodesics import geodesic_distance
from pdgn.geodesics.solvers import SOLVERS
from pdgn.mesh import TriMesh, grid, icosphere

METHODS = ["exact", "heat", "fast_marching"]


def great_circle(mesh, sources):
    return np.arccos(np.clip(mesh.pos[sources] @ mesh.pos.T, -1, 1))


def error(level, method, sources=(0, 1, 2, 3)):
    mesh = icosphere(level)
    return np.abs(geodesic_distance(mesh, sources, method) - great_circle(mesh, list(sources))).mean()


def test_exact_distance_converges_to_the_great_circle_with_slope_two():
    errors = np.array([error(level, "exact") for level in (2, 3, 4)])  # 162 → 2,562 vertices
    np.testing.assert_allclose(np.log2(errors[:-1] / errors[1:]), 2.0, atol=0.1)
    np.testing.assert_allclose(errors[1:], [3.60e-3, 9.21e-4], rtol=0.05)


@pytest.mark.parametrize(
    "method, expected, spread",
    # The table of known errors has other sources, which move heat by 12 % and fast marching by about a quarter.
    [("heat", [2.13e-2, 1.36e-2], 0.12), ("fast_marching", [1.96e-2, 1.41e-2], 0.3)],
)
def test_approximate_distances_have_the_known_errors(method, expected, spread):
    np.testing.assert_allclose([error(level, method) for level in (3, 4)], expected, rtol=spread)


def test_exact_distance_is_exact_in_the_plane():
    mesh = grid(12, 9, (3.0, 2.0))
    expected = np.linalg.norm(mesh.pos[[5, 50], None] - mesh.pos, axis=2)
    np.testing.assert_allclose(geodesic_distance(mesh, [5, 50]), expected, atol=1e-14)


def test_exact_distance_is_a_metric_that_scales():
    mesh = icosphere(1)
    distance = geodesic_distance(mesh, np.arange(42))
    np.testing.assert_allclose(distance, distance.T, atol=1e-12)
    assert (distance[:, None] <= distance[:, :, None] + distance[None] + 1e-12).all()
    np.testing.assert_allclose(geodesic_distance(TriMesh(5 * mesh.pos, mesh.face), [3])[0], 5 * distance[3], atol=1e-12)


@pytest.mark.slow
def test_errors_at_10242_vertices_are_the_known_ones():
    # Over six other sets of four sources heat ranged from 1.00e-2 to 1.18e-2, fast marching from 8.9e-3 to 9.6e-3.
    sources = np.random.default_rng(0).choice(10242, 4, replace=False)
    for method, known, spread in (("exact", 2.32e-4, 0.05), ("heat", 1.03e-2, 0.15), ("fast_marching", 9.21e-3, 0.05)):
        assert error(5, method, sources) == pytest.approx(known, rel=spread)


@pytest.mark.parametrize("method", METHODS)
def test_other_components_and_isolated_vertices_are_infinitely_far(method, rng):
    sphere = icosphere(2)
    pos = np.concatenate([sphere.pos, [[9, 9, 9]], 2 * sphere.pos + 5, [[8, 8, 8]]])  # the last vertex is isolated
    order = rng.permutation(len(pos))
    number = np.argsort(order)
    mesh = TriMesh(pos[order], number[np.concatenate([sphere.face, sphere.face + 163])])
    result = geodesic_distance(mesh, number[[4, 167, 325, 4]], method)[:, number]
    alone = geodesic_distance(sphere, 4, method)[0]
    # The same solver on the same component in another order of the vertices.
    np.testing.assert_allclose(result[0, :162], alone, atol=1e-6)
    np.testing.assert_allclose(result[1, 163:325], 2 * alone, atol=1e-6)
    assert np.isinf(result[0, 162:]).all() and np.isinf(result[1, :163]).all() and np.isinf(result[1, 325])
    assert result[2, 325] == 0 and np.isinf(result[2, :325]).all()
    np.testing.assert_array_equal(result[3], result[0])


@pytest.mark.parametrize("method", METHODS)
def test_source_is_at_distance_zero(method):
    distance = geodesic_distance(icosphere(2), [7, 100], method)
    assert distance.shape == (2, 162)
    assert distance[0, 7] == distance[1, 100] == 0 and distance.min() == 0
    assert np.isfinite(distance).all()


@pytest.mark.parametrize(
    "sources, message",
    [
        ([0, 42], r"sources must lie in \[0, 42\), got 42"),
        (-1, r"sources must lie in \[0, 42\), got -1"),
        ([], "at least one, got shape"),
        ([0.5], "vertex indices.*float64"),
        ([[0, 1]], r"got shape \[1, 2\]"),
    ],
)
def test_bad_sources_are_refused(sources, message):
    with pytest.raises(ValueError, match=message):
        geodesic_distance(icosphere(1), sources)


def test_unsuitable_meshes_are_refused():
    with pytest.raises(ValueError, match="exact, heat, fast_marching, got 'dijkstra'"):
        geodesic_distance(icosphere(1), 0, "dijkstra")
    with pytest.raises(ValueError, match="without period"):
        geodesic_distance(grid(4, 4, periodic=True), 0)
    pinched = TriMesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]], [[0, 1, 2], [0, 3, 4]])
    with pytest.raises(ValueError, match=r"1 non-manifold vertices \(repair\(mesh, non_manifold=True\)"):
        geodesic_distance(pinched, 1)
    book = TriMesh([[0, 0, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [-1, -1, 0]], [[0, 1, 2], [0, 1, 3], [0, 1, 4]])
    with pytest.raises(ValueError, match="1 non-manifold edges and 2 non-manifold vertices"):
        geodesic_distance(book, 0)
    with pytest.raises(ValueError, match="1 degenerate faces"):
        geodesic_distance(TriMesh([[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 1, 0]], [[0, 1, 2], [0, 1, 3]]), 0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1e-60, 1e-30, 1e30, 1e70])
def test_distances_scale_with_meshes_of_any_size(method, scale):
    mesh = icosphere(2)
    scaled = geodesic_distance(TriMesh(scale * mesh.pos, mesh.face), [0, 7], method)
    # Round-off of the scaling; without it the exact solver gave 1e-47 at an extent of 1e-30.
    np.testing.assert_allclose(scaled / scale, geodesic_distance(mesh, [0, 7], method), atol=1e-13)


def test_what_a_library_raises_is_one_line(monkeypatch):
    def broken(pos, face):
        raise RuntimeError("checkFinite()\nfailed")

    monkeypatch.setitem(SOLVERS, "heat", broken)
    with pytest.raises(ValueError, match=r"the library failed on this mesh \(checkFinite\(\) failed\); take"):
        geodesic_distance(icosphere(0), [0], "heat")
