"""Persistence: the last reading, for ever."""

from __future__ import annotations

import torch

from pdgn.models import Persistence
from pdgn.rollout import rollout
from tests.models.samples import CHANNELS, sample


def test_the_last_reading_of_each_node_is_kept():
    data = sample()
    data.x_mask[0] = torch.tensor([True, False, False])
    data.x_mask[1] = False
    data.x_mask[2:] = True
    out = rollout(Persistence(CHANNELS), data, 4)
    expected = data.x[:, -1].clone()
    expected[0], expected[1] = data.x[0, 0], 0
    assert torch.equal(out, expected.unsqueeze(1).expand(-1, 4, -1))


def test_nothing_to_learn():
    assert not list(Persistence(CHANNELS).parameters())
    assert repr(Persistence(CHANNELS)) == "Persistence()"
