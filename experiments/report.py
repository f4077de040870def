"""docs/results.md, from the metrics of the rows that are there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.marked import fill
from experiments.results import read_result, results_file
from experiments.rows import Row, all_rows
from experiments.scores import Spread
from experiments.tables import Column, Section, best, sections
from pdgn.data.disk import write_bytes

HEAD = """# Results

Written by `python -m experiments --report` from `experiments/results/*/*/metrics.json`; do not edit. `make reproduce`
runs every row that is not there, the core matrix first. Mean ± sample standard deviation over seeds; the best mean in
bold, and those that are at most its deviation above it.
Every model of a table has the same data and the same cap on its budget; the sizes of its epochs, its validation windows
and its learning rate are its own. Training ends when the validation error has not improved for the patience of the
config, or with the first epoch past the cap on processor time (one thread); a row that met the cap is marked
*budget-limited* (its error might still have fallen). The checkpoint with the best validation is tested, once. `ours` is
`operator_network` on surfaces and `sensor_ensemble` on sensors; options of all models: `experiments/models.yaml`.
"""


def write_report(path: Path, results: Path) -> None:
    """Writes the report, whole or not at all.

    Args:
        path: of the report. results: folder of the committed metrics.
    """
    write_bytes(path, report(results).encode())


def report(results: Path, rows: Sequence[Row] | None = None) -> str:
    """The report as Markdown.

    Args:
        results: folder of the committed metrics.
        rows: of the matrix; none: all.
    """
    rows = all_rows() if rows is None else list(rows)
    there = _results(rows, results)
    core = [row for row in rows if row.core]
    count = f"{sum(row in there for row in core)} of the {len(core)} rows of the core matrix and "
    count += f"{sum(not row.core for row in there)} of {len(rows) - len(core)} further ones are there."
    parts = [HEAD, count]
    for section in sections():
        own = _rows_of(section, rows)
        if any(row in there for row in own if row.experiment == section.experiment):
            parts.append(_section(section, own, there))
    absent = [section.title for section in sections() if not any(row.experiment == section.experiment for row in there)]
    if absent:
        parts.append("## Not run yet\n\n" + "; ".join(absent) + ".")
    return "\n\n".join(part.strip() for part in parts) + "\n"


def write_tables(document: Path, results: Path) -> None:
    """Renews what stands between <!-- results:EXPERIMENT --> and <!-- /results --> in a document: the tables of the
    report without their commands.

    Args:
        document: changed whole or not at all. results: folder of the committed metrics.

    Raises:
        MarkerError: a marker names no experiment, or is not closed.
    """
    rows, known = all_rows(), {section.experiment: section for section in sections()}
    there = _results(rows, results)

    def content(name: str) -> str:
        own = _rows_of(known[name], rows)
        return f"{_table(known[name], own, there)}{_missing(own, there)}"

    fill(document, "results", known, f"one of {', '.join(known)}", content)


def _results(rows: Sequence[Row], folder: Path) -> dict[Row, dict[str, Any]]:
    return {row: read_result(path) for row in rows if (path := results_file(row, folder)).is_file()}


def _rows_of(section: Section, rows: Sequence[Row]) -> list[Row]:
    also = [row for row in rows if (row.experiment, row.model) == section.also]
    return also + [row for row in rows if row.experiment == section.experiment]


def _section(section: Section, rows: Sequence[Row], there: dict[Row, dict[str, Any]]) -> str:
    note = _missing(rows, there)
    later = [row for row in rows if not row.core and row not in there]
    note += f"\n\n{len(later)} extra rows are not run." if later else ""
    return f"## {section.title}\n\n{section.text}\n\n{_table(section, rows, there)}{note}\n\n{_commands(rows, there)}"


def _missing(rows: Sequence[Row], there: dict[Row, dict[str, Any]]) -> str:
    names = [row.name.partition("/")[2] for row in rows if row.core and row not in there]
    return f"\n\nMissing: {', '.join(names)}." if names else ""


def _table(section: Section, rows: Sequence[Row], there: dict[Row, dict[str, Any]]) -> str:
    known = {
        model: [there[row] for row in rows if row.model == model and row in there]
        for model in dict.fromkeys(row.model for row in rows)
    }  # fmt: skip
    shown = {model: results for model, results in known.items() if results}
    winners = {column: _winners(column, shown) for column in section.columns}
    columns = [
        column
        for column in section.columns
        if any(not math.isnan(column.value(result)) for results in shown.values() for result in results)
    ]
    titles = ["model", *(column.title for column in columns), "seeds", "parameters", "training [min]"]
    lines = ["| " + " | ".join(titles) + " |", "|---" + "|---:" * (len(titles) - 1) + "|"]
    for model, results in shown.items():
        cells = [_cell(column, results, bold=model in winners[column]) for column in columns]
        core = "" if any(row.model == model and row.core for row in rows) else " (extra)"
        limited = sum(_limited(result) for result in results)
        share = "" if limited == len(results) else f" ({limited} of {len(results)})"
        mark = f", *budget-limited*{share}" if limited else ""
        name = f"**{model}**" if model == "ours" else model
        lines.append("| " + " | ".join([f"{name}{core}{mark}", *cells, *_facts(results)]) + " |")
    return "\n".join(lines)


def _spread(column: Column, results: Sequence[dict[str, Any]]) -> Spread:
    return Spread.of([column.value(result) for result in results])


def _winners(column: Column, shown: dict[str, list[dict[str, Any]]]) -> set[str]:
    return best({model: _spread(column, results) for model, results in shown.items()}) if column.ranked else set()


def _cell(column: Column, results: Sequence[dict[str, Any]], bold: bool) -> str:
    if column.percent:
        mean = _spread(column, results).mean
        return "—" if math.isnan(mean) else f"{100 * mean:.0f} %" if mean in (0, 1) else f"{100 * mean:.1f} %"
    if not column.ranked:  # the earliest of all seeds
        known = [value for value in map(column.value, results) if not math.isnan(value)]
        return f"{min(known):.3g}" if known else "—"
    text = _spread(column, results).text()
    return f"**{text}**" if bold else text


def _limited(result: dict[str, Any]) -> bool:
    return bool(result.get("training", result).get("budget_limited", False))


def _facts(results: Sequence[dict[str, Any]]) -> list[str]:
    """Seeds, parameters, minutes of training."""
    parameters = {result["parameters"] for result in results}
    sizes = f"{min(parameters):,}" if len(parameters) == 1 else f"{min(parameters):,} – {max(parameters):,}"
    seconds = [result["training"]["core_seconds"] if "training" in result else result["seconds"] for result in results]
    return [str(len(results)), sizes, f"{sum(seconds) / len(seconds) / 60:.1f}"]


def _commands(rows: Sequence[Row], there: dict[Row, dict[str, Any]]) -> str:
    """What was typed for each row that is there."""
    lines = []
    for row in rows:
        if row in there:
            result = there[row]
            lines += [f"# {row.name}, {_budget(result)}", *result.get("commands", [result.get("command", "")])]
    return "<details><summary>commands</summary>\n\n```\n" + "\n".join(lines) + "\n```\n\n</details>"


def _budget(result: dict[str, Any]) -> str:
    if "training" not in result:
        return f"{result['seconds'] / 60:.1f} min, {result.get('device', 'one thread')}"
    training = result["training"]
    ended = {
        "patience": "ended by patience", "time": "met the cap", "epochs": "all epochs", "untrained": "nothing to train",
    }.get(training["ended"], training["ended"])  # fmt: skip
    cap = f" of at most {training['core_minutes']:g}" if training["core_minutes"] else ""
    minutes = f"{training['core_seconds'] / 60:.1f}{cap} min"
    return f"{minutes}, {training['epochs']} epochs, best {training['best_epoch']}, {ended}, {result['device']}"
