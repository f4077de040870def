"""Explicit steps: observed orders, and stages that are enough."""

from __future__ import annotations

import math

import pytest
import torch

from pdgn.models.explicit_step import METHODS, ExplicitStep


@pytest.mark.parametrize("method, order", [("chebyshev", 2), ("runge_kutta", 4)])
def test_halving_the_steps_shows_the_order_of_the_method(method, order):
    """u' = 1 − u², u(0) = 0: tanh."""
    errors = []
    for substeps in (4, 8, 16):
        step = ExplicitStep(method, 8, substeps)
        stages = 3 if method == "chebyshev" else -1
        out = step.advance(lambda u: 1 - u**2, torch.zeros(1, dtype=torch.float64), stages)
        errors.append(abs(float(out) - math.tanh(1)))
    for coarse, fine in zip(errors, errors[1:]):
        assert math.log2(coarse / fine) == pytest.approx(order, abs=0.25)


def decayed(step: ExplicitStep, radius: float, stages: int) -> float:
    """What is left of 1 after unit time of u' = −radius · u."""
    return float(step.advance(lambda u: -radius * u, torch.ones(1, dtype=torch.float64), stages))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("substeps", [1, 3])
def test_the_stages_are_enough_and_not_many_more(method, substeps):
    step = ExplicitStep(method, 256, substeps)
    for radius in (0.1, 3.0, 40.0, 500.0):
        stages, enough = step.stages(radius)
        assert enough
        assert abs(decayed(step, radius, stages)) <= 1
        fewer = stages - 1 if stages > 0 else stages + 1
        if abs(stages) > (2 if stages > 0 else 1):  # at 1.3 times the radius one fewer is not stable
            assert abs(decayed(step, 1.3 * radius, fewer)) > 1


def test_what_asks_for_too_much_is_said():
    assert ExplicitStep("chebyshev", 4, 1).stages(1e3) == (4, False)
    assert ExplicitStep("runge_kutta", 4, 1).stages(1e3) == (-4, False)
    assert ExplicitStep("runge_kutta", 4, 200).stages(1e3) == (-3, True)  # 1.1 · 5 / 2.5
    assert ExplicitStep("chebyshev", 4, 1).stages(math.inf) == ExplicitStep("chebyshev", 4, 1).stages(math.nan)
    assert not ExplicitStep("chebyshev", 4, 1).stages(math.nan)[1]


def test_either_is_the_classical_method_where_a_few_substeps_do():
    step = ExplicitStep("either", 256, 1)
    assert [step.stages(radius)[0] < 0 for radius in (1.0, 9.0, 9.2)] == [True, True, False]


@pytest.mark.parametrize(
    "options, message",
    [(("euler", 8, 1), "stepper: unknown 'euler'"), (("either", 1, 1), "most_stages: wanted"),
     (("either", 8, 0), "substeps: wanted an integer ≥ 1, given 0")],
)  # fmt: skip
def test_options_out_of_range_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        ExplicitStep(*options)


def test_repr():
    assert repr(ExplicitStep("either", 256, 2)) == "ExplicitStep('either', most_stages=256, substeps=2)"
