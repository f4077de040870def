"""Coefficients with batch normalisation in one pass: values, derivatives and statistics of torch's own modules."""

from __future__ import annotations

import copy

import pytest
import torch

from pdgn.models import published_blocks
from pdgn.models.published_blocks import CoefficientNetwork
from pdgn.nn.kernels import compiled
from tests.nn.graphs import randomise

needs_a_compiler = pytest.mark.skipif(compiled.library() is None, reason="no C compiler, or PDGN_KERNELS=0")
CLOSE = 1e-4  # of the largest number: float32, and normalisation divides by deviations of sums of hundreds of edges
NODES, WIDTH = 200, 16


def edges():
    given = torch.randint(0, NODES * 9 // 10, (2, 1701), generator=torch.Generator().manual_seed(5))
    return given[:, torch.sort(given[1], stable=True).indices]


def signal(seed):
    return torch.randn(NODES, 3, generator=torch.Generator().manual_seed(seed))


def network(momentum=0.1, training=True):
    made = randomise(CoefficientNetwork(3, WIDTH, 6, batch_norm=True)).float().train(training)
    for norm in (made.edge_norm, made.node_norm):
        norm.momentum = momentum
        norm.running_mean.copy_(torch.linspace(-0.3, 0.5, WIDTH))
        norm.running_var.copy_(torch.linspace(0.5, 3, WIDTH))
    return made


def run(model, dtype, index, factor):
    """Two passes: value and derivatives of the second, and the buffers after it."""
    model = copy.deepcopy(model).to(dtype)
    model(signal(1).to(dtype), index)
    x = signal(2).to(dtype).requires_grad_()
    out = model(x, index)
    grads = torch.autograd.grad((factor.to(dtype) * out).sum(), [x, *model.parameters()])
    return [out, *grads, *model.buffers()]


@needs_a_compiler
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("momentum", [0.1, 0.7, None])
def test_one_pass_is_torch_in_double_precision(monkeypatch, momentum, training):
    model, index, calls = network(momentum, training), edges(), []
    factor = torch.randn(index.size(1), 6, generator=torch.Generator().manual_seed(3))
    own = published_blocks.normalised_pass
    monkeypatch.setattr(published_blocks, "normalised_pass", lambda *given: calls.append(1) or own(*given))
    given = run(model, torch.float32, index, factor)
    assert len(calls) == 2
    expected = run(model, torch.float64, index, factor)
    assert len(calls) == 2  # in float64 torch does it
    for one, other in zip(given, expected, strict=True):
        assert one.shape == other.shape
        # A bias before a normalisation by own statistics has no effect: its derivative is round-off of the others'.
        scale = max(1.0, float(other.abs().max())) if other.numel() else 1.0
        assert not other.numel() or (one - other).abs().max() < CLOSE * scale


@needs_a_compiler
@pytest.mark.parametrize("training", [True, False])
def test_second_derivatives(training):
    model, index, found = network(training=training), edges(), []
    for dtype in (torch.float32, torch.float64):
        own, x = copy.deepcopy(model).to(dtype), signal(2).to(dtype).requires_grad_()
        (grad,) = torch.autograd.grad(own(x, index).square().mean(), x, create_graph=True)
        found.append(torch.autograd.grad(grad.square().sum(), [x, own.out.weight, own.edge_norm.weight]))
    for single, double in zip(*found):
        assert (single - double).abs().max() < 10 * CLOSE * double.abs().max()


@needs_a_compiler
def test_one_row_is_refused_as_by_torch():
    with pytest.raises(ValueError, match="more than 1 value"):
        network()(torch.ones(2, 3), torch.tensor([[0], [1]]))


@needs_a_compiler
def test_normalisation_of_another_kind_is_left_to_torch():
    model, index = network(), edges()
    model.edge_norm = torch.nn.BatchNorm1d(WIDTH, track_running_stats=False)
    model.node_norm = torch.nn.BatchNorm1d(WIDTH, affine=False)
    assert model(signal(1), index).isfinite().all()
