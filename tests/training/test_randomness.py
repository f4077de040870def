from __future__ import annotations

import torch
from torch.utils.data import DataLoader

from pdgn.training.randomness import ORDER, STEP, EpochSampler, keyed_generator


def draw(*key: int) -> torch.Tensor:
    return torch.rand(4, generator=keyed_generator(*key))


def test_a_key_is_a_stream() -> None:
    assert torch.equal(draw(STEP, 3, 5, 7), draw(STEP, 3, 5, 7))
    keys = [(STEP, 3, 5, 7), (STEP, 3, 7, 5), (STEP, 4, 5, 7), (ORDER, 3, 5), (STEP, 3, 5, 0), (ORDER, 3, 5, 7)]
    assert len({tuple(draw(*key).tolist()) for key in keys}) == len(keys)


def test_the_order_is_a_permutation_that_changes_with_the_epoch_alone() -> None:
    sampler = EpochSampler(range(20), seed=1)
    orders = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
        torch.rand(5)  # the global generator has no part in it
        assert list(sampler) == orders[-1] and sorted(orders[-1]) == list(range(20))
    assert len({tuple(order) for order in orders}) == 3
    assert list(EpochSampler(range(20), seed=1, epoch=2)) == orders[2]
    assert list(EpochSampler(range(20), seed=2, epoch=2)) != orders[2]


def test_reading_processes_see_the_epoch_that_the_sampler_was_made_with() -> None:
    loader = DataLoader(range(8), batch_size=8, sampler=EpochSampler(range(8), seed=0, epoch=3), num_workers=1)
    iterator = iter(loader)  # the process asks for its first indices here, before set_epoch
    assert next(iterator).tolist() == list(EpochSampler(range(8), seed=0, epoch=3))
