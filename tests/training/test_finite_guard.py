from __future__ import annotations

import math

import pytest
import torch

from pdgn.training.finite_guard import FiniteGuard

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    "steps, found",
    [
        ([(1.0, 2.0)] * 3, None),
        ([(1.0, 2.0), (1.0, INF), (NAN, NAN)], ("norm of the gradient", INF, 1)),
        ([(NAN, NAN), (1.0, 2.0)], ("loss", NAN, 0)),
        ([(1.0, 2.0), (1.0, 2.0), (-INF, 1.0)], ("loss", -INF, 2)),
    ],
)
def test_the_first_step_that_is_not_finite_is_kept(
    steps: list[tuple[float, float]], found: tuple[str, float, int] | None
) -> None:
    guard = FiniteGuard("cpu")
    skipped = [
        float(guard.note(torch.tensor(loss), torch.tensor(norm), batch)) for batch, (loss, norm) in enumerate(steps)
    ]
    assert skipped == [float(not (math.isfinite(loss) and math.isfinite(norm))) for loss, norm in steps]
    given = guard.first()
    if found is None:
        assert given is None
    else:
        assert given is not None and (given.what, given.batch) == (found[0], found[2])
        assert given.value == pytest.approx(found[1], nan_ok=True)
