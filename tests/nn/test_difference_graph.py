"""DifferenceGraph: which number lies where."""

from __future__ import annotations

import pytest
import torch

from pdgn.nn import DifferenceGraph
from tests.nn.graphs import normal


def test_features_lie_where_the_docstring_says():
    x, gradient, laplacian = normal(5, 2), normal(8, 3, 2), normal(5, 3, 2)
    context, edge_context = normal(5, 4), normal(8, 1)
    graph = DifferenceGraph(2, 3, 4, 1)
    node, edge = graph(x, gradient, laplacian, context, edge_context)
    assert (graph.node_channels, graph.edge_channels) == (12, 7) == (node.size(1), edge.size(1))
    for i in range(5):
        flat = [laplacian[i, k, c] for k in range(3) for c in range(2)]
        assert node[i].tolist() == [*x[i].tolist(), *map(float, flat), *context[i].tolist()]
    for e in range(8):
        assert edge[e].tolist() == [*gradient[e].flatten().tolist(), edge_context[e, 0].item()]


def test_gradcheck():
    tensors = tuple(normal(*shape).requires_grad_() for shape in ((3, 1), (4, 2, 1), (3, 2, 1)))
    assert torch.autograd.gradcheck(lambda *t: tuple(DifferenceGraph(1, 2)(*t)), tensors)


def test_other_widths_are_refused():
    with pytest.raises(ValueError, match=r"wanted 12 node and 7 edge features, given 8 and 7$"):
        DifferenceGraph(2, 3, 4, 1)(normal(5, 2), normal(8, 3, 2), normal(5, 3, 2), None, normal(8, 1))


def test_repr():
    assert repr(DifferenceGraph(2, 3, 4, 1)) == "DifferenceGraph(2, 3, 4, 1)"
