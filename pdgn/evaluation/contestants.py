"""The models of one or several checkpoints and the baselines that their configs name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pdgn.models import MODELS, build_model
from pdgn.training.checkpoint import load_forecaster
from pdgn.training.forecaster import Forecaster


@dataclass(frozen=True)
class Contestant:
    """One of the models that are compared.

    Args:
        forecaster: the model with its units.
        checkpoint: where it comes from; ``None`` for a model without weights.
        baseline: whether it is only there because a config names it.
    """

    forecaster: Forecaster
    checkpoint: Path | None
    baseline: bool = False

    @property
    def history(self) -> int:
        """Frames that it observes."""
        return self.forecaster.config.data.history


def load_contestants(checkpoints: str | Path | Sequence[str | Path]) -> dict[str, Contestant]:
    """Loads the models and their baselines: those without weights are built, the others loaded from beside the model.

    Args:
        checkpoints: best.ckpt or last.ckpt of one run or of several; a trained baseline lies in
            FOLDER/<baseline>/best.ckpt.

    Returns:
        {name: contestant}, the checkpoints first, in the order given, then each baseline once. A single checkpoint is
        called by the name of its model, one of several by the name of its run; who comes second to a name gets a
        number.

    Raises:
        FileNotFoundError: no checkpoint, or none of a baseline that has weights.
        ValueError: a checkpoint of another kind, given twice, or of other fields, units or time steps than the first.
    """
    paths = [Path(checkpoints)] if isinstance(checkpoints, str | Path) else [Path(path) for path in checkpoints]
    if not paths:
        raise ValueError("wanted at least one checkpoint, given none")
    found: dict[str, Contestant] = {}
    for path in paths:
        if path.resolve() in _files(found):
            raise ValueError(f"{path}: wanted different checkpoints, given this one twice")
        given = Contestant(load_forecaster(path), path)
        _add(found, str(given.forecaster.description.model["name"]) if len(paths) == 1 else _run_name(given), given)
    _require_comparable(found)
    for contestant in list(found.values()):
        _add_baselines(found, contestant)
    return found


def _run_name(contestant: Contestant) -> str:
    return contestant.forecaster.config.name


def _add(found: dict[str, Contestant], name: str, contestant: Contestant) -> None:
    """Under its name, or with a number where that is taken."""
    number, free = 1, name
    while free in found:
        number += 1
        free = f"{name} ({number})"
    found[free] = contestant


def _add_baselines(found: dict[str, Contestant], contestant: Contestant) -> None:
    """The baselines of one checkpoint that are not there yet: the same file, or the same model without weights."""
    forecaster, path = contestant.forecaster, contestant.checkpoint
    assert path is not None
    single = sum(not other.baseline for other in found.values()) == 1
    for name in forecaster.config.evaluation.baselines:
        if name == forecaster.description.model["name"]:
            continue
        if name in MODELS and not MODELS[name].trainable:
            if not any(_untrained_name(other) == name for other in found.values()):
                _add(found, name, Contestant(_untrained(name, forecaster), None, baseline=True))
            continue
        place = path.parent / name / "best.ckpt"
        if place.resolve() not in _files(found):
            called = name if single else f"{_run_name(contestant)}/{name}"
            _add(found, called, Contestant(_trained(path, place, name, forecaster), place, baseline=True))


def _files(found: dict[str, Contestant]) -> set[Path]:
    return {other.checkpoint.resolve() for other in found.values() if other.checkpoint is not None}


def _untrained_name(contestant: Contestant) -> str | None:
    return None if contestant.checkpoint else str(contestant.forecaster.description.model["name"])


def _untrained(name: str, forecaster: Forecaster) -> Forecaster:
    description = replace(forecaster.description, model={"name": name})
    model = build_model(name, description.channels)
    return Forecaster(model, forecaster.normalizer, description, forecaster.config).eval()


def _trained(path: Path, place: Path, name: str, forecaster: Forecaster) -> Forecaster:
    if not place.is_file():
        raise FileNotFoundError(
            f"{place}: wanted the checkpoint of the baseline '{name}', given no file; train it with "
            f"'pdgn train --config {path.parent / 'config.yaml'}' or take it out of evaluation.baselines"
        )
    baseline = load_forecaster(place)
    if baseline.description.fields != forecaster.description.fields:
        raise ValueError(f"{place}: wanted a baseline of the same fields as {path}, given one of others")
    return baseline


def _require_comparable(found: dict[str, Contestant]) -> None:
    """All checkpoints predict the same channels, in the same units, at the same step of time."""
    first, *others = found.values()
    wanted = _signal(first)
    for other in others:
        for (what, given), expected in zip(_signal(other).items(), wanted.values(), strict=True):
            if given != expected:
                raise ValueError(f"{other.checkpoint}: {what}: wanted {expected} as {first.checkpoint}, given {given}")


def _signal(contestant: Contestant) -> dict[str, str]:
    """What has to agree."""
    description = contestant.forecaster.description
    fields = (f"{field.name} [{field.unit}] x {field.channels}" for field in description.fields)
    return {"fields": ", ".join(fields), "time step": f"{description.dt:.6g} {description.time_unit}"}
