"""The edge that runs the other way."""

from __future__ import annotations

import torch

from pdgn.nn.reverse_edges import reverse_edges
from tests.nn.graphs import random_graph


def test_every_edge_finds_its_reverse():
    edges = random_graph(3)
    position, found = reverse_edges(edges, 7)
    assert found.all()
    torch.testing.assert_close(edges[:, position], edges.flip(0), rtol=0, atol=0)


def test_an_edge_of_one_direction_is_its_own():
    edges = torch.tensor([[0, 1, 2, 0], [1, 0, 0, 3]])  # 2 → 0 and 0 → 3 have no reverse
    position, found = reverse_edges(edges, 4)
    assert found.tolist() == [True, True, False, False]
    assert position.tolist() == [1, 0, 2, 3]


def test_a_change_of_the_edges_is_noticed():
    edges = torch.tensor([[0, 1], [1, 0]])
    assert reverse_edges(edges, 3)[1].all()
    edges[1, 1] = 2
    assert not reverse_edges(edges, 3)[1].any()
