from __future__ import annotations

import math

import pytest

from pdgn.training.schedule import learning_rate, truth_probability


def test_truth_probability_is_the_inverse_sigmoid() -> None:
    for epoch in (0, 3, 50, 500):
        expected = 107 / (107 + math.exp(epoch / 107))
        assert truth_probability(epoch, 107.0) == pytest.approx(expected, rel=1e-14)  # round-off
    assert truth_probability(0, None) == 0.0


def test_truth_probability_is_half_at_k_log_k_and_does_not_overflow() -> None:
    assert truth_probability(10 * math.log(10), 10.0) == pytest.approx(0.5, rel=1e-14)
    assert truth_probability(10**6, 2.0) == 0.0


def test_cosine_starts_at_the_base_halves_in_the_middle_and_is_symmetric_about_it() -> None:
    rates = [learning_rate(epoch, 10, 0.4, "cosine") for epoch in range(11)]
    assert rates[0] == 0.4 and rates[5] == pytest.approx(0.2) and rates[10] == pytest.approx(0.0, abs=1e-16)
    assert all(a + b == pytest.approx(0.4) for a, b in zip(rates, reversed(rates)))
    assert sorted(rates, reverse=True) == rates


def test_constant_is_constant_and_others_are_refused() -> None:
    assert {learning_rate(epoch, 9, 0.1, "constant") for epoch in range(9)} == {0.1}
    with pytest.raises(ValueError, match="training.schedule: wanted one of constant, cosine, plateau, given 'step'"):
        learning_rate(0, 9, 0.1, "step")
