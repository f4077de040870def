"""Two sides of a comparison, timed in turn, and what came of it."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Comparison(NamedTuple):
    """One line of the table.

    Attributes:
        name: what was done.
        values: side → what its runs took, times [s] or peaks of memory [byte].
        ratio: median of the first side over the median of the second; the first median itself without second.
        limit: the ratio (or the time in seconds) that must not be exceeded; None where there is none.
        skipped: why there are no values, empty where there are.
        unit: of the values, "s" or "byte".
        facts: further measured values, for JSON.
    """

    name: str
    values: dict[str, list[float]]
    ratio: float
    limit: float | None
    skipped: str = ""
    unit: str = "s"
    facts: dict[str, Any] | None = None

    @property
    def holds(self) -> bool:
        """Whether the limit is kept; a skipped one breaks nothing."""
        return bool(self.skipped) or self.limit is None or self.ratio <= self.limit

    @property
    def medians(self) -> list[float]:
        """Of each side."""
        return [statistics.median(runs) for runs in self.values.values()]

    @property
    def pairs(self) -> list[float]:
        """The ratio of each pair of runs; none where there is one side."""
        sides = list(self.values.values())
        return [first / second for first, second in zip(*sides)] if len(sides) == 2 else []

    def record(self) -> dict[str, Any]:
        """All of it for JSON."""
        ratio = None if self.skipped else self.ratio
        return {**self._asdict(), "ratio": ratio, "holds": self.holds, "ratios": self.pairs}


def alternate(sides: Mapping[str, Callable[[], object]], repeats: int, *, warm: bool = True) -> dict[str, list[float]]:
    """Seconds of each side, in turn, so that what else the machine does falls on all.

    Args:
        sides: name → function to time.
        repeats: runs of each side.
        warm: run each side once before, untimed.
    """
    if warm:
        for function in sides.values():
            function()
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(repeats):
        for side, function in sides.items():
            start = time.perf_counter()
            function()
            seconds[side].append(time.perf_counter() - start)
    return seconds


def comparison(name: str, limit: float | None, values: dict[str, list[float]], **more: Any) -> Comparison:
    """The comparison of one or two sides from their values; the first is ours."""
    medians = [statistics.median(runs) for runs in values.values()]
    return Comparison(name, values, medians[0] / medians[1] if len(medians) == 2 else medians[0], limit, **more)


def compare(
    name: str, limit: float, sides: Mapping[str, Callable[[], object]], repeats: int, *, warm: bool = True
) -> Comparison:
    """Times one or two sides in turn.

    Args:
        name: what is done.
        limit: of the ratio of medians, first to second side; of the seconds where there is one side.
        sides, repeats, warm: as :func:`alternate`; the first side is ours.
    """
    announce(name)
    return comparison(name, limit, alternate(sides, repeats, warm=warm))


def skipped(name: str, limit: float | None, why: str) -> Comparison:
    """The line of a comparison that could not be made."""
    return Comparison(name, {}, float("nan"), limit, why)


def announce(what: str) -> None:
    """Says on stderr what runs now."""
    print(f"… {what}", file=sys.stderr, flush=True)
