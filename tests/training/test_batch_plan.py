"""Batches are those of one process, whoever reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from pdgn.data import MeshDynamicsDataset
from pdgn.training.batch_plan import BatchPlan, PlanSampler, window_nodes
from pdgn.training.share import Share
from tests.training.tiny import write_dataset


def test_the_order_is_a_permutation_that_changes_with_the_epoch_alone() -> None:
    sampler = PlanSampler(BatchPlan(20, 4, Share(), seed=1))
    orders = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
        torch.rand(5)  # the global generator has no part in it
        assert list(sampler) == orders[-1] and sorted(orders[-1]) == list(range(20))
    assert len({tuple(order) for order in orders}) == 3
    assert list(PlanSampler(BatchPlan(20, 4, Share(), seed=1), epoch=2)) == orders[2]
    assert list(PlanSampler(BatchPlan(20, 4, Share(), seed=2), epoch=2)) != orders[2]
    assert list(PlanSampler(BatchPlan(20, 4, Share()), epoch=2)) == list(range(20))


def test_a_limit_takes_some_windows_drawn_anew_or_evenly_spaced() -> None:
    drawn = BatchPlan(20, 4, Share(), seed=1, limit=6)
    orders = [drawn.order(epoch) for epoch in range(30)]
    assert drawn.steps() == 2 and all(len(set(order)) == 6 for order in orders)
    assert set().union(*orders) == set(range(20))  # in time every window is seen
    assert len(PlanSampler(drawn)) == 6 and list(PlanSampler(drawn)) == orders[0]
    assert BatchPlan(20, 4, Share(), limit=5).order(3) == [0, 4, 8, 12, 16]
    assert BatchPlan(3, 4, Share(), limit=5).order(0) == [0, 1, 2]


def test_reading_processes_see_the_epoch_that_the_sampler_was_made_with() -> None:
    plan = BatchPlan(8, 8, Share(), seed=0)
    loader = DataLoader(range(8), batch_size=8, sampler=PlanSampler(plan, epoch=3), num_workers=1)
    iterator = iter(loader)  # the process asks for its first indices here, before set_epoch
    assert next(iterator).tolist() == plan.order(3)


@pytest.mark.parametrize("windows", [1, 2, 11, 12, 13, 17])
@pytest.mark.parametrize("processes", [2, 3, 6])
def test_the_parts_of_all_processes_make_up_the_batch_of_one(windows: int, processes: int) -> None:
    size = 6
    plans = [BatchPlan(windows, size, Share(rank, processes), seed=5) for rank in range(processes)]
    alone = BatchPlan(windows, size, Share(), seed=5)
    # A loader that cuts the flat list of a process into batches must find its parts again.
    loaders = [DataLoader(range(windows), size // processes, sampler=PlanSampler(plan, epoch=2)) for plan in plans]
    batches = [[batch.tolist() for batch in loader] for loader in loaders]
    assert {len(own) for own in batches} == {len(loader) for loader in loaders} == {alone.steps()}
    for step in range(alone.steps()):
        whole = alone.order(2)[step * size : (step + 1) * size]
        counted = [w for own, plan in zip(batches, plans) if plan.counts(step) for w in own[step]]
        assert counted == whole
        idle = [own[step] for own, plan in zip(batches, plans) if not plan.counts(step)]
        assert all(own == whole[:1] for own in idle)


def test_spans_are_the_rows_of_the_joined_batch() -> None:
    nodes = [3, 5, 7, 11, 13]
    for processes in (1, 2, 4):
        for step in range(2):
            plans = [BatchPlan(5, 4, Share(rank, processes), seed=0) for rank in range(processes)]
            order = plans[0].order(1)[4 * step : 4 * step + 4]
            owner = torch.repeat_interleave(torch.tensor(order), torch.tensor([nodes[w] for w in order]))
            for plan in plans:
                rows, graphs = plan.spans(1, step, nodes)
                own = [order[position] for position in plan.part(step)]
                assert (rows.total, graphs.total) == (len(owner), len(order))
                assert owner[rows.own].unique_consecutive().tolist() == own == order[graphs.own]
                assert len(owner[rows.own]) == sum(nodes[window] for window in own)


def test_the_nodes_of_windows_are_those_that_are_read(tmp_path: Path) -> None:
    windows = MeshDynamicsDataset(write_dataset(tmp_path / "tiny.h5"), "train", history=2, horizon=3)
    assert window_nodes(windows) == [data.num_nodes for data in windows]
