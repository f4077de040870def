"""Products of vectors by component: NumPy's to the last bit."""

from __future__ import annotations

import warnings

import numpy as np

from pdgn.mesh.vectors import cross, length


def test_they_are_numpys_to_the_last_bit(rng):
    first, second = rng.normal(size=(2, 1000, 3)) * 10.0 ** rng.integers(-8, 8, size=(2, 1000, 1))
    np.testing.assert_array_equal(cross(first, second), np.cross(first, second))
    np.testing.assert_array_equal(length(first), np.linalg.norm(first, axis=1))


def test_overflow_is_infinite_and_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert length(np.full((1, 3), 1e200)).tolist() == [np.inf]
        assert not np.isfinite(cross(np.array([[1e200, 2e200, 0]]), np.array([[2e200, 1e200, 0]]))[0, 2])
