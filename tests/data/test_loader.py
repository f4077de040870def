"""The loader gives the batches of PyG's, in the same order, with workers or without, however they are interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch_geometric.loader import DataLoader

from pdgn.data import Context, MeshDynamicsDataset
from pdgn.data.loader import WindowLoader
from tests.data.dummy import write_dummy

CONTEXTS = {
    "plain": Context(node=["pos"], edge=["vector"]),
    "varying": Context(node=["diffusivity", "dt"], edge=["project:velocity"]),
    "none": Context(),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return write_dummy(tmp_path_factory.mktemp("loader") / "dummy.h5", masked=True)


def dataset(path: Path, context: str = "plain") -> MeshDynamicsDataset:
    return MeshDynamicsDataset(path, "train", history=2, horizon=3, context=CONTEXTS[context])


def assert_same_batches(found, wanted) -> None:
    found, wanted = list(found), list(wanted)
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted):
        keys = list(other.keys())
        assert type(one) is type(other) and list(one.keys()) == keys
        assert one.num_graphs == other.num_graphs
        for key in keys:
            assert one[key].dtype == other[key].dtype and torch.equal(one[key], other[key]), key
        for left, right in zip(one.to_data_list(), other.to_data_list()):
            parts = list(right.keys())
            assert all(torch.equal(left[key], right[key]) for key in parts)


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_those_of_pyg(path, context, workers):
    data = dataset(path, context)
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(1)).tolist()
    found = WindowLoader(data, 3, sampler=order, num_workers=workers)
    assert_same_batches(found, DataLoader(data, 3, sampler=order))


def test_a_batch_that_is_kept_does_not_change_when_its_slot_is_used_again(path):
    data = dataset(path)
    loader = WindowLoader(data, 1, num_workers=1, prefetch_factor=1)
    kept = list(loader)
    assert len({id(batch) for batch in kept}) == len(data) > 10
    assert_same_batches(kept, DataLoader(data, 1))


def test_persistent_workers_after_a_pass_that_was_left(path):
    data = dataset(path)
    loader = WindowLoader(data, 2, num_workers=2, persistent_workers=True)
    for _ in range(3):
        for number, _ in enumerate(loader):
            if number == 2:
                break
        assert_same_batches(loader, DataLoader(data, 2))


def test_what_belongs_to_the_mesh_is_joined_once(path):
    data = MeshDynamicsDataset(path, "train", history=2, horizon=3, meshes=["sphere"], context=CONTEXTS["plain"])
    first, second, *_ = WindowLoader(data, 2)
    for key in ("edge_index", "pos", "batch", "node_context"):
        assert first[key].data_ptr() == second[key].data_ptr()
    assert first.x.data_ptr() != second.x.data_ptr() and not torch.equal(first.x, second.x)


@pytest.mark.slow  # starting Python with torch
def test_spawned_workers(path):
    data = dataset(path)
    assert_same_batches(WindowLoader(data, 4, num_workers=1, multiprocessing_context="spawn"), DataLoader(data, 4))
