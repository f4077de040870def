"""Measured tables in a document of Markdown, between <!-- measured:NAME --> and <!-- /measured -->."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.marked import fill
from benchmarks.results import comparisons
from benchmarks.table import markdown


def write_report(document: Path, results: dict[str, Any]) -> list[str]:
    """Replaces what stands between the markers of each name by the table of its results.

    Args:
        document: changed if all its markers are right, else left alone.
        results: as `benchmarks.results.read`.

    Returns:
        The names that were written.

    Raises:
        MarkerError: no such file, no marker, one that is not closed, or a name that was not measured.
    """
    groups = results["groups"]
    wanted = f"a name that was measured ({', '.join(groups) or 'nothing'})"
    return fill(document, "measured", groups, wanted, lambda name: section(results, name))


def section(results: dict[str, Any], name: str) -> str:
    """The table of a group, and where and when it was measured."""
    facts, group = results["machine"], results["groups"][name]
    graphics = f", {facts['gpu']}" if facts.get("gpu") else ""
    torch = facts["libraries"]["torch"]
    where = f"{facts['processor']}, {facts['cores']} cores{graphics}, torch {torch}, {group['date'][:10]}"
    return f"{markdown(comparisons(results, name))}\n\n{where}, load before {group['load']:.1f}"
