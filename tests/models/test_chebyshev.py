"""Time steps against the exponential."""

from __future__ import annotations

import math

import pytest
import torch

from pdgn.models.chebyshev import chebyshev_step, chebyshev_table, runge_kutta_step, stages_for


def errors(advance, counts, rate=-1.3):
    """Of e^rate, reached in `count` steps."""
    found = []
    for count in counts:
        value = torch.ones(1, dtype=torch.float64)
        for _ in range(count):
            value = advance(lambda u, share=rate / count: share * u, value)
        found.append(abs(float(value) - math.exp(rate)))
    return found


@pytest.mark.parametrize("stages", [2, 3, 7])
def test_chebyshev_is_of_order_two(stages):
    coarse, fine = errors(lambda f, u: chebyshev_step(f, u, stages), (8, 16))
    assert math.log2(coarse / fine) == pytest.approx(2, abs=0.1)


def test_runge_kutta_is_of_order_four_and_substeps_are_steps():
    coarse, fine = errors(lambda f, u: runge_kutta_step(f, u, 1), (8, 16))
    assert math.log2(coarse / fine) == pytest.approx(4, abs=0.1)
    assert errors(lambda f, u: runge_kutta_step(f, u, 2), (8,))[0] == pytest.approx(fine, rel=1e-6)


@pytest.mark.parametrize("stages", [2, 4, 16])  # the bound is sharp for even numbers
def test_the_bound_of_stability_is_sharp(stages):
    bound = chebyshev_table(stages).bound
    factor = [float(chebyshev_step(lambda u: -size * u, torch.ones(1).double(), stages))  # noqa: B023
              for size in (bound, 1.05 * bound)]  # fmt: skip
    assert abs(factor[0]) <= 1 + 1e-9 and abs(factor[1]) > 1.1


@pytest.mark.parametrize("stiffness", [0.0, 1.9, 2.1, 40.0, 500.0])
def test_stages_are_the_least_that_are_stable(stiffness):
    stages = stages_for(stiffness, 64)
    assert chebyshev_table(stages).bound >= stiffness
    assert stages == 2 or chebyshev_table(stages - 1).bound < stiffness


def test_stages_have_a_limit():
    assert stages_for(1e9, 12) == stages_for(math.inf, 12) == 12
