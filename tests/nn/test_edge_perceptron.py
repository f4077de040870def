"""edge_perceptron: two layers on the concatenation, in slices or whole, derivatives of both orders, what is kept."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from pdgn.nn import edge_slices
from pdgn.nn.edge_perceptron import edge_perceptron
from pdgn.nn.incidence import incidence_of
from tests.nn.graphs import normal, random_graph


def inputs(edges, num_nodes=7, width=5, edge_channels=3, out=2):
    shapes = (num_nodes, width), (num_nodes, width), (edges.size(1), edge_channels), (width, edge_channels)
    shapes += (out, width), (out,)
    return [normal(*shape, seed=seed).requires_grad_() for seed, shape in enumerate(shapes)]


def written_out(edges, activation, target, source, edge, first, second, bias):
    hidden = target[edges[1]] + source[edges[0]] + edge @ first.t()
    return getattr(functional, activation)(hidden) @ second.t() + bias


@pytest.mark.parametrize("activation", ["silu", "relu"])
@pytest.mark.parametrize("edge_channels", [0, 3])
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("elements", [1, 30, 1 << 18])
def test_values_and_gradients_are_those_of_two_layers(monkeypatch, elements, ordered, edge_channels, activation):
    monkeypatch.setattr(edge_slices, "ELEMENTS", elements)
    edges = random_graph()
    edges = edges[:, torch.sort(edges[1], stable=True).indices] if ordered else edges
    tensors = inputs(edges, edge_channels=edge_channels)
    given = edge_perceptron(*tensors[:3], incidence_of(edges, 7), *tensors[3:], activation)
    expected = written_out(edges, activation, *tensors)
    assert torch.allclose(given, expected, atol=1e-12)
    for one, other in zip(*(torch.autograd.grad(out.square().sum(), tensors) for out in (given, expected))):
        assert torch.allclose(one, other, atol=1e-12)  # float64 round-off of some tens of terms of order one


def test_second_derivatives():
    edges = random_graph(num_nodes=4, num_pairs=3)
    graph, tensors = incidence_of(edges, 4), inputs(edges, num_nodes=4, width=3)

    def run(*given):
        return edge_perceptron(*given[:3], graph, *given[3:])

    assert torch.autograd.gradcheck(run, tensors)
    assert torch.autograd.gradgradcheck(run, tensors)


def test_of_the_edges_their_input_alone_is_kept():
    edges = random_graph()
    tensors, kept = inputs(edges), []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.data_ptr()), lambda _: None):
        edge_perceptron(*tensors[:3], incidence_of(edges, 7), *tensors[3:])
    assert sorted(kept) == sorted(tensor.data_ptr() for tensor in tensors)
