"""The checkpoint file: what marks it, and how it becomes a forecaster again."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import torch

from pdgn.data import Normalizer
from pdgn.models import MODELS, build_model
from pdgn.training.config import RunConfig
from pdgn.training.description import ForecastDescription
from pdgn.training.forecaster import Forecaster
from pdgn.training.header import KIND, SCHEMA_VERSION

# What torch is known to raise on bytes that are no checkpoint.
_READ_ERRORS = (
    pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, IndexError, AttributeError, OSError,
)  # fmt: skip


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Reads a checkpoint file and checks that it is one of this package and of this schema.

    Args:
        path: best.ckpt or last.ckpt of a run.

    Returns:
        Its content, tensors on the CPU.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no checkpoint, is truncated, or is of another program or schema version.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: wanted a checkpoint file, given {'a folder' if path.is_dir() else 'no file'}")
    try:
        with warnings.catch_warnings():  # about pickles of other programs, which are refused anyway
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except _READ_ERRORS as error:
        reason = str(error).split("\n")[0].split(". ")[0]
        raise ValueError(
            f"{path}: wanted a {KIND} checkpoint, given a file that cannot be read as one, "
            f"damaged or of another program ({reason})"
        ) from None
    header = content.get("pdgn") if isinstance(content, dict) else None
    if not isinstance(header, dict) or header.get("kind") != KIND:
        raise ValueError(f"{path}: wanted a {KIND} checkpoint, given {_kind_of(content)}")
    if header.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(
            f"{path}: wanted a checkpoint of schema version {SCHEMA_VERSION}, given version "
            f"{header.get('schema_version')}, written by pdgn {header.get('pdgn_version')}"
        )
    return content


def load_forecaster(path: str | Path) -> Forecaster:
    """Rebuilds the model, its normalisation and its description from a checkpoint.

    Args:
        path: best.ckpt or last.ckpt of a run.

    Returns:
        The forecaster, on the CPU, in evaluation mode.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no checkpoint of this package, or its weights do not fit the model that it names.
    """
    content = read_checkpoint(path)
    try:
        description = ForecastDescription.from_dict(content["pdgn"]["description"])
        config, weights = RunConfig.from_dict(content["pdgn"]["config"]), content["state_dict"]
        options = dict(description.model)
        name = options.pop("name")
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: wanted a whole {KIND} checkpoint, given one with parts missing ({error})") from None
    if name not in MODELS:
        raise ValueError(f"{path}: wanted a model of {', '.join(MODELS)}, given a checkpoint of '{name}'")
    model = build_model(name, description.channels, **options)
    forecaster = Forecaster(model, Normalizer.empty(description.channels), description, config)
    try:
        forecaster.load_state_dict(weights)
    except RuntimeError as error:
        first = " ".join(str(error).split("\n")[1:2]).strip()
        raise ValueError(f"{path}: wanted the weights of '{name}' with its options, given others ({first})") from None
    return forecaster.eval()


def _kind_of(content: Any) -> str:
    """What a file that torch could read seems to be."""
    if not isinstance(content, dict):
        return f"a {type(content).__name__}"
    if "pytorch-lightning_version" in content:
        return "a Lightning checkpoint of another program"
    if content and all(isinstance(value, torch.Tensor) for value in content.values()):
        return f"the weights alone of some model ({next(iter(content))}, ...)"
    return f"a dictionary with {', '.join(map(str, list(content)[:4])) or 'no keys'}"
