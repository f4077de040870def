"""The table of comparisons, as text and as Markdown."""

from __future__ import annotations

from benchmarks.measure import Comparison

WIDTH = 56  # of the names
HEADER = ("", "ours", "other", "ratio", "pairs", "limit", "of rate")
COLUMNS = (10, 10, 8, 14, 8, 14)


def cells(one: Comparison) -> tuple[str, ...]:
    """Medians of both sides, their ratio, the range of the ratios of pairs, the limit, and the fraction that ours
    reaches of the machine's rate of matrix products and of its bandwidth ("bw")."""
    if len(one.values) == 1:
        limit = "" if one.limit is None else amount(one.limit, one.unit)
        return amount(one.medians[0], one.unit), "", "", "", limit, _fraction(one)
    spread = f"{min(one.pairs):.2f} – {max(one.pairs):.2f}" if len(one.pairs) > 1 else ""
    limit = "" if one.limit is None else f"{one.limit:.3g}"
    medians = (amount(median, one.unit) for median in one.medians)
    return *medians, f"{one.ratio:.2f}", spread, limit, _fraction(one)


def amount(value: float, unit: str) -> str:
    """A time or a number of bytes in a unit that suits its size."""
    names = {"byte": ("GB", "MB", "kB", "B"), "s": ("s", "ms", "µs", "ns")}[unit]
    largest = 1e9 if unit == "byte" else 1.0
    place = next((place for place in range(3) if value >= largest / 1000**place), 3)
    scaled = value / largest * 1000**place
    return f"{scaled:.0f} {names[place]}" if scaled >= 1000 else f"{scaled:.3g} {names[place]}"


def _fraction(one: Comparison) -> str:
    facts = one.facts or {}
    parts = [f"{100 * facts['fraction_of_rate']:.0f} %"] if "fraction_of_rate" in facts else []
    parts += [f"{100 * facts['fraction_of_bandwidth']:.0f} % bw"] if "fraction_of_bandwidth" in facts else []
    return ", ".join(parts)


def header() -> str:
    """The line above the lines of text."""
    return f"{HEADER[0]:{WIDTH}}" + "".join(f"{title:>{width}}" for title, width in zip(HEADER[1:], COLUMNS))


def line(one: Comparison) -> str:
    """A comparison as a line of text."""
    if one.skipped:
        return f"{one.name:{WIDTH}}skipped: {one.skipped}"
    text = "".join(f"{cell:>{width}}" for cell, width in zip(cells(one), COLUMNS))
    return f"{one.name:{WIDTH}}{text}".rstrip() + ("" if one.holds else "  NOT KEPT")


def markdown(comparisons: list[Comparison]) -> str:
    """Comparisons as a table of Markdown; what was skipped is left out."""
    rows = [HEADER, ("---",) + ("---:",) * len(COLUMNS)]
    for one in comparisons:
        if not one.skipped:
            own = list(cells(one))
            own[4] += "" if one.holds else " (not kept)"
            rows.append((one.name, *own))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
