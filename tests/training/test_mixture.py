"""The choice of a mixture: by absolute errors on what its weights were not fitted to, in whatever batches they come."""

from __future__ import annotations

import math

import pytest
import torch
from torch_geometric.data import Batch, Data

from pdgn.training.convex_weights import simplex_weights
from pdgn.training.error_moments import ErrorMoments
from pdgn.training.mixture import SHRINKAGES, AbsoluteErrors, Mixture, mixtures
from tests.nn.graphs import normal


def chosen(errors: torch.Tensor) -> Mixture:
    """Of errors [P, n, H, M]: the mixture that the two passes find."""
    parts, nodes, leads, members = errors.shape
    windows = [Data(x=normal(nodes, 1, 1), y=torch.zeros(nodes, leads, 1)) for _ in range(parts)]
    for data in windows:
        data.y_mask = torch.ones(nodes, leads, dtype=torch.bool)
    moments = ErrorMoments(members, leads, windows=parts)
    for own, data in zip(errors, windows, strict=True):
        moments.add([own[..., [member]] for member in range(members)], data)
    assert torch.allclose(moments.sums, torch.einsum("pnhm,pnhk->phmk", errors, errors))
    assert torch.allclose(moments.absolute, errors.abs().sum(dim=1))
    absolute = AbsoluteErrors(mixtures(moments.sums, moments.absolute), windows=parts)
    for own, data in zip(errors, windows, strict=True):
        absolute.add([own[..., [member]] for member in range(members)], data)
    found, error = absolute.best()
    by_hand = torch.einsum("pnhm,phm->pnh", errors, found.left_out).abs().mean()
    assert error == pytest.approx(float(by_hand), rel=1e-12)
    return found


def of(errors: torch.Tensor) -> list[Mixture]:
    """The two candidates of errors [P, n, H, M]."""
    return mixtures(torch.einsum("pnhm,pnhk->phmk", errors, errors), errors.abs().sum(dim=1))


def test_what_differs_from_part_to_part_is_shrunk_and_what_does_not_is_not() -> None:
    alike = 1 + normal(8, 4, 1, 6, seed=5)  # equally good members, few rows: any preference is noise
    assert of(alike)[1].shrinkage >= 3
    better = normal(8, 400, 1, 6, seed=6) * torch.tensor([0.5, 0.7, 1, 2, 2, 2], dtype=torch.float64)
    found = chosen(better)
    assert found.shrinkage <= 0.1 and found.groups == 1
    # inverse variance: 1/4, 1/0.49, ...; 3200 rows leave a few hundredths
    inverse = torch.tensor([4, 1 / 0.49, 1, 0.25, 0.25, 0.25], dtype=torch.float64)
    assert torch.allclose(found.weight[0], inverse / inverse.sum(), atol=0.05)


def test_a_part_has_no_share_in_the_weights_that_it_is_judged_by() -> None:
    errors = normal(3, 50, 2, 2, seed=1) * torch.tensor([1.0, 2.0], dtype=torch.float64)
    changed = errors.clone()
    changed[1] *= 10 * torch.tensor([5.0, 1.0], dtype=torch.float64)  # there the first one is worse
    before, after = of(errors)[0], of(changed)[0]
    assert before.left_out.tolist() == [[[1.0, 0.0]] * 2] * 3 and before.weight.tolist() == [[1.0, 0.0]] * 2
    assert after.left_out[:, 0].tolist() == [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]] and after.weight[0, 0] == 0
    for given in (errors, changed):
        [_, found] = of(given)
        sums = torch.einsum("pnhm,pnhk->phmk", given, given)
        for part in range(3):
            others = sums[[other for other in range(3) if other != part]].sum(dim=0)
            both = [others.sum(dim=0)] * 2 if found.groups == 1 else list(others)
            expected = torch.stack([simplex_weights(lead, found.shrinkage) for lead in both])
            assert torch.allclose(found.left_out[part], expected, rtol=0, atol=1e-12)
    for single in of(errors[:1]):  # one part alone is judged by its own weights
        assert torch.equal(single.left_out[0], single.weight)


