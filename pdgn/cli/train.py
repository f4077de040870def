"""`pdgn train`: a config to a folder of checkpoints and logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jsonargparse import Namespace

from pdgn.cli.nearest import nearest
from pdgn.cli.parser import StrictParser
from pdgn.models import MODELS
from pdgn.models.options import options_of
from pdgn.training.config import RunConfig

DEFAULT_MODEL = "padgn"
ENDED = {"epochs": "all of the config", "patience": "validation no longer improved", "time": "a limit on time"}


def build_parser() -> StrictParser:
    """The options of `pdgn train`: one for each key of a config.

    Returns:
        The parser.
    """
    parser = StrictParser(
        "pdgn train",
        "Trains a model and the baselines of its config. An interrupted run is continued by the same command; "
        "one line per epoch goes to metrics.csv, checkpoints and logs to OUTPUT/NAME. Shown are the options of one "
        "model; of another: pdgn train --model.name NAME --help.",
        prepare=_add_model,
    )
    parser.add_class_arguments(RunConfig, skip={"model"})
    parser.add_argument("--model.name", type=str, default=DEFAULT_MODEL, help=f"which model: {', '.join(MODELS)}.")
    parser.add_argument("--overwrite", action="store_true", help="Remove an earlier run of that name first.")
    return parser


def run(args: Namespace) -> None:
    """Trains and says where the result is.

    Args:
        args: what `build_parser` parsed.
    """
    from pdgn.training import train  # Lightning takes seconds to load, which options and their mistakes do without

    folder = train(config_of(args), overwrite=args.overwrite)
    count, _, why = (folder / "finished").read_text().strip().partition(", ")
    best = folder / "best.ckpt"
    print(f"{best}: trained ({count}, {ENDED.get(why, why)}); next: pdgn evaluate --checkpoint {best}")


def config_of(args: Namespace) -> RunConfig:
    """The typed config that a command line describes.

    Args:
        args: what `build_parser` parsed.

    Returns:
        The config.

    Raises:
        ValueError: a value out of range.
    """
    values = {key: value for key, value in args.as_dict().items() if key not in {"config", "overwrite"}}
    return RunConfig.from_dict(values)


def _add_model(parser: StrictParser, chosen: Callable[[str], Any]) -> None:
    """Adds the options of the chosen model, typed by its constructor."""
    name = chosen("model.name") or DEFAULT_MODEL
    if name not in MODELS:
        raise ValueError(f"model.name: wanted one of {', '.join(MODELS)}, given {name!r}{nearest(str(name), MODELS)}")
    parser.add_class_arguments(MODELS[name], "model", skip={"channels"})
    for key in {key for model in MODELS.values() for key in options_of(model)}:
        owners = ", ".join(other for other, model in MODELS.items() if key in options_of(model))
        parser.hints[f"model.{key}"] = f"; {key} is an option of {owners}: leave it out for {name}"
