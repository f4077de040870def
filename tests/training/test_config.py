from __future__ import annotations

import re
from dataclasses import fields

import pytest

from pdgn.data.first_difference import first_difference
from pdgn.training.config import DataConfig, EvaluationConfig, RunConfig, TrainingConfig

VALUES = {
    "name": "run",
    "data": {"file": "a.h5", "history": 2, "horizon": 3},
    "model": {"name": "padgn"},
    "training": {"epochs": 2, "batch_size": 4},
}


def test_dictionaries_round_trip() -> None:
    config = RunConfig.from_dict(VALUES)
    assert RunConfig.from_dict(config.to_dict()) == config
    assert config.data == DataConfig("a.h5", 2, 3) and config.evaluation.baselines == ["persistence"]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"trainig": {}}, r"config: unknown 'trainig'; did you mean 'training'"),
        ({"data": {**VALUES["data"], "hist": 2}}, r"data: unknown 'hist'; did you mean 'history'"),
        ({"data": {"file": "a.h5", "history": 2}}, r"data\.horizon: wanted a value, given none"),
        ({"training": 3}, r"training: wanted keys and values, given 3"),
        ({"training": {"epochs": 2, "batch_size": 4, "patience": 0}}, r"training\.patience: wanted an integer of at l"),
        (
            {"training": {"epochs": 2, "batch_size": 4, "clip": -1.0}},
            r"training\.clip: wanted a positive number, given",
        ),
        (
            {"training": {"epochs": 2, "batch_size": 4, "noise_std": -1.0}},
            r"training\.noise_std: wanted a number of at",
        ),
        (
            {"training": {"epochs": 2, "batch_size": 4, "machines": 0}},
            r"training\.machines: wanted an integer of at le",
        ),
        (
            {"training": {"epochs": 2, "batch_size": 4, "processes": 3, "machines": 2}},
            r"training\.batch_size: wanted a multiple of 6, .* = 3 x 2 share each batch, given 4$",
        ),
        (
            {"training": {"epochs": 2, "batch_size": 4, "push_forward": 3}},
            r"training\.push_forward: wanted less than data.horizon = 3, given 3$",
        ),
        (
            {"training": {"epochs": 2, "batch_size": 4, "push_forward": 2, "parts": 2}},
            r"training\.push_forward: wanted 0 with training.parts > 1, given 2$",
        ),
        (
            {"training": {"epochs": 2, "batch_size": 4, "push_forward": -1}},
            r"training\.push_forward: wanted an integer of at least 0, given -1$",
        ),
        (
            {"training": {"epochs": 2, "batch_size": 4, "push_forward": 1.5}},
            r"training\.push_forward: wanted an integer of at least 0, given 1\.5$",
        ),
        ({"evaluation": {"stride": 0}}, r"evaluation\.stride: wanted an integer of at least 1, given 0"),
        ({"evaluation": {"divergence_threshold": 0.0}}, r"evaluation\.divergence_threshold: wanted a positive number"),
        ({"name": ".."}, r"name: wanted a plain folder name, given '\.\.'"),
        ({"model": {"hidden_channels": 3}}, r"model\.name: wanted the name of a model, given None"),
    ],
)
def test_mistakes_name_their_key(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RunConfig.from_dict({**VALUES, **change})


def test_the_first_difference_is_found_at_any_depth() -> None:
    one = RunConfig.from_dict(VALUES).to_dict()
    other = RunConfig.from_dict({**VALUES, "training": {"epochs": 2, "batch_size": 8}}).to_dict()
    assert first_difference(one, one) is None
    assert first_difference(one, other) == ("training.batch_size", 4, 8)
    assert first_difference({"a": {"b": 1}}, {"a": {}}) == ("a.b", 1, None)
    assert first_difference({"a": {}}, {"a": {"b": [1]}}) == ("a.b", None, [1])


def test_every_key_has_its_meaning_in_the_docstring() -> None:
    for config in (DataConfig, TrainingConfig, EvaluationConfig, RunConfig):
        for field in fields(config):
            assert re.search(rf"^        {field.name}: \w", config.__doc__ or "", re.MULTILINE), (config, field.name)
