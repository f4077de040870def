"""Weights of a mixture: closed forms, what is not used, and the choice between shrinkage and none."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch, Data

from pdgn.training.convex_weights import SHRINKAGES, choose_mixture, simplex_weights
from pdgn.training.error_moments import ErrorMoments
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


def moments_of(errors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of errors [P, n, H, M]."""
    return torch.einsum("pnhm,pnhk->phmk", errors, errors), torch.full(errors.shape[:3:2], float(errors.size(1)))


def test_what_differs_from_part_to_part_is_shrunk_and_what_does_not_is_not() -> None:
    alike = 1 + normal(8, 4, 1, 6, seed=5)  # equally good members, few rows: any preference is noise
    assert choose_mixture(*moments_of(alike)).shrinkage >= 3
    better = normal(8, 400, 1, 6, seed=6) * torch.tensor([0.5, 0.7, 1, 2, 2, 2], dtype=torch.float64)
    chosen = choose_mixture(*moments_of(better))
    assert chosen.shrinkage <= 0.1 and chosen.groups == 1
    # inverse variance: 1/4, 1/0.49, ...; 3200 rows leave a few hundredths
    inverse = torch.tensor([4, 1 / 0.49, 1, 0.25, 0.25, 0.25], dtype=torch.float64)
    assert torch.allclose(chosen.weight[0], inverse / inverse.sum(), atol=0.05)


def test_leads_have_weights_of_their_own_where_that_is_better() -> None:
    errors = normal(8, 300, 4, 2, seed=7)
    errors[:, :, 0, 0] *= 0.1  # the first member is good at the first lead, the second after it
    errors[:, :, 1:, 1] *= 0.1
    chosen = choose_mixture(*moments_of(errors))
    assert chosen.groups == 3 and float(chosen.weight[0, 0]) > 0.95 and (chosen.weight[1:, 1] > 0.95).all()
    assert torch.equal(chosen.weight[1], chosen.weight[2])
    assert torch.allclose(chosen.weight.sum(dim=1), torch.ones(4, dtype=torch.float64)) and (chosen.weight >= 0).all()
    same = normal(8, 300, 1, 2, seed=8).expand(-1, -1, 4, -1)  # equally well: then the simpler choice
    assert choose_mixture(*moments_of(same)).groups == 1


def test_members_that_diverge_have_no_weight() -> None:
    sums, counts = moments_of(normal(4, 50, 2, 3, seed=9))
    sums[1, 1, 0, :], sums[1, 1, :, 0] = torch.inf, torch.nan
    weight = choose_mixture(sums, counts).weight
    assert (weight[:, 0] == 0).all() and torch.isfinite(weight).all()
    assert torch.allclose(weight.sum(dim=1), torch.ones(2, dtype=torch.float64))
    sums[..., 0, 0] = torch.nan
    everything = choose_mixture(sums * torch.nan, counts)
    assert everything.weight.tolist() == [[pytest.approx(1 / 3)] * 3] * 2
    assert len(set(SHRINKAGES)) == len(SHRINKAGES)


def sample(seed: int) -> Data:
    data = Data(x=normal(5, 1, 2, seed=seed), y=normal(5, 3, 2, seed=seed + 1))
    data.y_mask = torch.rand(5, 3, generator=torch.Generator().manual_seed(seed)) > 0.3
    data.increment_scale = torch.tensor([[0.5, 0.25]], dtype=torch.float64)
    return data


def test_moments_are_sums_over_readings_whatever_the_batches() -> None:
    samples = [sample(10 * number) for number in range(7)]
    forecasts = [[normal(5, 3, 2, seed=1000 + 10 * number + member) for member in range(2)] for number in range(7)]
    sizes = ((0, 7), (0, 3, 5, 7))
    streamed = []
    for bounds in sizes:
        moments = ErrorMoments(2, 3, windows=7, parts=3)
        for first, last in zip(bounds, bounds[1:]):
            given = [torch.cat([forecasts[number][member] for number in range(first, last)]) for member in range(2)]
            moments.add(given, Batch.from_data_list(samples[first:last]))
        streamed.append(moments)
    assert torch.allclose(streamed[0].sums, streamed[1].sums, rtol=1e-12)
    sums, counts = torch.zeros(3, 3, 2, 2, dtype=torch.float64), torch.zeros(3, 3, dtype=torch.float64)
    for number, data in enumerate(samples):
        part = number * 3 // 7
        for node, lead in data.y_mask.nonzero().tolist():
            for channel, scale in enumerate((0.5, 0.25)):
                error = torch.stack([(f[node, lead, channel] - data.y[node, lead, channel]) / scale
                                     for f in forecasts[number]])  # fmt: skip
                sums[part, lead] += torch.outer(error, error)
                counts[part, lead] += 1
    assert torch.allclose(streamed[0].sums, sums, rtol=1e-12) and torch.equal(streamed[0].counts, counts)
    assert ErrorMoments(2, 3, windows=2).parts == 2
