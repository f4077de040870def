"""Measured tables in a document of Markdown, between <!-- measured:NAME --> and <!-- /measured -->."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from benchmarks.results import comparisons
from benchmarks.table import markdown

MARKER = re.compile(r"<!-- (measured:(?P<name>[\w-]+)|/measured) -->")


class ReportError(ValueError):
    """A document without markers, or with wrong ones; one line."""


def write_report(document: Path, results: dict[str, Any]) -> list[str]:
    """Replaces what stands between the markers of each name by the table of its results.

    Args:
        document: changed if all its markers are right, else left alone.
        results: as `benchmarks.results.read`.

    Returns:
        The names that were written.

    Raises:
        ReportError: no such file, no marker, one that is not closed, or a name that was not measured.
    """
    try:
        text = document.read_text()
    except OSError as error:
        raise ReportError(f"{document}: wanted a document of Markdown, given no file ({error.strerror})") from None
    parts, names, end, opened = [], [], 0, None
    for found in MARKER.finditer(text):
        name, line = found["name"], text.count("\n", 0, found.start()) + 1
        if (name is None) == (opened is None):
            wanted = f"<!-- /measured --> after measured:{opened}" if opened else "<!-- measured:NAME --> before it"
            raise ReportError(f"{document}:{line}: wanted {wanted}, given {found.group()}")
        if name is not None:
            if name not in results["groups"]:
                known = ", ".join(results["groups"]) or "nothing"
                raise ReportError(f"{document}:{line}: wanted a name that was measured ({known}), given {name!r}")
            parts.append(text[end : found.end()])
            names.append(name)
            opened = name
        else:
            parts.append(f"\n{section(results, str(opened))}\n")
            end, opened = found.start(), None
    if opened is not None:
        raise ReportError(f"{document}: wanted <!-- /measured --> after measured:{opened}, given the end")
    if not names:
        raise ReportError(f"{document}: wanted <!-- measured:NAME --> … <!-- /measured -->, given none")
    document.write_text("".join(parts) + text[end:])
    return names


def section(results: dict[str, Any], name: str) -> str:
    """The table of a group, and where and when it was measured."""
    facts, group = results["machine"], results["groups"][name]
    graphics = f", {facts['gpu']}" if facts.get("gpu") else ""
    torch = facts["libraries"]["torch"]
    where = f"{facts['processor']}, {facts['cores']} cores{graphics}, torch {torch}, {group['date'][:10]}"
    return f"{markdown(comparisons(results, name))}\n\n{where}, load before {group['load']:.1f}"
