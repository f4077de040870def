from __future__ import annotations

import torch

from pdgn.training.running_sums import RunningSums


def test_sums_keep_their_shapes_and_their_last_digits_and_begin_again() -> None:
    sums = RunningSums()
    for _ in range(1000):
        sums.add("one", torch.tensor(1.0 + 2**-20, requires_grad=True))
        sums.add("channels", torch.tensor([1, 2, 3]))
    taken = sums.take()
    # float32 would lose the small part near 1000
    assert taken["one"].item() == 1000 + 1000 * 2**-20 and taken["one"].shape == ()
    assert taken["channels"].tolist() == [1000, 2000, 3000] and not taken["one"].requires_grad
    assert sums.take() == {}
