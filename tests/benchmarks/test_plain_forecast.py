"""The plain layer and the plain PADGN compute what ours do."""

from __future__ import annotations

import pytest
import torch

from benchmarks.graphs import mesh_like
from benchmarks.plain_forecast import PlainPADGN, plain_layer
from pdgn.models import PADGN
from pdgn.nn import SpatialDifferenceLayer
from pdgn.rollout import rollout
from tests.models.samples import CHANNELS, sample
from tests.nn.graphs import normal, randomise

TOLERANCE = 1e-10  # float64 round-off over a few steps of order one is below 1e-12


def test_the_plain_layer_is_ours():
    layer = randomise(SpatialDifferenceLayer(2, 3, hidden_channels=8, num_kernels=3, edge_context_channels=1))
    edges = mesh_like(60)
    x, context, edge = normal(60, 2), normal(60, 3, seed=1), normal(360, 1, seed=2)
    for ours, plain in zip(layer(x, edges, context, None, edge), plain_layer(layer, x, edges, context, edge)):
        assert ours.abs().max() > 0.1 and (ours - plain).abs().max() < TOLERANCE


def test_the_plain_roll_out_is_ours():
    channels = CHANNELS._replace(forcing=0)
    model, data = randomise(PADGN(channels, hidden_channels=8, num_kernels=3, limited=False)), sample(channels=channels)
    ours, plain = rollout(model, data, 4), rollout(PlainPADGN(model), data, 4)
    assert (ours - data.x[:, -1:]).abs().max() > 0.1 and (ours - plain).abs().max() < TOLERANCE


def test_a_model_of_other_equations_is_refused():
    with pytest.raises(ValueError, match="wanted a recurrent, anchored PADGN"):
        PlainPADGN(PADGN(CHANNELS))


def test_the_plain_layer_is_derived_as_ours():
    layer = randomise(SpatialDifferenceLayer(1, 2, hidden_channels=8, num_kernels=2))
    edges, context = mesh_like(40), normal(40, 2)
    gradients = []
    for function in (layer, lambda *inputs: plain_layer(layer, *inputs)):
        x = normal(40, 1, seed=5).requires_grad_()
        gradient, laplacian = function(x, edges, context)
        gradients.append(torch.autograd.grad(gradient.square().sum() + laplacian.square().sum(), x)[0])
    assert (gradients[0] - gradients[1]).norm() < TOLERANCE * gradients[0].norm()