@pytest.mark.parametrize("size", [6.0, 8.0, 12.0])
def test_rare_large_errors_do_not_make_a_mixture(size: float) -> None:
    """One forecast is exact but for one reading in fifty, the other wrong by one everywhere but there.

    Least squares gives both of them weight; in absolute errors, 0.12 to 0.24 against 0.98, the exact one alone is best.
    """
    rare = torch.zeros(8, 50, 1, dtype=torch.float64)
    rare[:, 7] = size
    everywhere = normal(8, 50, 1, seed=3).sign()
    everywhere[:, 7] = 0
    errors = torch.stack([rare, everywhere], dim=-1)
    [alone, both] = of(errors)
    assert alone.weight.tolist() == [[1.0, 0.0]] and 0.2 < both.weight[0, 0] < 0.7
    assert chosen(errors).weight.tolist() == [[1.0, 0.0]] and chosen(errors).shrinkage == math.inf


def test_parts_and_leads_without_readings_change_nothing() -> None:
    """Where all readings are in one part it is not left out; no lead is decided by nothing."""
    errors = normal(4, 60, 3, 3, seed=2) * torch.tensor([3.0, 1.0, 1.0], dtype=torch.float64)
    errors[[0, 1, 3]] = 0
    for many, single in zip(of(errors), of(errors[2:3]), strict=True):
        assert torch.equal(many.weight, single.weight) and torch.equal(many.left_out[2], single.left_out[0])
        assert many.weight[0, 0] < 0.5
    late = normal(8, 300, 4, 2, seed=7)
    late[:, :, 0, 0] *= 0.1  # each lead has a best member, so that leads are cut into groups
    late[:, :, 1:, 1] *= 0.1
    late[:7, :, 3] = 0  # the last lead was read in the last part alone
    [_, both] = of(late)
    assert both.groups == 3 and both.left_out[7, 3].tolist() == [0.5, 0.5] and both.weight[3, 1] > 0.95


def test_a_small_gain_is_a_gain() -> None:
    """Errors that are correlated by 0.9: the mean of two has 2.5 % less of them."""
    errors = normal(8, 3000, 1, 2, seed=3) + 3 * normal(8, 3000, 1, 1, seed=4)
    found = chosen(errors)
    assert found.shrinkage < math.inf and found.weight.tolist() == [[pytest.approx(0.5, abs=0.05)] * 2]


def test_of_equal_mixtures_the_simplest_is_taken() -> None:
    same = normal(8, 300, 1, 2, seed=8)
    assert chosen(same.expand(-1, -1, 4, -1)).groups == 1
    assert of(same.expand(-1, -1, 4, -1))[1].groups == 1
    twins = normal(8, 300, 1, 1, seed=8) + 0.1 * torch.tensor([1.0, -1.0], dtype=torch.float64)
    twins[::2] = twins[::2].flip(-1)
    twins = torch.cat([twins, twins.flip(-1)], dim=1)  # whatever λ is, both weights are 1/2
    assert of(twins)[1].weight.tolist() == [[pytest.approx(0.5)] * 2] and of(twins)[1].shrinkage == max(SHRINKAGES)
    one = normal(4, 30, 2, 1, seed=8).expand(-1, -1, -1, 3)  # three members that are the same
    assert chosen(one).weight.tolist() == [[1.0, 0.0, 0.0]] * 2


def test_leads_have_weights_of_their_own_where_that_is_better() -> None:
    errors = normal(8, 300, 4, 2, seed=7)
    errors[:, :, 0, 0] *= 0.1  # the first member is good at the first lead, the second after it
    errors[:, :, 1:, 1] *= 0.1
    found = chosen(errors)
    assert found.groups == 3 and float(found.weight[0, 0]) > 0.95 and (found.weight[1:, 1] > 0.95).all()
    assert torch.equal(found.weight[1], found.weight[2])
    assert torch.allclose(found.weight.sum(dim=1), torch.ones(4, dtype=torch.float64)) and (found.weight >= 0).all()


