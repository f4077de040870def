"""build_model: every model by name, and one line for every mistake."""

from __future__ import annotations

import pytest

from pdgn.models import MODELS, PADGN, Channels, build_model, model_options

CHANNELS = Channels(1, 2)


def test_every_model_is_built_by_its_name():
    for name, model in MODELS.items():
        assert type(build_model(name, CHANNELS)) is model
    assert {name: model.trainable for name, model in MODELS.items()} == {
        "fen": True,
        "fixed_operators": True,
        "gru": True,
        "local_linear": True,
        "var": True,
        "meshgraphnet": True,
        "mlp": True,
        "operator_network": True,
        "padgn": True,
        "padgn_published": True,
        "persistence": False,
        "rgn": True,
        "rgn_mesh": True,
        "rgn_standard": True,
        "sensor_ensemble": True,
    }


def test_options_arrive():
    model = build_model("padgn", CHANNELS, num_kernels=3, weights="free", use_mask=True)
    assert isinstance(model, PADGN) and model.differences.num_kernels == 3 and model.use_mask


def test_options_of_the_baselines_are_options_of_the_model():
    assert model_options("persistence") == {}
    assert model_options("fixed_operators").items() <= model_options("padgn").items()
    assert model_options("padgn")["num_hops"] is int


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("padgm", {}, ValueError, r"^model: unknown 'padgm'; did you mean 'padgn'\? valid: .*fixed_oper.*, padgn, "),
        ("padgn", {"num_kernel": 3}, ValueError, r"unknown 'num_kernel'; did you mean 'num_kernels'\? valid: cons"),
        ("persistence", {"num_hops": 1}, ValueError, r"model 'persistence': unknown 'num_hops'; valid: none$"),
        ("padgn", {"num_hops": "2"}, TypeError, r"^model option 'num_hops': wanted int, given '2' \(str\)$"),
        ("padgn", {"num_hops": True}, TypeError, r"^model option 'num_hops': wanted int, given True \(bool\)$"),
        ("padgn", {"use_mask": 1}, TypeError, r"^model option 'use_mask': wanted bool, given 1 \(int\)$"),
        ("padgn", {"variant": 3}, TypeError, r"^model option 'variant': wanted str, given 3 \(int\)$"),
        ("padgn", {"variant": "sun"}, ValueError, r"^model option 'variant': unknown 'sun'; did you mean 'sum'\? "),
        ("padgn", {"num_hops": -1}, ValueError, r"^num_hops: wanted an integer ≥ 0, given -1$"),
    ],
)
def test_mistakes_are_one_line(name, options, error, message):
    with pytest.raises(error, match=message) as caught:
        build_model(name, CHANNELS, **options)
    assert "\n" not in str(caught.value)
