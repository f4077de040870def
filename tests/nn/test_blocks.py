"""EdgeLinear, EdgeBlock, NodeBlock: agreement with loops, gradients, widths of zero."""

from __future__ import annotations

import pytest
import torch

from pdgn.nn import EdgeBlock, EdgeLinear, NodeBlock
from tests.nn import loops
from tests.nn.graphs import normal, random_graph, randomise

TOLERANCE = 1e-10  # float64 round-off of sums of some tens of terms of order one is below 1e-13


def test_edge_linear_is_a_linear_layer_on_the_concatenation():
    edges = random_graph()
    layer = randomise(EdgeLinear(3, 2, 5))
    x, edge = normal(7, 3), normal(edges.size(1), 2)
    stacked = torch.cat([x[edges[1]], x[edges[0]], edge], dim=1)
    matrix = torch.cat([layer.target, layer.source, layer.edge], dim=1)
    assert torch.allclose(layer(x, edges, edge), stacked @ matrix.t() + layer.bias, atol=TOLERANCE)


@pytest.mark.parametrize(("node_channels", "edge_channels"), [(0, 0), (0, 2), (3, 0)])
def test_edge_linear_with_nothing_on_nodes_or_edges(node_channels, edge_channels):
    edges = random_graph()
    layer = randomise(EdgeLinear(node_channels, edge_channels, 5))
    x, edge = normal(7, node_channels), normal(edges.size(1), edge_channels)
    expected = x[edges[1]] @ layer.target.t() + x[edges[0]] @ layer.source.t() + edge @ layer.edge.t() + layer.bias
    assert torch.allclose(layer(x, edges, edge), expected, atol=TOLERANCE)
    if edge_channels == 0:
        assert torch.equal(layer(x, edges, None), layer(x, edges, edge))


def test_edge_linear_draws_from_the_fan_in_of_both_nodes_and_the_edge():
    layer = EdgeLinear(8, 9, 400)
    sizes = torch.cat([parameter.detach().flatten().abs() for parameter in layer.parameters()])
    assert sizes.max() <= 1 / 25**0.5
    assert abs(sizes.mean() - 0.1) < 0.005  # mean of U(0, 1/5); 10,400 draws have a standard error of 6e-4


def test_edge_block_and_node_block_agree_with_loops():
    edges = random_graph()
    x, edge = normal(7, 3), normal(edges.size(1), 2)
    pairs = edges.t().tolist()
    edge_block, node_block = randomise(EdgeBlock(3, 2, 4, 5)), randomise(NodeBlock(3, 2, 4, 5))
    assert torch.allclose(edge_block(x, edges, edge), loops.edge_block(edge_block, x, pairs, edge), atol=TOLERANCE)
    assert torch.allclose(node_block(x, edges, edge), loops.node_block(node_block, x, pairs, edge), atol=TOLERANCE)


@pytest.mark.parametrize("block", [EdgeLinear(3, 2, 4), EdgeBlock(3, 2, 4, 2), NodeBlock(3, 2, 4, 2)])
def test_gradients_to_second_order(block):
    edges = random_graph(num_nodes=4, num_pairs=3)
    randomise(block)
    x, edge = normal(4, 3).requires_grad_(), normal(6, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, e: block(x, edges, e), (x, edge))
    assert torch.autograd.gradgradcheck(lambda x, e: block(x, edges, e), (x, edge))


@pytest.mark.parametrize("rows", [18, 25])
def test_features_of_other_edges_are_refused(rows):
    for block in (EdgeBlock(3, 2, 4, 5), NodeBlock(3, 2, 4, 5)):
        with pytest.raises(ValueError, match=rf"^edge: wanted 20 rows, one for each edge, given {rows}$"):
            block(torch.ones(7, 3), random_graph(), torch.ones(rows, 2))


def test_repr():
    assert repr(EdgeLinear(3, 2, 4)) == "EdgeLinear(2 * 3 + 2, 4)"
    assert repr(EdgeBlock(3, 2, 4, 5)) == "EdgeBlock(3, 2, 4, 5)"
    assert repr(NodeBlock(3, 2, 4, 5)) == "NodeBlock(3, 2, 4, 5)"
