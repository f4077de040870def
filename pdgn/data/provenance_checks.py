"""What a file says about itself: whether its root attributes are of the form that the schema promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import h5py
import numpy as np
import yaml

from pdgn.data.access import read_attributes
from pdgn.data.structure import Violation
from pdgn.data.writer import config_hash


def provenance_violations(file: h5py.File) -> Iterator[Violation]:
    """What is wrong with the root attributes: names, the config and its hash, the seed, the date.

    Raises:
        DamagedFileError: the attributes do not match their hash.
    """
    attributes = read_attributes(file)
    for name in ("pdgn_version", "name"):
        if name in attributes and not _text(attributes[name]):
            yield Violation("/", f"wanted the attribute {name!r} to be text, got {attributes[name]!r}")
    for name in ("description", "license"):
        if name in attributes and not isinstance(attributes[name], str):
            yield Violation("/", f"wanted the attribute {name!r} to be text, got {attributes[name]!r}")
    seed = attributes.get("seed", 0)
    if not isinstance(seed, int | np.integer) or seed < 0:
        yield Violation("/", f"wanted the attribute 'seed' to be an integer of at least 0, got {seed!r}")
    if "created" in attributes and not is_utc_date(attributes["created"]):
        yield Violation(
            "/", f"wanted the attribute 'created' to be a date in UTC (ISO 8601), got {attributes['created']!r}"
        )
    yield from _config_violations(attributes)


def is_utc_date(value: Any) -> bool:
    """Whether a value is text such as "2026-01-31T12:00:00+00:00"."""
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).utcoffset() == timedelta(0)
    except ValueError:
        return False


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _config_violations(attributes: Mapping[str, Any]) -> Iterator[Violation]:
    if not {"config", "config_hash"} <= set(attributes):
        return
    config, stored = attributes["config"], attributes["config_hash"]
    try:
        content = yaml.safe_load(config) if isinstance(config, str) else None
        computed = config_hash(config) if isinstance(content, dict) else None
    except (yaml.YAMLError, ValueError) as error:
        yield Violation("/", f"wanted the attribute 'config' to be YAML, but {' '.join(str(error).split())}")
        return
    if computed is None:
        yield Violation("/", f"wanted the attribute 'config' to be YAML keys and values, got {str(config)[:60]!r}")
    elif stored != computed:
        yield Violation("/", f"wanted the attribute 'config_hash' to be that of the config, {computed}, got {stored}")
