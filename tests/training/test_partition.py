"""Parts of a graph: of equal size, connected where the graph is, remembered."""

from __future__ import annotations

import builtins

import pytest
import torch

from pdgn.mesh import icosphere
from pdgn.training.partition import Partition
from tests.training.strips import strip


def test_parts_are_of_equal_size_and_cut_few_edges():
    edges = icosphere(4).to_data().edge_index
    owner = Partition.of(edges, 2562, 8).owner
    sizes = torch.bincount(owner)
    assert len(sizes) == 8 and sizes.max() <= 1.05 * 2562 / 8
    # Eight equal caps of a sphere of 2,562 nodes have borders of about 8·√(4π·2562/8)/2 ≈ 250 nodes, two edges each;
    # a random cut crosses 7/8 of all 15,360.
    assert (owner[edges[0]] != owner[edges[1]]).sum() < 2 * 2 * 2 * 250


def test_a_strip_falls_into_pieces_of_its_length():
    edges = strip(64)
    owner = Partition.of(edges, 128, 4).owner
    assert torch.equal(torch.bincount(owner), torch.full((4,), 32))
    changes = (owner.view(64, 2)[1:, 0] != owner.view(64, 2)[:-1, 0]).sum()
    assert changes == 3


def test_the_cut_is_the_same_each_time_and_made_once():
    edges = strip(30)
    first = Partition.of(edges, 60, 3)
    assert Partition.of(edges.clone(), 60, 3) is first
    for length in range(10, 20):  # others take its place
        Partition.of(strip(length), 2 * length, 2)
    again = Partition.of(edges, 60, 3)
    assert again is not first and torch.equal(again.owner, first.owner)


def test_a_graph_without_edges_is_cut_too():
    owner = Partition.of(torch.empty(2, 0, dtype=torch.long), 10, 5).owner
    assert torch.equal(torch.bincount(owner), torch.full((5,), 2))


@pytest.mark.parametrize("parts", [0, -1, 21])
def test_number_of_parts_out_of_range(parts):
    with pytest.raises(
        ValueError, match=rf"^parts: wanted an integer from 1 to the number of nodes, 20, given {parts}$"
    ):
        Partition.of(strip(10), 20, parts)


def test_as_many_parts_as_nodes():
    owner = Partition.of(strip(10), 20, 20).owner
    assert torch.equal(owner.unique(), torch.arange(int(owner.max()) + 1)) and owner.max() > 9


def test_missing_pymetis_names_the_extra(monkeypatch):
    imported = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "pymetis":
            raise ModuleNotFoundError("No module named 'pymetis'")
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"wanted the package pymetis.*pip install 'pdgn\[distributed\]'$"):
        Partition.of(strip(11), 22, 2)
