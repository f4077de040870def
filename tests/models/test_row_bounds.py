"""Weighted row sums against the spectral radius."""

from __future__ import annotations

import pytest
import torch

from pdgn.mesh import TriMesh, icosphere
from pdgn.models.row_bounds import node_weights, weighted_rows
from pdgn.nn.incidence import incidence_of
from pdgn.nn.segments import sum_at_target
from pdgn.operators import reference_weights


def graded(level: int) -> TriMesh:
    """A sphere pressed together at one of its ends."""
    sphere = icosphere(level)
    return TriMesh(sphere.pos * (0.2 + 0.8 * (sphere.pos[:, 2:] + 1) / 2), sphere.face)


def bound_and_radius(edges: torch.Tensor, signed: torch.Tensor, nodes: int) -> tuple[float, float, float]:
    """The weighted bound, Gershgorin's, and the spectral radius of Σ_j w_ij (f_j − f_i)."""
    graph, matrix = incidence_of(edges, nodes), torch.zeros(nodes, nodes, dtype=torch.float64)
    matrix[edges[1], edges[0]] = signed
    own = sum_at_target(signed.unsqueeze(1), graph)
    matrix -= torch.diag(own[:, 0])
    sizes = signed.abs().unsqueeze(1)
    found = (own.abs() + weighted_rows(sizes, node_weights(signed.abs(), graph), graph)).max()
    return float(found), float(matrix.abs().sum(dim=1).max()), float(torch.linalg.eigvals(matrix).abs().max())


@pytest.mark.parametrize("level", [1, 2])
def test_it_bounds_the_radius_and_lies_below_gershgorin(level):
    mesh = graded(level)
    found, plain, radius = bound_and_radius(
        torch.tensor(mesh.edge_index), torch.tensor(reference_weights(mesh)[1]), mesh.num_vertices
    )
    assert radius <= found < 0.8 * plain


def test_any_sign_and_any_weights_are_bounded():
    mesh = icosphere(1)
    edges = torch.tensor(mesh.edge_index)
    for seed in range(5):
        signed = torch.randn(edges.size(1), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        found, plain, radius = bound_and_radius(edges, signed, mesh.num_vertices)
        assert radius <= found * (1 + 1e-12)


def test_the_stiffest_graph_of_a_batch_hides_no_other_one():
    """Weights of the others shrink to the least number and give Gershgorin's bound at worst, in float32 too."""
    mesh = graded(1)
    edges, nodes = torch.tensor(mesh.edge_index), mesh.num_vertices
    sizes = torch.tensor(reference_weights(mesh)[1]).abs().float()
    both, faint = torch.cat([edges, edges + nodes], dim=1), torch.cat([1e6 * sizes, 1e-6 * sizes])
    graph = incidence_of(both, 2 * nodes)
    columns = faint.unsqueeze(1)
    rows = sum_at_target(columns, graph) + weighted_rows(columns, node_weights(faint, graph), graph)
    alone = 2 * sum_at_target(sizes.unsqueeze(1), incidence_of(edges, nodes)).max()
    assert rows[:nodes].max() < 0.8e6 * alone
    assert bool(rows.isfinite().all()) and rows[nodes:].max() <= 1.0001e-6 * alone


def test_a_node_without_edges_and_no_edges_at_all():
    edges = torch.tensor([[0, 1], [1, 0]])
    graph = incidence_of(edges, 3)
    weights = node_weights(torch.ones(2), graph)
    assert bool((weights > 0).all())
    torch.testing.assert_close(weighted_rows(torch.ones(2, 1), weights, graph), torch.tensor([[1.0], [1.0], [0.0]]))
    empty = incidence_of(torch.empty(2, 0, dtype=torch.int64), 2)
    assert bool((weighted_rows(torch.ones(0, 1), node_weights(torch.ones(0), empty), empty) == 0).all())
