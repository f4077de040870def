"""Sliced differences: the equations in one slice or many, edges sorted or not, derivatives of both orders, memory."""

from __future__ import annotations

import pytest
import torch

from pdgn.nn import DifferenceWeights, edge_slices, spatial_difference
from tests.nn.graphs import normal, random_graph


def written_out(x, edges, w1, w2, v1, v2):
    source, target = x[edges[0]].unsqueeze(1), x[edges[1]].unsqueeze(1)
    terms = v1 * (target - v2 * source)
    laplacian = torch.zeros(x.size(0), *terms.shape[1:], dtype=x.dtype).index_add(0, edges[1], terms)
    return w1 * (source - w2 * target), laplacian


def by_target(edges):
    return edges[:, torch.sort(edges[1], stable=True).indices]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("elements", [1, 20, 1 << 18])
def test_values_and_gradients_are_those_of_the_equations(monkeypatch, elements, ordered, dtype):
    monkeypatch.setattr(edge_slices, "ELEMENTS", elements)
    edges = random_graph(num_nodes=9, num_pairs=12)
    edges = torch.where(edges > 3, edges + 1, edges)  # a node without edges in the middle
    edges = by_target(edges) if ordered else edges
    count = edges.size(1)
    inputs = [normal(11, 2), *(normal(count, 3, 2, seed=seed) for seed in range(2, 6))]
    inputs = [tensor.to(dtype).requires_grad_() for tensor in inputs]
    grads = normal(count, 3, 2, seed=7).to(dtype), normal(11, 3, 2, seed=8).to(dtype)
    expected = written_out(inputs[0], edges, *inputs[1:])
    given = spatial_difference(inputs[0], edges, DifferenceWeights(*inputs[1:]))
    pairs = [*zip(given, expected)]
    for which in ([0], [1], [0, 1]):
        derivatives = (
            torch.autograd.grad([out[n] for n in which], inputs, [grads[n] for n in which], retain_graph=True, **extra)
            for out, extra in ((given, {}), (expected, {"materialize_grads": True, "allow_unused": True}))
        )
        pairs += zip(*derivatives)
    for one, other in pairs:
        assert torch.allclose(one, other, rtol=0, atol=50 * torch.finfo(dtype).eps)  # sums of some tens of terms


def test_second_derivatives():
    edges = random_graph(num_nodes=4, num_pairs=3)
    inputs = [normal(4, 2).requires_grad_(), *(normal(6, 1, 2, seed=s).requires_grad_() for s in range(2, 6))]

    def run(x, *weights):
        return spatial_difference(x, edges, DifferenceWeights(*weights))

    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradgradcheck(run, inputs)


def test_second_derivatives_where_one_result_has_no_derivative():
    edges = random_graph(num_nodes=4, num_pairs=3)
    x, *weights = normal(4, 2), *(normal(6, 1, 2, seed=s) for s in range(2, 6))
    weights[0].requires_grad_()
    gradient, laplacian = spatial_difference(x, edges, DifferenceWeights(*weights))
    loss = gradient.pow(2).sum() + laplacian.pow(2).sum()
    (derivative,) = torch.autograd.grad(loss, weights[0], create_graph=True)
    source, target = x[edges[0]].unsqueeze(1), x[edges[1]].unsqueeze(1)
    assert torch.allclose(derivative, 2 * gradient * (source - weights[1] * target), atol=1e-12)


@pytest.mark.parametrize("elements", [1, 1 << 18])
@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("shape", [(20, 1, 2), (20, 3, 1), (1, 3, 2), (20, 1, 1)])
def test_weights_that_can_be_expanded(monkeypatch, elements, place, shape):
    monkeypatch.setattr(edge_slices, "ELEMENTS", elements)
    edges = by_target(random_graph())
    x, weights = normal(7, 2), [normal(20, 3, 2, seed=seed) for seed in range(2, 6)]
    weights[place] = normal(*shape, seed=place)
    for one, other in zip(spatial_difference(x, edges, DifferenceWeights(*weights)), written_out(x, edges, *weights)):
        assert one.shape == other.shape and torch.allclose(one, other, atol=1e-12)


def test_the_dtype_in_common():
    edges = random_graph()
    weights = [normal(20, 1, 2, seed=seed) for seed in range(2, 6)]
    gradient, laplacian = spatial_difference(normal(7, 2).float(), edges, DifferenceWeights(*weights))
    assert gradient.dtype == laplacian.dtype == torch.float64


@pytest.mark.parametrize("shape", [(21, 1, 2), (19, 1, 2), (20, 1, 3), (20, 2)])
def test_weights_of_other_edges_or_channels_are_refused(shape):
    weights = [normal(20, 1, 2, seed=seed) for seed in range(2, 6)]
    weights[1] = normal(*shape)
    with pytest.raises(ValueError, match=r"^weights: wanted \[20, K, 2\] each, given \[20, 1, 2\], \["):
        spatial_difference(normal(7, 2), random_graph(), DifferenceWeights(*weights))


def test_only_the_signal_and_the_weights_are_kept_for_the_backward_pass():
    edges = by_target(random_graph())
    count = edges.size(1)
    x = normal(7, 2).requires_grad_()
    weights = [normal(count, 3, 2, seed=seed).requires_grad_() for seed in range(2, 6)]
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.data_ptr()), lambda _: None):
        spatial_difference(x, edges, DifferenceWeights(*weights))
    assert sorted(kept) == sorted(tensor.data_ptr() for tensor in (x, *weights))
