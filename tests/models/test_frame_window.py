"""FrameWindow: the last frames, and what stands in before the first reading."""

from __future__ import annotations

import torch

from pdgn.models.frame_window import FrameWindow
from tests.nn.graphs import normal

EVERYWHERE = torch.ones(4, dtype=torch.bool)


def test_the_newest_frame_is_first_and_the_oldest_is_dropped():
    x, window = normal(4, 5, 2), FrameWindow.empty(normal(4, 2), 3)
    for index in range(5):
        window = window.pushed(x[:, index], EVERYWHERE)
    assert torch.equal(torch.stack(window.frames), torch.stack([x[:, 4], x[:, 3], x[:, 2]]))
    scale = torch.full((4, 2), 0.5, dtype=torch.float64)
    expected = [2 * (x[:, 4] - x[:, 3]), 2 * (x[:, 3] - x[:, 2])]
    assert all(torch.allclose(given, want) for given, want in zip(window.increments(scale), expected, strict=True))


def test_before_its_first_reading_a_node_has_no_increments():
    x, window = normal(4, 3, 1), FrameWindow.empty(normal(4, 1), 3)
    first = torch.tensor([0, 1, 2, 3])  # the frame of the first reading; later frames may be predictions
    for index in range(3):
        window = window.pushed(x[:, index], first == index)
    assert torch.equal(window.known, torch.tensor([True, True, True, False]))
    newest, second, third = window.frames
    assert torch.equal(newest, x[:, 2])
    assert torch.equal(second, torch.cat([x[:2, 1], x[2:, 2]]))
    assert torch.equal(third, torch.cat([x[:1, 0], x[1:2, 1], x[2:, 2]]))


def test_a_window_is_a_value():
    before = FrameWindow.empty(normal(4, 1), 2).pushed(normal(4, 1), EVERYWHERE)
    copies = [frame.clone() for frame in before.frames]
    before.pushed(normal(4, 1, seed=2), EVERYWHERE)
    assert all(torch.equal(*pair) for pair in zip(before.frames, copies))
