"""The file of results: one group of comparisons for each name that was measured, and the machine."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import Comparison

FORMAT = "pdgn benchmarks 2"


class ResultsError(ValueError):
    """A file that is missing, damaged or not of this kind; one line."""


def read(path: Path) -> dict[str, Any]:
    """A file of results: format, machine, groups {name: {date, load, comparisons}}.

    Raises:
        ResultsError: the file is missing, damaged or of another kind.
    """
    wanted = f"{path}: wanted the results of python -m benchmarks ({FORMAT!r})"
    try:
        found = json.loads(path.read_text())
    except OSError as error:
        raise ResultsError(f"{wanted}, given no readable file ({error.strerror})") from None
    except ValueError as error:
        raise ResultsError(f"{wanted}, given no JSON ({error})") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        given = found.get("format") if isinstance(found, dict) else type(found).__name__
        raise ResultsError(f"{wanted}, given format {given!r}")
    try:
        groups = {name: comparisons(found, name) for name in found["groups"]}
        found["machine"]["processor"], found["machine"]["cores"]
    except (KeyError, TypeError, AttributeError) as error:
        raise ResultsError(f"{wanted}, given a damaged file ({type(error).__name__}: {error})") from None
    assert all(isinstance(one, Comparison) for group in groups.values() for one in group)
    return found


def comparisons(results: dict[str, Any], group: str) -> list[Comparison]:
    """The comparisons of a group."""
    fields = Comparison._fields
    records = [{name: record[name] for name in fields} for record in results["groups"][group]["comparisons"]]
    return [
        Comparison(**{**record, "ratio": math.nan if record["ratio"] is None else record["ratio"]})
        for record in records
    ]


def group(found: list[Comparison], load: float) -> dict[str, Any]:
    """The record of a group that was measured now, at this load of the machine before it."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"date": now, "load": load, "comparisons": [one.record() for one in found]}


def write(path: Path, machine: dict[str, Any], groups: dict[str, Any]) -> bool:
    """Writes groups; other groups of a file of the same machine stay.

    Args:
        path: file, made new or changed. machine: as `benchmarks.machine.machine`. groups: name → :func:`group`.

    Returns:
        Whether groups of before were kept.
    """
    before: dict[str, Any] = {}
    try:
        old = read(path)
        before = old["groups"] if old["machine"] == machine else {}
    except ResultsError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"format": FORMAT, "machine": machine, "groups": {**before, **groups}}
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
    return any(name not in groups for name in before)
