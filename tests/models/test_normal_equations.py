"""NormalEquations: plain least squares on the same rows, whatever is missing and however the rows arrive."""

from __future__ import annotations

import pytest
import torch

from pdgn.models.normal_equations import NormalEquations
from tests.nn.graphs import normal

ROWS, GROUPS, FEATURES, BLOCKS, CHANNELS = 60, 3, 4, 2, 2
TOLERANCE = 1e-11  # float64 round-off with condition numbers of about 10


def rows():
    """Regressors of unequal sizes and means, targets with noise, some of them missing."""
    x = 3 + normal(ROWS, GROUPS, FEATURES) * torch.tensor([1.0, 10.0, 0.1, 2.0])
    y = normal(ROWS, GROUPS, BLOCKS, CHANNELS, seed=2) + x[..., :2].unsqueeze(-1)
    return x, y, normal(ROWS, GROUPS, BLOCKS, seed=3) > -1


def direct(x, y, penalty):
    """The minimiser of the documented sum for one group and one output, from the rows themselves."""
    centred = (x - x.mean(0)) / x.std(0, unbiased=False)
    wide = torch.cat([centred / len(x) ** 0.5, penalty**0.5 * torch.eye(x.size(1)).double()])
    right = torch.cat([(y - y.mean()) / len(x) ** 0.5, torch.zeros(x.size(1)).double()])
    weight = torch.linalg.lstsq(wide, right.unsqueeze(1)).solution[:, 0] / x.std(0, unbiased=False)
    return weight, y.mean() - x.mean(0) @ weight


@pytest.mark.parametrize("penalty", [0.0, 0.3])
@pytest.mark.parametrize("missing", [False, True])
def test_the_solution_is_that_of_the_rows(penalty, missing):
    x, y, mask = rows()
    mask = mask if missing else torch.ones_like(mask)
    equations = NormalEquations(GROUPS, FEATURES, BLOCKS, CHANNELS)
    for part in torch.arange(ROWS).split(17):
        equations.add(x[part], torch.where(mask[part].unsqueeze(-1), y[part], float("nan")), mask[part])
    assert (equations.partial is not None) is missing
    weight, bias = equations.solve(penalty)
    for group in range(GROUPS):
        for output in range(BLOCKS * CHANNELS):
            block, channel = divmod(output, CHANNELS)
            seen = mask[:, group, block]
            expected = direct(x[seen, group], y[seen, group, block, channel], penalty)
            assert torch.allclose(weight[group, :, output], expected[0], rtol=0, atol=TOLERANCE)
            assert torch.allclose(bias[group, output], expected[1], rtol=0, atol=100 * TOLERANCE)  # of size 100


def test_a_mean_far_larger_than_the_deviation_costs_no_digits():
    x, y, mask = rows()
    far = x + 1e6 * x.std(0)
    solutions = []
    for values in (x, far):
        equations = NormalEquations(GROUPS, FEATURES, BLOCKS, CHANNELS)
        for part in torch.arange(ROWS).split(17):
            equations.add(values[part], y[part], mask[part])
        solutions.append(equations.solve(1e-3))
    # the rows themselves are rounded to 1e-10 of their deviation
    assert torch.allclose(solutions[0].weight, solutions[1].weight, rtol=0, atol=1e-8)
    given, expected = (
        v[0] @ s.weight[0] + s.bias[0] for v, s in zip((far.transpose(0, 1), x.transpose(0, 1)), solutions[::-1])
    )
    assert torch.allclose(given, expected, rtol=0, atol=1e-6)


def test_regressors_that_a_block_may_not_use_have_no_part_in_it():
    x, y, mask = rows()
    used = torch.tensor([[True, True, False, False], [True, True, True, True]])
    equations = NormalEquations(GROUPS, FEATURES, BLOCKS, CHANNELS)
    equations.add(x, y, torch.ones_like(mask))
    fewer = NormalEquations(GROUPS, 2, BLOCKS, CHANNELS)
    fewer.add(x[..., :2], y, torch.ones_like(mask))
    weight, all_of_them, less = equations.solve(0.1, used).weight, equations.solve(0.1).weight, fewer.solve(0.1).weight
    assert torch.allclose(weight[:, :2, :2], less[..., :2], rtol=0, atol=TOLERANCE)
    assert torch.equal(weight[:, 2:, :2], torch.zeros(GROUPS, 2, 2).double())
    assert torch.allclose(weight[..., 2:], all_of_them[..., 2:], rtol=0, atol=TOLERANCE)


def test_what_does_not_vary_and_groups_without_rows_get_no_weight():
    x, y, mask = rows()
    x[..., 1], mask[:, 2] = 7.0, False
    equations = NormalEquations(GROUPS, FEATURES, BLOCKS, CHANNELS)
    equations.add(x, y, mask)
    weight, bias = equations.solve(0.0)
    assert torch.equal(weight[:, 1], torch.zeros(GROUPS, BLOCKS * CHANNELS).double())
    assert not weight[2].any() and not bias[2].any() and weight[:2, 0].abs().min() > 0


def test_fewer_rows_than_regressors_are_safe_with_a_penalty():
    equations = NormalEquations(1, 50, 1, 1)
    x = normal(5, 1, 50)
    y = x[..., :1].unsqueeze(-1)
    equations.add(x, y, torch.ones(5, 1, 1, dtype=torch.bool))
    weight, bias = equations.solve(1e-10)
    # 50 weights can meet 5 rows; the penalty leaves an error of its own size
    assert torch.allclose(x[:, 0] @ weight[0] + bias[0], y[:, 0, 0], rtol=0, atol=1e-8)
    with pytest.raises(torch.linalg.LinAlgError):
        equations.solve(0.0)
    with pytest.raises(ValueError, match=r"^penalty: wanted a number ≥ 0, given -1$"):
        equations.solve(-1)


def test_matrices_that_would_not_fit_are_refused():
    with pytest.raises(
        ValueError, match=r"at most 2 GiB, given 10000 regressions on 999 regressors with 74\.5 GiB; fe"
    ):
        NormalEquations(10_000, 999, 1, 1)
    equations = NormalEquations(10, 999, 100, 1)
    with pytest.raises(ValueError, match=r"999 regressors, for each of 100 targets that may be missing, with 7\.5 GiB"):
        equations.add(torch.zeros(1, 10, 999), torch.zeros(1, 10, 100, 1), torch.arange(100).expand(1, 10, 100) > 0)
