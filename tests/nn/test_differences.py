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


def test_only_the_signal_and_the_weights_are_kept_for_the_backward_pass():
    edges = by_target(random_graph())
    count = edges.size(1)
    x = normal(7, 2).requires_grad_()
    weights = [normal(count, 3, 2, seed=seed).requires_grad_() for seed in range(2, 6)]
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.data_ptr()), lambda _: None):
        spatial_difference(x, edges, DifferenceWeights(*weights))
    assert sorted(kept) == sorted(tensor.data_ptr() for tensor in (x, *weights))
