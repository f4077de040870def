from __future__ import annotations

import torch

from pdgn.training.randomness import ORDER, STEP, keyed_generator


def draw(*key: int) -> torch.Tensor:
    return torch.rand(4, generator=keyed_generator(*key))


def test_a_key_is_a_stream() -> None:
    assert torch.equal(draw(STEP, 3, 5, 7), draw(STEP, 3, 5, 7))
    keys = [(STEP, 3, 5, 7), (STEP, 3, 7, 5), (STEP, 4, 5, 7), (ORDER, 3, 5), (STEP, 3, 5, 0), (ORDER, 3, 5, 7)]
    assert len({tuple(draw(*key).tolist()) for key in keys}) == len(keys)
