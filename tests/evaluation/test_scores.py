"""Scores of groups: pooling, gaps, divergence and NaN."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.evaluation.scores import score_window, summarise


def scored(prediction, truth, mask=None, mass=None, *, initial="first", source=("a", 0, 0)):
    mask = np.ones(truth.shape[:2], dtype=bool) if mask is None else mask
    mass = np.ones(len(truth)) if mass is None else mass
    initial = truth[:, 0] if isinstance(initial, str) else initial
    time = 0.5 * np.arange(1, truth.shape[1] + 1)
    return score_window(prediction, truth, mask, mass, initial, time=time, source=source)


@pytest.fixture
def truth(rng):
    return 1.0 + rng.uniform(size=(6, 4, 1))


def test_errors_are_pooled_over_every_observed_value(rng, truth):
    large = 1.0 + rng.uniform(size=(10, 4, 1))
    windows = [scored(truth + 1.0, truth), scored(large - 3.0, large, source=("b", 0, 0))]
    group = summarise(windows, ["u"])
    assert group["total"]["mae"]["u"] == pytest.approx((6 * 1.0 + 10 * 3.0) / 16)
    assert group["total"]["rmse"]["u"] == pytest.approx(np.sqrt((6 * 1.0 + 10 * 9.0) / 16))
    assert group["total"]["mae_std"]["u"] == pytest.approx(1.0)
    np.testing.assert_allclose(group["per_step"]["mae"]["u"], 4 * [2.25])
    assert (group["trajectories"], group["windows"], group["time"]) == (2, 2, [0.5, 1.0, 1.5, 2.0])


def test_relative_error_is_a_mean_over_windows(truth):
    group = summarise([scored(1.1 * truth, truth), scored(1.3 * truth, truth, source=("a", 0, 4))], ["u"])
    assert group["total"]["relative_l2"]["u"] == pytest.approx(0.2)
    assert group["total"]["relative_l2_std"]["u"] == pytest.approx(0.1)
    np.testing.assert_allclose(group["per_step"]["relative_l2"]["u"], 4 * [0.2])
    assert (group["trajectories"], group["windows"]) == (1, 2)


def test_windows_of_unequal_length_share_their_common_steps(truth):
    group = summarise([scored(truth + 1.0, truth), scored(truth[:, :2] + 3.0, truth[:, :2])], ["u"])
    np.testing.assert_allclose(group["per_step"]["mae"]["u"], [2.0, 2.0, 1.0, 1.0])


def test_a_nan_in_one_window_is_a_nan_of_the_group(truth):
    broken = truth + 1.0
    broken[2, 1] = np.nan
    group = summarise([scored(truth, truth), scored(broken, truth)], ["u"])
    for name in ("mae", "rmse", "relative_l2", "mae_std", "relative_l2_std"):
        assert np.isnan(group["total"][name]["u"]), name
    for name in ("mae", "rmse", "relative_l2", "drift"):
        assert np.isnan(group["per_step"][name]["u"]).tolist() == [False, True, False, False], name
    assert group["total"]["diverged"] == 0.5


def test_a_step_that_nobody_observed_is_none_and_not_zero(truth):
    mask = np.ones((6, 4), dtype=bool)
    mask[:, 2] = False
    group = summarise([scored(truth + 1.0, truth, mask)], ["u"])
    assert group["per_step"]["mae"]["u"][2] is None and group["per_step"]["relative_l2"]["u"][2] is None
    assert group["total"]["mae"]["u"] == pytest.approx(1.0)
    nothing = summarise([scored(truth + 1.0, truth, np.zeros((6, 4), dtype=bool))], ["u"])
    assert nothing["total"]["mae"]["u"] is None and nothing["total"]["rmse"]["u"] is None
    assert nothing["total"]["relative_l2"]["u"] is None and nothing["total"]["diverged"] == 0.0


def test_a_nan_predicted_where_nobody_observed_is_not_hidden(truth):
    broken = truth + 1.0
    broken[0, 2] = np.nan
    group = summarise([scored(broken, truth, np.zeros((6, 4), dtype=bool))], ["u"])
    assert group["per_step"]["mae"]["u"][1] is None
    assert np.isnan(group["per_step"]["mae"]["u"][2]) and np.isnan(group["total"]["relative_l2"]["u"])
    assert np.isnan(group["total"]["mae"]["u"]) and group["total"]["diverged"] == 1.0


def test_divergence_counts_windows_and_gives_the_first_time(truth):
    wild = truth.copy()
    wild[:, 2:] *= 100.0
    wilder = truth.copy()
    wilder[0, 3] = np.inf
    group = summarise([scored(wild, truth), scored(wilder, truth), scored(truth, truth)], ["u"])
    assert group["total"]["diverged"] == pytest.approx(2 / 3)
    assert group["total"]["time_to_divergence"] == {"mean": 1.75, "median": 1.75, "min": 1.5}
    np.testing.assert_allclose(group["per_step"]["diverged"], [0, 0, 1 / 3, 2 / 3])
    assert summarise([scored(truth, truth)], ["u"])["total"]["time_to_divergence"] is None


def test_an_error_is_capped_from_the_divergence_on_even_where_the_forecast_returns(truth):
    wild = truth.copy()
    wild[:, 1] *= 12.0  # relative L2 of 11; exact before and after
    broken = truth.copy()
    broken[0, 3] = np.nan
    group = summarise([scored(wild, truth), scored(broken, truth), scored(1.5 * truth, truth)], ["u"])
    np.testing.assert_allclose(group["per_step"]["capped_relative_l2"]["u"], [0.5 / 3, 10.5 / 3, 10.5 / 3, 20.5 / 3])
    assert group["total"]["end_relative_l2"]["u"] == pytest.approx(20.5 / 3)
    assert group["total"]["end_relative_l2_std"]["u"] == pytest.approx(np.std([10.0, 10.0, 0.5]))
    # The first one's whole error is below 11, as one step of four is wrong: it is not raised to the threshold.
    whole = np.sqrt(11**2 * np.square(truth[:, 1]).sum() / np.square(truth).sum())
    assert whole < 10.0
    assert group["total"]["capped_relative_l2"]["u"] == pytest.approx((whole + 10.0 + 0.5) / 3)
    assert np.isnan(group["total"]["relative_l2"]["u"])


def test_the_cap_is_the_threshold_that_was_given(truth):
    score = score_window(3.0 * truth, truth, np.ones((6, 4), bool), np.ones(6), None, time=np.arange(4), threshold=1.5)
    assert score.diverged == 0 and score.capped().per_step.tolist() == [[1.5]] * 4 and score.capped().total == [1.5]


def test_the_end_is_left_out_where_nobody_observed_it(truth):
    mask = np.ones((6, 4), dtype=bool)
    mask[:, 3] = False
    group = summarise([scored(1.1 * truth, truth, mask), scored(1.3 * truth, truth)], ["u"])
    assert group["total"]["end_relative_l2"]["u"] == pytest.approx(0.3)
    np.testing.assert_allclose(group["per_step"]["capped_relative_l2"]["u"], [0.2, 0.2, 0.2, 0.3])
    nothing = summarise([scored(truth, truth, np.zeros((6, 4), dtype=bool))], ["u"])["total"]
    assert nothing["end_relative_l2"]["u"] is None and nothing["capped_relative_l2"]["u"] is None


def test_drift_of_prediction_and_truth(truth):
    rising = truth[:, :1] * np.array([1.0, 1.1, 1.2, 1.3])[None, :, None]
    group = summarise([scored(rising, np.repeat(truth[:, :1], 4, axis=1))], ["u"])
    np.testing.assert_allclose(group["per_step"]["drift"]["u"], [0.0, 0.1, 0.2, 0.3], atol=1e-14)
    np.testing.assert_allclose(group["per_step"]["true_drift"]["u"], 0.0, atol=1e-14)
    assert group["total"]["drift"]["u"] == pytest.approx(0.3)


def test_an_integral_with_gaps_is_not_known(truth):
    mask = np.ones((6, 4), dtype=bool)
    mask[1, 3] = False
    group = summarise([scored(truth, truth, mask)], ["u"])
    assert group["per_step"]["true_drift"]["u"] == [None] * 4
    assert None not in group["per_step"]["drift"]["u"]  # the prediction has no gaps
    assert summarise([scored(truth, truth, initial=None)], ["u"])["total"]["drift"]["u"] is None


def test_each_channel_has_its_own_numbers(truth):
    both = np.concatenate([truth, truth], axis=2)
    group = summarise([scored(both + np.array([1.0, 2.0]), both)], ["u", "v"])
    assert group["total"]["mae"] == pytest.approx({"u": 1.0, "v": 2.0})
    assert set(group["per_step"]["drift"]) == {"u", "v"}


def test_a_group_without_windows_is_refused():
    with pytest.raises(ValueError, match="a group without windows has no scores"):
        summarise([], ["u"])
