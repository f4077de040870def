"""Metrics against closed forms; a NaN is never lost."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.evaluation.metrics import ErrorSums, conserved_drift, divergence_step, mae, relative_l2, rmse

ROUND_OFF = 1e-14  # sums of a few hundred numbers of order one in float64


@pytest.fixture
def truth(rng):
    return rng.normal(size=(7, 5, 2))


@pytest.fixture
def mass(rng):
    return rng.uniform(0.1, 2.0, size=7)


def test_constant_offset_has_its_size_as_mae_and_rmse(truth):
    offset = np.array([0.25, -3.0])
    for metric in (mae(truth + offset, truth), rmse(truth + offset, truth)):
        np.testing.assert_allclose(metric.total, [0.25, 3.0], rtol=ROUND_OFF)
        np.testing.assert_allclose(metric.per_step, np.tile([0.25, 3.0], (5, 1)), rtol=1e-13)


def test_two_errors_tell_mae_from_rmse():
    truth = np.zeros((2, 1, 1))
    prediction = np.array([3.0, -4.0]).reshape(2, 1, 1)
    assert mae(prediction, truth).total[0] == pytest.approx(3.5, rel=ROUND_OFF)
    assert rmse(prediction, truth).total[0] == pytest.approx(np.sqrt(12.5), rel=ROUND_OFF)


def test_scaled_truth_has_that_relative_error_whatever_the_masses(truth, mass):
    metric = relative_l2(1.1 * truth, truth, None, mass)
    np.testing.assert_allclose(metric.per_step, 0.1, rtol=1e-12)  # 1.1 u - u loses one digit
    np.testing.assert_allclose(metric.total, 0.1, rtol=1e-12)


def test_relative_error_weighs_nodes_by_mass():
    truth = np.array([1.0, 1.0]).reshape(2, 1, 1)
    prediction = np.array([1.0, 2.0]).reshape(2, 1, 1)
    metric = relative_l2(prediction, truth, None, np.array([3.0, 1.0]))
    assert metric.total[0] == pytest.approx(0.5, rel=ROUND_OFF)  # sqrt(1 / (3 + 1))


def test_splitting_a_node_in_two_of_half_its_mass_changes_nothing(truth, mass):
    prediction = truth + 0.3 * np.cos(truth)
    twice = [np.concatenate([a, a[:1]]) for a in (prediction, truth)]
    split = np.append(mass, mass[0] / 2)
    split[0] /= 2
    np.testing.assert_allclose(
        relative_l2(*twice, None, split).per_step, relative_l2(prediction, truth, None, mass).per_step, rtol=1e-13
    )


def test_total_is_the_mean_over_every_reading(truth):
    prediction = np.sin(truth)
    mask = np.arange(35).reshape(7, 5) % 3 > 0
    error = (prediction - truth)[mask]
    np.testing.assert_allclose(mae(prediction, truth, mask).total, np.abs(error).mean(0), rtol=1e-13)
    np.testing.assert_allclose(rmse(prediction, truth, mask).total, np.sqrt((error**2).mean(0)), rtol=1e-13)


def test_sums_of_two_forecasts_are_the_sums_of_both_together(truth, mass):
    prediction = np.cos(truth)
    parts = [ErrorSums.of(prediction[part], truth[part], None, mass[part]) for part in (slice(3), slice(3, None))]
    both = parts[0] + parts[1]
    whole = ErrorSums.of(prediction, truth, None, mass)
    for name in ("mae", "rmse", "relative_l2"):
        np.testing.assert_allclose(getattr(both, name)().per_step, getattr(whole, name)().per_step, rtol=1e-13)
    with pytest.raises(ValueError, match=r"\(4, 2\) \[H, C\] do not add up"):
        whole + ErrorSums.of(prediction[:, :4], truth[:, :4])


@pytest.mark.parametrize("metric", [mae, rmse, relative_l2])
@pytest.mark.parametrize("where", ["prediction", "truth"])
def test_one_nan_makes_its_step_and_the_total_nan_and_nothing_else(metric, where, truth):
    arrays = {"prediction": truth + 1.0, "truth": truth.copy()}
    arrays[where][4, 2, 1] = np.nan
    result = metric(**arrays)
    assert np.isnan(result.total).tolist() == [False, True]
    assert np.argwhere(np.isnan(result.per_step)).tolist() == [[2, 1]]


@pytest.mark.parametrize("metric", [mae, rmse, relative_l2])
def test_a_masked_nan_of_the_truth_counts_for_nothing(metric, truth):
    mask = np.ones((7, 5), dtype=bool)
    mask[4, 2] = False
    hidden = truth.copy()
    hidden[4, 2] = np.nan
    prediction = truth + 1.0
    result = metric(prediction, hidden, mask)
    np.testing.assert_array_equal(result.total, metric(prediction, truth, mask).total)
    assert np.isfinite(result.per_step).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("metric", [mae, rmse, relative_l2])
def test_a_prediction_that_is_not_finite_shows_where_nobody_looked(metric, value, truth):
    mask = np.ones((7, 5), dtype=bool)
    mask[4, 2] = False
    prediction = truth + 1.0
    prediction[4, 2, 0] = value
    result = metric(prediction, truth, mask)
    assert np.isnan(result.total).tolist() == [True, False]
    assert np.isnan(result.per_step[2, 0])


def test_a_step_without_readings_has_no_error(truth):
    mask = np.ones((7, 5), dtype=bool)
    mask[:, 3] = False
    for metric in (mae, rmse, relative_l2):
        result = metric(truth + 1.0, truth, mask)
        assert np.isnan(result.per_step[3]).all()
        assert np.isfinite(result.total).all()


def test_vanishing_truth():
    zero, one = np.zeros((3, 1, 1)), np.ones((3, 1, 1))
    assert relative_l2(zero, zero).total[0] == 0.0
    assert relative_l2(one, zero).total[0] == np.inf


def test_drift_is_the_integral_moved_relative_to_the_initial_size(mass):
    initial = np.where(np.arange(7) % 2, 1.0, -1.0)[:, None]
    rate = np.array([0.0, 0.1, 0.2])
    frames = initial[:, None] + rate[None, :, None]  # every node rises alike: the integral rises by rate * area
    np.testing.assert_allclose(conserved_drift(frames, initial, mass)[:, 0], rate, atol=ROUND_OFF)


def test_moving_the_signal_about_is_no_drift(rng, mass):
    initial = rng.normal(size=(7, 1))
    flow = rng.normal(size=(7, 4, 1))
    flow -= np.einsum("i,ihc->hc", mass, flow) / mass.sum()
    assert conserved_drift(initial[:, None] + flow, initial, mass).max() < 1e-14
    assert conserved_drift(np.zeros((7, 2, 1)), np.zeros((7, 1)), mass).tolist() == [[0.0], [0.0]]


def test_drift_keeps_a_nan(rng, mass):
    frames = rng.normal(size=(7, 3, 1))
    frames[0, 1] = np.nan
    assert np.isnan(conserved_drift(frames, frames[:, 0], mass)[:, 0]).tolist() == [False, True, False]


def test_divergence_is_the_first_step_above_the_threshold_or_not_finite():
    relative = np.array([[0.1], [9.9], [10.1], [0.1]])
    finite, count = np.ones(4, dtype=bool), np.full(4, 7)
    assert divergence_step(relative, finite, count, 10.0) == 2
    assert divergence_step(relative, finite, count, 11.0) is None
    assert divergence_step(relative, np.array([True, False, True, True]), count, 11.0) == 1
    assert divergence_step(relative * np.nan, finite, np.zeros(4), 11.0) is None  # nothing was observed, all is finite
    assert divergence_step(relative * np.nan, finite, count, 11.0) == 0


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((np.zeros((3, 2)), np.zeros((3, 2))), r"must both be \[N, H, C\], given \(3, 2\)"),
        ((np.zeros((3, 2, 1)), np.zeros((3, 2, 2))), r"given \(3, 2, 1\) and \(3, 2, 2\)"),
        ((np.zeros((3, 2, 1)), np.zeros((3, 2, 1)), np.ones((3, 2))), r"mask must be bool \(3, 2\), given float64"),
    ],
)
def test_shapes_that_disagree_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        mae(*arguments)
    with pytest.raises(ValueError, match=r"mass must be \[3\], given \(2,\)"):
        relative_l2(np.zeros((3, 2, 1)), np.zeros((3, 2, 1)), None, np.ones(2))