def test_members_that_diverge_have_no_weight() -> None:
    errors = normal(4, 50, 2, 3, seed=9)
    sums, absolute = torch.einsum("pnhm,pnhk->phmk", errors, errors), errors.abs().sum(dim=1)
    sums[1, 1, 0, :], sums[1, 1, :, 0], absolute[1, 1, 0] = torch.inf, torch.nan, torch.inf
    found = mixtures(sums, absolute)
    assert len(found) == 2
    for mixture in found:
        for weight in (mixture.weight, mixture.left_out):
            assert (weight[..., 0] == 0).all() and torch.isfinite(weight).all()
            torch.testing.assert_close(weight.sum(dim=-1), torch.ones_like(weight[..., 0]))
    [even] = mixtures(sums * torch.nan, absolute)
    assert even.weight.tolist() == [[pytest.approx(1 / 3)] * 3] * 2
    data = Data(x=normal(50, 1, 1), y=torch.zeros(50, 2, 1), y_mask=torch.ones(50, 2, dtype=torch.bool))
    for broken in (torch.inf, torch.nan):
        errors[1, 3, 1, 0] = broken
        for candidates, finite in ((found, True), ([even], False)):
            judged = AbsoluteErrors(candidates, windows=4)
            for own in errors:
                judged.add([own[..., [member]] for member in range(3)], data)
            assert math.isfinite(judged.best()[1]) == finite


def test_what_cannot_be_chosen_from_is_refused() -> None:
    for moments, absolute in (((2, 3, 4), (2, 3)), ((1, 1, 2, 3), (1, 1, 2)), ((1, 1, 2, 2), (1, 2, 2)), ((0,), (0,))):
        with pytest.raises(ValueError, match=r"^moments, absolute: wanted \[P, H, M, M\] and \[P, H, M\], given \["):
            mixtures(torch.zeros(moments), torch.zeros(absolute))
    with pytest.raises(ValueError, match=r"^wanted readings to choose a mixture by, given none$"):
        AbsoluteErrors(mixtures(torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1)), windows=1).best()


def sample(seed: int) -> Data:
    data = Data(x=normal(5, 1, 2, seed=seed), y=normal(5, 3, 2, seed=seed + 1))
    data.y_mask = torch.rand(5, 3, generator=torch.Generator().manual_seed(seed)) > 0.3
    data.increment_scale = torch.tensor([[0.5, 0.25]], dtype=torch.float64)
    return data


def test_sums_are_over_readings_whatever_the_batches() -> None:
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
    sums = torch.zeros(3, 3, 2, 2, dtype=torch.float64)
    for number, data in enumerate(samples):
        part = number * 3 // 7
        for node, lead in data.y_mask.nonzero().tolist():
            for channel, scale in enumerate((0.5, 0.25)):
                error = torch.stack([(f[node, lead, channel] - data.y[node, lead, channel]) / scale
                                     for f in forecasts[number]])  # fmt: skip
                sums[part, lead] += torch.outer(error, error)
    assert torch.allclose(streamed[0].sums, sums, rtol=1e-12)
    assert ErrorMoments(2, 3, windows=2).parts.count == 2
    candidates = mixtures(sums, streamed[0].absolute)
    absolute = [AbsoluteErrors(candidates, windows=7) for _ in sizes]
    for errors, bounds in zip(absolute, sizes, strict=True):
        for first, last in zip(bounds, bounds[1:]):
            given = [torch.cat([forecasts[number][member] for number in range(first, last)]) for member in range(2)]
            errors.add(given, Batch.from_data_list(samples[first:last]))
    torch.testing.assert_close(absolute[0].totals, absolute[1].totals, rtol=1e-12, atol=0)
    assert absolute[0].count == sum(2 * int(data.y_mask.sum()) for data in samples)
