"""The table of errors: printed by the command, shown in the report, copied into documents; one table, three forms."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pdgn.evaluation.labels import count_label, group_label, model_label, plain_unit

COLUMNS = {
    "mae": "MAE",
    "rmse": "RMSE",
    "capped_relative_l2": "rel. L2",
    "end_relative_l2": "end rel. L2",
    "diverged": "diverged",
}


@dataclass(frozen=True)
class Table:
    """Rows of models, columns of metrics in groups.

    Args:
        caption: what it shows.
        groups: heading of each group of columns.
        columns: headings within a group, the same in each.
        names: name of each row.
        cells: text of each row, groups times columns.
        best: (row, column) of the smallest error in each column.
    """

    caption: str
    groups: tuple[str, ...]
    columns: tuple[str, ...]
    names: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    best: frozenset[tuple[int, int]]

    def text(self) -> str:
        """For a terminal; the best of each column has an asterisk."""
        heads = [head + " " for head in self.columns * len(self.groups)]
        rows = [[cell + " *"[(r, c) in self.best] for c, cell in enumerate(row)] for r, row in enumerate(self.cells)]
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
        span = len(self.columns)
        for group, first in zip(self.groups, range(0, len(heads), span), strict=True):
            widths[first] += max(0, len(group) - _block(widths[first : first + span]))
        blocks = [_block(widths[first : first + span]) for first in range(0, len(heads), span)]
        margin = max(map(len, self.names))

        def line(name: str, entries: Sequence[str]) -> str:
            padded = [entry.rjust(width) for entry, width in zip(entries, widths, strict=True)]
            parts = ["  ".join(padded[first : first + span]) for first in range(0, len(heads), span)]
            return "   ".join([name.ljust(margin), *parts]).rstrip()

        headings = [group.center(block) for group, block in zip(self.groups, blocks, strict=True)]
        top = "   ".join([" " * margin, *headings])
        body = [line(name, row) for name, row in zip(self.names, rows, strict=True)]
        rule = "─" * (margin + sum(block + 3 for block in blocks))
        caption = f"{self.caption} (* best)" if self.best else self.caption
        return "\n".join([caption, top.rstrip(), line("", heads), rule, *body])

    def markdown(self) -> str:
        """For a document; the best of each column is bold."""
        heads = [f"{group}: {column}" for group in self.groups for column in self.columns]
        lines = ["| | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
        for row, (name, line) in enumerate(zip(self.names, self.cells, strict=True)):
            cells = [f"**{cell}**" if (row, column) in self.best else cell for column, cell in enumerate(line)]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        return f"{self.caption}\n\n" + "\n".join(lines)

    def html(self) -> str:
        """For the report, with headings that screen readers can follow."""
        lines = [f"<table><caption>{html.escape(self.caption)}</caption><thead>", "<tr><td></td>"]
        span = len(self.columns)
        lines += [f'<th scope="colgroup" colspan="{span}">{html.escape(group)}</th>' for group in self.groups]
        lines += ['</tr><tr><th scope="col">Model</th>']
        heads = list(self.columns) * len(self.groups)
        lines += [f'<th scope="col"{_edge(c, span)}>{html.escape(head)}</th>' for c, head in enumerate(heads)]
        lines += ["</tr></thead><tbody>"]
        for row, (name, cells) in enumerate(zip(self.names, self.cells, strict=True)):
            lines.append(f'<tr><th scope="row">{html.escape(name)}</th>')
            for column, cell in enumerate(cells):
                shown = f"<strong>{html.escape(cell)}</strong>" if (row, column) in self.best else html.escape(cell)
                lines.append(f"<td{_edge(column, span)}>{shown}</td>")
            lines.append("</tr>")
        return "".join([*lines, "</tbody></table>"])


def error_table(
    models: Mapping[str, Mapping],
    groups: Sequence[str],
    channel: str,
    unit: str,
    columns: Sequence[str] = tuple(COLUMNS),
) -> Table:
    """The errors of each model in each group, for one channel.

    Args:
        models: {model: {group: scores}}. groups: which of them. channel: which channel. unit: its unit.
        columns: which metrics, of COLUMNS.
    """
    keys = [(group, key) for group in groups for key in columns]
    values = [[_value(scores[group]["total"], key, channel) for group, key in keys] for scores in models.values()]
    first = next(iter(models.values()))
    named = [COLUMNS[key] for key in columns if key in ("mae", "rmse")]
    measured = f"{' and '.join(named)} {'in' if plain_unit(unit) else 'are'}"
    return Table(
        caption=f"Errors of {channel} over the whole roll-out; {measured} {plain_unit(unit) or 'dimensionless'}",
        groups=tuple(f"{group_label(group)} ({count_label(first[group])})" for group in groups),
        columns=tuple(COLUMNS[key] for key in columns),
        names=tuple(model_label(name) for name in models),
        cells=tuple(tuple(_cell(value, key) for value, (_, key) in zip(line, keys, strict=True)) for line in values),
        best=_best(values, [key for _, key in keys]),
    )


def group_scores(metrics: Mapping) -> dict[str, Mapping]:
    """{model: {group: scores}} out of what metrics.json holds."""
    return {name: model["groups"] for name, model in metrics["models"].items()}


def shown_groups(groups: Mapping[str, object]) -> list[str]:
    """The groups that tables and figures show: seen and unseen surfaces, or all where there is only one kind."""
    both = [group for group in ("seen", "unseen") if group in groups]
    return both if len(both) == 2 else ["all"]


def _value(total: Mapping, key: str, channel: str) -> float | None:
    return total[key] if key == "diverged" else total[key][channel]


def _cell(value: float | None, key: str) -> str:
    if value is None:
        return "–"
    if key == "diverged":
        return f"{100 * value:.0f} %"
    return "NaN" if math.isnan(value) else f"{value:.3g}"


def _best(values: Sequence[Sequence[float | None]], keys: Sequence[str]) -> frozenset[tuple[int, int]]:
    """The smallest finite error of each column and its equals; none where all rows agree."""
    found: set[tuple[int, int]] = set()
    for column, key in enumerate(keys):
        finite = [line[column] for line in values if line[column] is not None and math.isfinite(line[column] or 0.0)]
        if key == "diverged" or not finite:
            continue
        smallest = _cell(min(value for value in finite if value is not None), key)
        rows = [row for row, line in enumerate(values) if _cell(line[column], key) == smallest]
        if len(rows) < len(values):
            found |= {(row, column) for row in rows}
    return frozenset(found)


def _block(widths: Sequence[int]) -> int:
    """Width of a group of columns."""
    return sum(widths) + 2 * (len(widths) - 1)


def _edge(column: int, span: int) -> str:
    return ' class="first"' if column % span == 0 else ""
