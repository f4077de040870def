from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import delaunay_graph, grid, knn_graph, minimal_image


def check_convention(edge_index, num):
    source, target = edge_index
    assert edge_index.dtype == np.int64
    assert (np.lexsort((source, target)) == np.arange(len(source))).all()
    pairs = set(zip(source.tolist(), target.tolist()))
    assert len(pairs) == len(source) and all((j, i) in pairs and i != j for i, j in pairs)
    assert (np.bincount(target, minlength=num) > 0).all()


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("period", [None, (1.0, 1.0, 0.0), (0.0, 2.0, 0.0)])
def test_nearest_neighbours_by_brute_force(rng, dimension, period):
    pos, k = rng.uniform(-0.5, 1.5, (80, dimension)), 4
    distance = np.linalg.norm(minimal_image(pos[:, None] - pos[None], period), axis=2)
    np.fill_diagonal(distance, np.inf)
    near = np.zeros((80, 80), dtype=bool)
    near[np.repeat(np.arange(80), k), np.argsort(distance, axis=1)[:, :k].ravel()] = True
    edge_index = knn_graph(pos, k, period=period)
    check_convention(edge_index, 80)
    target, source = np.nonzero(near | near.T)
    np.testing.assert_array_equal(edge_index, [source, target])


def test_four_neighbours_on_a_periodic_grid():
    mesh = grid(6, 5, (6.0, 5.0), periodic=True)
    source, target = knn_graph(mesh.pos, 4, period=mesh.period)
    length = np.linalg.norm(minimal_image(mesh.pos[source] - mesh.pos[target], mesh.period), axis=1)
    np.testing.assert_allclose(length, 1.0, atol=1e-14)
    assert np.bincount(target).tolist() == [4] * 30


def test_period_takes_points_outside_the_box_and_at_its_end():
    pos = np.array([[-1e-20, 0.1], [1.0, 0.3], [2.5, 0.0], [-0.3, 0.0]])
    edge_index = knn_graph(pos, 1, period=(1.0, 1.0, 0.0))
    check_convention(edge_index, 4)
    assert set(map(tuple, edge_index.T.tolist())) == {(0, 1), (1, 0), (2, 3), (3, 2)}  # at x = 0, 0, ½ and 0.7


def test_delaunay_of_a_square_and_its_centre():
    edge_index = delaunay_graph([[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5]])
    check_convention(edge_index, 5)
    assert edge_index.shape[1] == 16  # four sides and four spokes, both ways


def test_delaunay_does_not_depend_on_origin_scale_and_height(rng):
    pos = rng.random((40, 2))
    edge_index = delaunay_graph(pos)
    check_convention(edge_index, 40)
    np.testing.assert_array_equal(delaunay_graph(pos * 1e-3 + 1e4), edge_index)
    np.testing.assert_array_equal(delaunay_graph(np.column_stack([pos, rng.random(40)])), edge_index)


def test_delaunay_joins_every_point_to_its_nearest(rng):
    # The circle over such a pair is empty, which is Delaunay's criterion.
    pos = rng.random((50, 2))
    pairs = set(map(tuple, delaunay_graph(pos).T.tolist()))
    assert {tuple(pair) for pair in knn_graph(pos, 1).T.tolist()} <= pairs


@pytest.mark.parametrize("graph", [lambda pos: knn_graph(pos, 2), delaunay_graph])
def test_coincident_sensors_are_refused_by_number(rng, graph):
    pos = rng.random((10, 2))
    pos[7] = pos[2]
    with pytest.raises(ValueError, match=r"different places, but 2 and 7 coincide \(2 sensors in all\)"):
        graph(pos)


def test_coincident_across_the_period():
    with pytest.raises(ValueError, match="0 and 2 coincide"):
        knn_graph([[0.0, 0.0], [0.5, 0.0], [1.0, 0.0]], 1, period=(1.0, 0, 0))


def test_many_coincident_sensors():
    with pytest.raises(ValueError, match=r"0 and \d+ coincide \(9 sensors in all\)"):
        knn_graph(np.zeros((9, 3)), 2)


@pytest.mark.parametrize("k", [0, 5, 6])
def test_a_sensor_without_neighbours_is_an_error(rng, k):
    with pytest.raises(ValueError, match=rf"k must lie in \[1, 4\] so that each of 5 sensors has .* got {k}"):
        knn_graph(rng.random((5, 2)), k)


def test_points_that_span_no_plane_are_refused(rng):
    line = rng.random((10, 1)) * [[1.0, 2.0]] + [[5.0, 3.0]]
    with pytest.raises(ValueError, match="span a plane, got 10 points on one line"):
        delaunay_graph(line)
    with pytest.raises(ValueError, match="at least 3 points, got 2"):
        delaunay_graph(line[:2])


def test_bad_positions_are_refused():
    with pytest.raises(ValueError, match="NaN or infinity at 1 vertices"):
        knn_graph([[0, 0], [1, np.inf], [2, 0]], 1)
    with pytest.raises(ValueError, match=r"shape \[V, 2 or 3\], got \[4, 1\]"):
        knn_graph(np.zeros((4, 1)), 1)
