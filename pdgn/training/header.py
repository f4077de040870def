"""What marks a checkpoint file as one of this package."""

from __future__ import annotations

from typing import Any

from pdgn.training.config import RunConfig
from pdgn.training.description import ForecastDescription
from pdgn.version import __version__

KIND = "pdgn-forecaster"
SCHEMA_VERSION = "1.0"


def checkpoint_header(description: ForecastDescription, config: RunConfig) -> dict[str, Any]:
    """What marks a checkpoint file as one of this package.

    Args:
        description: the model and the data it expects.
        config: the resolved config of its run.

    Returns:
        Plain values: kind, schema_version, pdgn_version, description, config.
    """
    return {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "pdgn_version": __version__,
        "description": description.to_dict(),
        "config": config.to_dict(),
    }
