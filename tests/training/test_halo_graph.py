"""Parts with halos: every node and edge owned once, everything within reach seen, and no more."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch

from pdgn.training.partition import Partition
from tests.training.strips import strip, strip_sample


def hops(edges: torch.Tensor, start: torch.Tensor, count: int, nodes: int) -> torch.Tensor:
    """Mask of the nodes within some hops, edge by edge."""
    seen = torch.zeros(nodes, dtype=torch.bool)
    seen[start] = True
    for _ in range(count):
        before = seen.clone()
        for j, i in edges.t().tolist():
            if before[j] or before[i]:
                seen[i] = seen[j] = True
    return seen


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_part_sees_all_within_its_depth(depth):
    data = strip_sample(20)
    edges, nodes = data.edge_index, data.x.size(0)
    edges = edges[:, torch.randperm(edges.size(1), generator=torch.Generator().manual_seed(0))]
    graphs = Partition.of(edges, nodes, 5).graphs(depth)
    owned_nodes = torch.cat([graph.nodes[: graph.own_nodes] for graph in graphs])
    owned_edges = torch.cat([graph.edges[: graph.own_edges] for graph in graphs])
    assert torch.equal(owned_nodes.sort().values, torch.arange(nodes))
    assert torch.equal(owned_edges.sort().values, torch.arange(edges.size(1)))
    for graph in graphs:
        seen = hops(edges, graph.nodes[: graph.own_nodes], depth, nodes)
        assert torch.equal(graph.nodes.unique(), seen.nonzero().squeeze(1))
        inside = (seen[edges[0]] & seen[edges[1]]).nonzero().squeeze(1)
        assert torch.equal(graph.edges.sort().values, inside)
        assert torch.equal(graph.nodes[graph.edge_index], edges[:, graph.edges])
        assert (graph.edge_index[1].diff() >= 0).all()


def test_the_rows_of_blocks_are_those_of_the_halo():
    graphs = Partition.of(strip(30), 60, 4).graphs(3)
    for graph in graphs:
        owners = [(graphs[block.owner], block) for block in graph.blocks]
        assert torch.equal(torch.cat([o.nodes[block.nodes] for o, block in owners]), graph.nodes[graph.own_nodes :])
        assert torch.equal(torch.cat([o.edges[block.edges] for o, block in owners]), graph.edges[graph.own_edges :])


def test_numbers_of_nodes_and_edges_differ_even_where_the_graph_makes_them_equal():
    ring = torch.stack([torch.arange(12), (torch.arange(12) + 1) % 12])  # a directed ring has as many edges as nodes
    for depth in (1, 2, 6):
        for graph in Partition.of(ring, 12, 2).graphs(depth):
            nodes, edges = graph.nodes, graph.edges
            assert nodes.numel() != edges.numel()
            assert torch.equal(nodes[graph.edge_index], ring[:, edges])
            assert graph.of_edges(edges) and not graph.of_edges(nodes)


def test_a_sample_is_cut_by_nodes_edges_and_graphs():
    data = Batch.from_data_list([strip_sample(12, seed=0), strip_sample(15, seed=1)])
    data.face = torch.zeros(3, 4, dtype=torch.long)
    graph = Partition.of(data.edge_index, data.x.size(0), 3).graphs(2)[1]
    piece = graph.cut(data)
    for name in ("x", "x_mask", "forcing", "node_context", "mass", "batch"):
        assert torch.equal(piece[name], data[name][graph.nodes]), name
    for name in ("edge_context", "reference_gradient", "reference_laplacian"):
        assert torch.equal(piece[name], data[name][graph.edges]), name
    for name in ("increment_scale", "dt"):
        assert torch.equal(piece[name], data[name]), name
    assert piece.num_graphs == 2 and piece.num_nodes == graph.nodes.numel()
    assert not {"y", "y_mask", "ptr", "face"} & set(piece.keys()) and "y" in data and "ptr" in data


def test_a_state_of_another_size_is_refused():
    graph = Partition.of(strip(30), 60, 4).graphs(1)[0]
    for values in (torch.zeros(3, 2), torch.zeros(())):
        with pytest.raises(
            ValueError, match=r"^training\.parts: wanted a state of tensors of nodes or edges.*set training"
        ):
            graph.of_edges(values)
