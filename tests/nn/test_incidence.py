"""Incidence: its order, and that it is computed once for each edge_index and anew when that changes."""

from __future__ import annotations

import pytest
import torch

from pdgn.nn.incidence import Incidence, incidence_of
from pdgn.nn.segments import gather_source
from tests.nn.graphs import normal, random_graph


def test_segments_hold_the_edges_of_each_node():
    edges = random_graph()
    graph = Incidence.from_edge_index(edges, 8)  # node 7 has no edge
    for end, order, ptr in (
        (edges[0], graph.by_source, graph.source_ptr),
        (edges[1], graph.by_target, graph.target_ptr),
    ):
        assert ptr.tolist()[0] == 0 and ptr.tolist()[-1] == edges.size(1)
        for node in range(8):
            expected = (end == node).nonzero().flatten().tolist()
            assert order[ptr[node] : ptr[node + 1]].tolist() == expected


def test_sorted_edges_are_seen_as_such():
    edges = random_graph()
    ordered = edges[:, torch.sort(edges[1], stable=True).indices]
    assert not Incidence.from_edge_index(edges, 7).sorted_by_target
    graph = Incidence.from_edge_index(ordered, 7)
    assert graph.sorted_by_target and graph.by_target.tolist() == list(range(edges.size(1)))


def test_computed_once_and_again_after_a_change_in_place():
    edges = random_graph()
    first = incidence_of(edges, 7)
    assert incidence_of(edges, 7) is first
    assert incidence_of(edges, 8) is not first
    before = incidence_of(edges, 7)
    edges[:, [0, -1]] = edges[:, [-1, 0]]
    after = incidence_of(edges, 7)
    assert after is not before and torch.equal(after.source, edges[0])


@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("node", [-1, 7])
def test_an_edge_at_no_node_is_refused(end, node):
    edges = random_graph()
    edges[end, 3] = node
    low, high = edges.min(), edges.max()
    with pytest.raises(IndexError, match=rf"^edge_index: wanted nodes 0 to 6, given {low} to {high}$"):
        incidence_of(edges, 7)


def test_a_change_in_inference_mode_is_noticed():
    with torch.inference_mode():
        edges = random_graph().clone()
        before = incidence_of(edges, 7)
        edges.copy_(edges.flip(0))
        assert torch.equal(incidence_of(edges, 7).source, before.target)


def test_what_is_first_seen_in_inference_mode_can_be_trained_with():
    edges, x = random_graph(), normal(7, 2).requires_grad_()
    with torch.inference_mode():
        incidence_of(edges, 7)
    gather_source(x, incidence_of(edges, 7)).sum().backward()
    assert torch.equal(x.grad, torch.bincount(edges[0], minlength=7).double().unsqueeze(1).expand(7, 2))


def test_edges_changed_between_forward_and_backward_do_not_change_the_gradient():
    edges, x = random_graph(), normal(7, 2).requires_grad_()
    expected = torch.bincount(edges[0], minlength=7).double().unsqueeze(1).expand(7, 2)
    out = gather_source(x, incidence_of(edges, 7))
    edges.copy_(edges.flip(1))
    edges[0, 0] = 6
    out.sum().backward()
    assert torch.equal(x.grad, expected)


def test_not_kept_longer_than_its_edges():
    from pdgn.nn import incidence

    edges = random_graph()
    incidence_of(edges, 7)
    count = len(incidence._known)
    del edges
    assert len(incidence._known) == count - 1
