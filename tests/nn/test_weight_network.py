"""WeightNetwork: loops, exactly k hops, zero start."""

from __future__ import annotations

import pytest
import torch

from pdgn.nn import WeightNetwork
from tests.nn import loops
from tests.nn.graphs import normal, path_graph, random_graph, randomise


@pytest.mark.parametrize("num_hops", [0, 1, 2, 3])
def test_agrees_with_loops(num_hops):
    edges = random_graph()
    network = randomise(WeightNetwork(3, 2, 4, 5, num_hops))
    x, edge = normal(7, 3), normal(edges.size(1), 2)
    expected = loops.weight_network(network, x, edges.t().tolist(), edge)
    assert torch.allclose(network(x, edges, edge), expected, atol=1e-10)  # float64 round-off is far below


@pytest.mark.parametrize("num_hops", [0, 1, 2, 3])
def test_sees_exactly_k_hops(num_hops):
    edges = path_graph(10)
    network = randomise(WeightNetwork(1, 0, 8, 3, num_hops))
    x = normal(10, 1).requires_grad_()
    (slope,) = torch.autograd.grad(network(x, edges)[0].sum(), x)  # edge 0 → 1
    seen = slope.abs().squeeze(1) > 0
    assert seen.tolist() == [node <= 1 + num_hops for node in range(10)]


@pytest.mark.parametrize("num_hops", [1, 2])
def test_sees_edge_inputs_of_k_hops(num_hops):
    edges = path_graph(8)
    network = randomise(WeightNetwork(0, 1, 8, 3, num_hops))
    edge = normal(14, 1).requires_grad_()
    (slope,) = torch.autograd.grad(network(torch.zeros(8, 0, dtype=torch.float64), edges, edge)[0].sum(), edge)
    seen = {tuple(pair) for pair, used in zip(edges.t().tolist(), slope.squeeze(1) != 0) if used}
    expected = {(j, i) for j, i in edges.t().tolist() if i <= num_hops}
    assert seen == expected


def test_zero_start_and_its_gradient():
    edges = random_graph()
    network = WeightNetwork(3, 0, 8, 4, 2, zero_init=True).double()
    weights = network(normal(7, 3), edges)
    assert torch.equal(weights, torch.zeros_like(weights))
    (weights * normal(*weights.shape)).sum().backward()
    assert network.head.out.weight.grad.abs().min() > 0


def test_gradcheck():
    edges = random_graph(num_nodes=4, num_pairs=3)
    network = randomise(WeightNetwork(2, 1, 4, 2, 2))
    x, edge = normal(4, 2).requires_grad_(), normal(6, 1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, e: network(x, edges, e), (x, edge))


def test_negative_hops_are_refused():
    with pytest.raises(ValueError, match=r"^num_hops: wanted an integer ≥ 0, given -1$"):
        WeightNetwork(1, 0, 4, 1, -1)


def test_repr():
    assert repr(WeightNetwork(3, 2, 4, 5, 1)) == "WeightNetwork(3, 2, 4, 5, num_hops=1)"
