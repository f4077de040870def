"""edge_perceptron: two layers on the concatenation, in slices or whole, derivatives of both orders, what is kept."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from pdgn.nn import EdgeLinear, edge_slices
from pdgn.nn.edge_perceptron import edge_perceptron
from pdgn.nn.incidence import incidence_of
from tests.nn.graphs import normal, random_graph, randomise


def layers(edge_channels=3, node_channels=4, width=5, out=2):
    return randomise(EdgeLinear(node_channels, edge_channels, width)), randomise(nn.Linear(width, out), seed=3)


def written_out(x, edge, edges, hidden, out, activation="silu"):
    stacked = torch.cat([x[edges[1]], x[edges[0]], edge], dim=1)
    first = stacked @ torch.cat([hidden.target, hidden.source, hidden.edge], dim=1).t() + hidden.bias
    return out(getattr(functional, activation)(first))


@pytest.mark.parametrize("activation", ["silu", "relu"])
@pytest.mark.parametrize("edge_channels", [0, 3])
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("elements", [1, 30, 1 << 18])
def test_values_and_gradients_are_those_of_two_layers(monkeypatch, elements, ordered, edge_channels, activation):
    monkeypatch.setattr(edge_slices, "ELEMENTS", elements)
    edges = random_graph()
    edges = edges[:, torch.sort(edges[1], stable=True).indices] if ordered else edges
    hidden, out = layers(edge_channels)
    x, edge = normal(7, 4).requires_grad_(), normal(edges.size(1), edge_channels, seed=5).requires_grad_()
    tensors = [x, edge, *hidden.parameters(), *out.parameters()]
    given = edge_perceptron(x, edge, incidence_of(edges, 7), hidden, out, activation)
    expected = written_out(x, edge, edges, hidden, out, activation)
    assert torch.allclose(given, expected, atol=1e-12)
    for one, other in zip(*(torch.autograd.grad(y.square().sum(), tensors) for y in (given, expected))):
        assert torch.allclose(one, other, atol=1e-12)  # float64 round-off of some tens of terms of order one


def test_second_derivatives():
    edges = random_graph(num_nodes=4, num_pairs=3)
    graph, (hidden, out) = incidence_of(edges, 4), layers()
    x, edge = normal(4, 4).requires_grad_(), normal(6, 3, seed=5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, e: edge_perceptron(x, e, graph, hidden, out), (x, edge))
    assert torch.autograd.gradgradcheck(lambda x, e: edge_perceptron(x, e, graph, hidden, out), (x, edge))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_derivatives_that_can_be_derived_again_are_the_same_ones(dtype):
    """Edges that depend on the nodes: what goes through both is counted once."""
    edges = random_graph()
    graph, (hidden, out) = incidence_of(edges, 7), layers(3, width=16)
    hidden, out = hidden.to(dtype), out.to(dtype)
    x = normal(7, 4).to(dtype).requires_grad_()
    found = []
    for again in (False, True):
        edge = x.index_select(0, edges[0])[:, :3].sin()
        y = edge_perceptron(x, edge, graph, hidden, out)
        found.append(torch.autograd.grad(y.square().sum(), x, create_graph=again)[0])
    assert torch.allclose(*found, atol=1e-12 if dtype is torch.float64 else 1e-4 * float(found[0].abs().max()))


def test_of_nodes_and_edges_the_inputs_alone_are_kept():
    edges, (hidden, out), kept = random_graph(), layers(), []
    x, edge = normal(7, 4), normal(edges.size(1), 3, seed=5)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.data_ptr()), lambda _: None):
        edge_perceptron(x, edge, incidence_of(edges, 7), hidden, out)
    given = [x, edge, *hidden.parameters(), *out.parameters()]
    assert sorted(kept) == sorted(tensor.data_ptr() for tensor in given)
