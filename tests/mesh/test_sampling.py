from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import farthest_point_sample, grid, random_sample


def test_farthest_points_of_a_line():
    pos = np.stack([np.arange(9.0), np.zeros(9)], axis=1)
    assert farthest_point_sample(pos, 5).tolist() == [0, 8, 4, 2, 6]
    assert farthest_point_sample(pos, 3, start=8).tolist() == [8, 0, 4]


def test_periodic_farthest_point_is_half_way():
    pos = np.stack([np.arange(8.0), np.zeros(8), np.zeros(8)], axis=1)
    assert farthest_point_sample(pos, 4, period=(8.0, 0, 0)).tolist() == [0, 4, 2, 6]


def test_each_point_is_the_farthest_by_brute_force(rng):
    pos = rng.random((60, 3))
    distance = np.linalg.norm(pos[:, None] - pos[None], axis=2)
    chosen = farthest_point_sample(pos, 20, start=7)
    for step in range(1, 20):
        assert chosen[step] == np.argmax(distance[:, chosen[:step]].min(axis=1))


def test_samples_are_distinct_even_among_coincident_points(rng):
    assert sorted(farthest_point_sample(np.zeros((6, 3)), 6, start=4)) == list(range(6))
    assert sorted(farthest_point_sample(rng.random((50, 2)), 50)) == list(range(50))
    assert len(set(random_sample(2500, 250, rng))) == 250
    np.testing.assert_array_equal(random_sample(20, 20, rng), np.arange(20))


def test_random_sample_is_uniform_and_seeded():
    first, second = (random_sample(100, 10, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    generator = np.random.default_rng(0)
    hits = np.bincount(np.concatenate([random_sample(10, 3, generator) for _ in range(2000)]), minlength=10)
    # Binomial(2000, 0.3): five standard deviations are 102.
    assert np.abs(hits - 600).max() < 102


@pytest.mark.parametrize("count", [0, 10])
def test_more_points_than_there_are_is_an_error(rng, count):
    with pytest.raises(ValueError, match=rf"count must lie in \[1, 9\] .* 9 points without replacement, got {count}"):
        farthest_point_sample(grid(3, 3).pos, count)
    with pytest.raises(ValueError, match=r"count must lie in \[1, 9\]"):
        random_sample(9, count, rng)


def test_start_out_of_range_is_an_error():
    with pytest.raises(ValueError, match=r"start must be an index in \[0, 9\), got 9"):
        farthest_point_sample(grid(3, 3).pos, 2, start=9)
