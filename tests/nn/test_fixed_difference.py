"""FixedDifferenceLayer: the reference operators themselves."""

from __future__ import annotations

import pytest
import torch

from pdgn.nn import FixedDifferenceLayer, SpatialDifferenceLayer
from tests.nn.graphs import normal, path_graph, random_graph


def test_second_difference_of_a_parabola():
    x = torch.arange(5, dtype=torch.float64).square().unsqueeze(1)
    ones = torch.ones(8, dtype=torch.float64)
    _, laplacian = FixedDifferenceLayer(1)(x, path_graph(5), reference=(ones, ones))
    assert laplacian[1:-1].flatten().tolist() == [-2, -2, -2]


def test_equals_a_fresh_anchored_layer_with_one_kernel():
    edges = random_graph()
    x, reference = normal(7, 2), (normal(20, seed=4), normal(20, seed=5))
    fixed = FixedDifferenceLayer(2)(x, edges, reference=reference)
    fresh = SpatialDifferenceLayer(2, 0, num_kernels=1).double()(x, edges, None, reference)
    for one, other in zip(fixed, fresh):
        assert torch.allclose(one, other, atol=1e-12)  # both sum the same terms


def test_nothing_to_learn_and_no_reference():
    assert not list(FixedDifferenceLayer(2).parameters())
    with pytest.raises(ValueError, match=r"^reference: wanted \(gradient \[E\], laplacian \[E\]\) for fixed weights"):
        FixedDifferenceLayer(2)(normal(7, 2), random_graph())


def test_repr():
    assert repr(FixedDifferenceLayer(2)) == "FixedDifferenceLayer(2)"
