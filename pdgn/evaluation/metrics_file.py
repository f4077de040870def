"""metrics.json: valid JSON in which a NaN stays visible.

JSON has no NaN and no infinity. They are written as the strings "NaN", "Infinity" and "-Infinity"; ``null`` means that
nothing was measured (no reading, no integral, nothing diverged). The key "encoding" of the file says so too.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from pdgn.data.disk import write_bytes

SCHEMA = "pdgn-metrics"
SCHEMA_VERSION = "1.0"
ENCODING = '"NaN", "Infinity" and "-Infinity" are numbers that are not finite; null: nothing was measured'


def write_metrics(path: Path, metrics: dict[str, Any]) -> None:
    """Writes metrics.json, whole or not at all.

    Args:
        path: the file; replaced in one step where it exists.
        metrics: plain values; the schema, its version and the encoding are added in front.

    Raises:
        OSError: the folder cannot be written.
    """
    content = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "encoding": ENCODING, **metrics}
    write_bytes(path, (json.dumps(_encoded(content), indent=1, allow_nan=False) + "\n").encode())


def read_metrics_file(path: str | Path) -> dict[str, Any]:
    """Reads metrics.json back, NaN and infinities as floats.

    Raises:
        ValueError: no JSON, or of another schema or version.
    """
    try:
        content = json.loads(Path(path).read_text())
    except ValueError:
        raise ValueError(f"{path}: wanted metrics.json, given a file that is no JSON") from None
    given = (content.get("schema"), content.get("schema_version")) if isinstance(content, dict) else (None, None)
    if given != (SCHEMA, SCHEMA_VERSION):
        raise ValueError(f"{path}: wanted {SCHEMA} {SCHEMA_VERSION}, given {given[0]} {given[1]}")
    numbers = ("models", "groups", "spectra")
    return {key: _decoded(value) if key in numbers else value for key, value in content.items()}


def _encoded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _encoded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _decoded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_decoded(entry) for entry in value]
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else value
