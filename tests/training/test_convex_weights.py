"""Weights of a mixture: closed forms and what is not used."""

from __future__ import annotations

import pytest
import torch

from pdgn.training.convex_weights import simplex_weights
from tests.nn.graphs import normal


def test_independent_errors_are_weighted_by_their_inverse_variance() -> None:
    variance = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    weight = simplex_weights(torch.diag(variance))
    # float64 round-off of a 3 × 3 problem of condition 4
    assert torch.allclose(weight, (1 / variance) / (1 / variance).sum(), rtol=0, atol=1e-12)


def test_a_truth_that_is_a_mixture_is_recovered() -> None:
    forecasts, known = normal(50, 3, seed=11), torch.tensor([0.3, 0.6, 0.1], dtype=torch.float64)
    errors = forecasts - forecasts @ known.unsqueeze(1)
    # Nothing is left of the error: the square of round-off is what the weights are found from.
    assert torch.allclose(simplex_weights(errors.T @ errors), known, rtol=0, atol=1e-6)


def test_two_correlated_errors_are_weighted_as_bates_and_granger_say() -> None:
    first, second, both = 1.0, 1.5, 0.4
    weight = simplex_weights(torch.tensor([[first, both], [both, second]], dtype=torch.float64))
    expected = (second - both) / (first + second - 2 * both)
    assert weight.tolist() == pytest.approx([expected, 1 - expected], abs=1e-12)
    # The worse one only adds to the error where it is the better one and more: its weight is exactly 0.
    assert simplex_weights(torch.tensor([[1.0, 1.2], [1.2, 2.0]], dtype=torch.float64)).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("shrinkage", [0.0, 0.5])
def test_the_minimum_meets_its_conditions(shrinkage: float) -> None:
    """At the minimum over a simplex all weights that are not 0 have one gradient, and the others a larger one."""
    common = normal(200, 1, seed=2) * torch.tensor([1, 1, 1, 2, 3, 1], dtype=torch.float64)
    errors = normal(200, 6, seed=1) + common
    moments = errors.T @ errors / 200
    weight = simplex_weights(moments, shrinkage)
    assert float(weight.sum()) == pytest.approx(1, abs=1e-12) and (weight >= 0).all() and (weight == 0).any()
    gradient = moments @ weight + shrinkage * moments.diagonal().min() * (weight - 1 / 6)
    used, level = weight > 0, float(gradient[weight > 0].mean())
    assert gradient[used].tolist() == pytest.approx([level] * int(used.sum()), rel=1e-9)
    assert (gradient[~used] >= level * (1 - 1e-9)).all()


def test_a_member_without_error_or_nearly_so_has_all_the_weight() -> None:
    """Errors of 3e-5 beside errors of order one, as of an exact law on data without noise."""
    errors = normal(100, 4, seed=4)
    errors[:, 2] *= 3e-5
    moments = errors.T @ errors
    for shrinkage in (0.0, 0.1, 1.0):
        weight = simplex_weights(moments, shrinkage)
        assert weight.tolist() == [0, 0, 1, 0]
    moments[2], moments[:, 2] = 0, 0
    assert simplex_weights(moments).tolist() == [0, 0, 1, 0]


def test_weights_below_one_percent_are_none() -> None:
    """Independent errors of variances 1 and r have the weights r/(1 + r) and 1/(1 + r)."""
    assert simplex_weights(torch.diag(torch.tensor([1.0, 199.0], dtype=torch.float64))).tolist() == [1.0, 0.0]
    kept = simplex_weights(torch.diag(torch.tensor([1.0, 49.0], dtype=torch.float64)))
    assert kept.tolist() == pytest.approx([0.98, 0.02], rel=1e-6)


def test_a_large_shrinkage_leaves_the_mean() -> None:
    moments = torch.diag(torch.tensor([1.0, 5.0], dtype=torch.float64))
    assert simplex_weights(moments, 1e9).tolist() == pytest.approx([0.5, 0.5], abs=1e-6)
    for given, message in ((-1.0, r"^shrinkage: wanted a number ≥ 0, given -1"), (float("nan"), "^shrinkage: wanted")):
        with pytest.raises(ValueError, match=message):
            simplex_weights(moments, given)
    with pytest.raises(ValueError, match=r"^moments: wanted \[M, M\], given \[1, 2\]$"):
        simplex_weights(moments[:1])
