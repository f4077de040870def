"""Gathers and sums at the ends of edges: agreement with loops, each the other's derivative, in every dtype."""

from __future__ import annotations

import pytest
import torch

from pdgn.nn.incidence import incidence_of
from pdgn.nn.segments import gather_source, gather_target, mean_at_target, sum_at_source, sum_at_target
from tests.nn.graphs import normal, random_graph


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_sums_and_means_are_those_of_a_loop(dtype):
    edges = random_graph()
    graph, values = incidence_of(edges, 8), normal(edges.size(1), 3).to(dtype)
    for end, given in ((0, sum_at_source(values, graph)), (1, sum_at_target(values, graph))):
        expected = torch.stack([values[edges[end] == node].double().sum(0) for node in range(8)])
        assert given.dtype == dtype
        # a sum of n terms of order 1 is known to n units of round-off
        assert torch.allclose(given.double(), expected, atol=20 * torch.finfo(dtype).eps)
    means = [values[edges[1] == node].double().sum(0) / max(1, int((edges[1] == node).sum())) for node in range(8)]
    assert torch.allclose(mean_at_target(values, graph).double(), torch.stack(means), atol=20 * torch.finfo(dtype).eps)


def test_gathers_are_those_of_indexing():
    edges = random_graph()
    graph, x = incidence_of(edges, 7), normal(7, 3)
    assert torch.equal(gather_source(x, graph), x[edges[0]])
    assert torch.equal(gather_target(x, graph), x[edges[1]])


@pytest.mark.parametrize("function", [gather_source, gather_target, sum_at_source, sum_at_target])
def test_gradients_to_second_order(function):
    edges = random_graph(num_nodes=4, num_pairs=3)
    graph = incidence_of(edges, 4)
    rows = 4 if function in (gather_source, gather_target) else 6
    values = normal(rows, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: function(v, graph) ** 2, values)
    assert torch.autograd.gradgradcheck(lambda v: function(v, graph) ** 2, values)


def test_no_edge_and_no_channel():
    none = torch.empty(2, 0, dtype=torch.long)
    assert torch.equal(sum_at_target(torch.ones(0, 3), incidence_of(none, 4)), torch.zeros(4, 3))
    edges = random_graph()
    assert sum_at_source(torch.ones(edges.size(1), 0), incidence_of(edges, 7)).shape == (7, 0)
