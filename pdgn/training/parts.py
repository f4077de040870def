"""The models that one run trains: its own, then the baselines that have weights."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

from pdgn.models import MODELS
from pdgn.models.options import unknown
from pdgn.training.config import RunConfig


def resolve(config: RunConfig) -> RunConfig:
    """Fills in the defaults of the model's constructor and checks the names of the baselines.

    Args:
        config: a config, its model options perhaps partial.

    Returns:
        The config with every option of the model.

    Raises:
        ValueError: an unknown model, baseline or option.
    """
    options = dict(config.model)
    name = options.pop("name")
    _model(name, "model.name")
    for baseline in config.evaluation.baselines:
        _model(baseline, "evaluation.baselines")
    return replace(config, model={"name": name, **option_defaults(name), **options})


def baseline_configs(config: RunConfig) -> list[RunConfig]:
    """The configs of the baselines that have weights: same data, same settings, same options where they have them.

    Args:
        config: the resolved config of the run.

    Returns:
        One resolved config per baseline, its folder inside the run's; the run's own model is not among them.
    """
    names = dict.fromkeys(config.evaluation.baselines)
    found = []
    for name in names:
        if not MODELS[name].trainable or name == config.model["name"]:
            continue
        defaults = option_defaults(name)
        shared: dict[str, Any] = {key: value for key, value in config.model.items() if key in defaults}
        found.append(
            replace(
                config,
                name=name,
                output=str(Path(config.output) / config.name),
                model={"name": name, **defaults, **shared},
                evaluation=replace(config.evaluation, baselines=[]),
            )
        )
    return found


def option_defaults(name: str) -> dict[str, Any]:
    """The options of a model's constructor that have a default.

    Args:
        name: a name in `MODELS`.

    Returns:
        Option → default, in the constructor's order.
    """
    parameters = inspect.signature(MODELS[name]).parameters.values()
    return {item.name: item.default for item in parameters if item.default is not inspect.Parameter.empty}


def _model(name: str, key: str) -> Any:
    if name not in MODELS:
        raise unknown(key, name, MODELS)
    return MODELS[name]
