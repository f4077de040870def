"""Two sides of a comparison, timed in turn, and what came of it."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

LIBRARIES = ("numpy", "scipy", "cholespy", "potpourri3d", "pygeodesic", "h5py", "torch", "torch-geometric")


class Comparison(NamedTuple):
    """One line of the table.

    Attributes:
        name: what was done.
        seconds: side → the times of its runs [s].
        ratio: median of the first side's times over the median of the second's; the first time itself without second.
        limit: the ratio (or time in seconds) that must not be exceeded.
        skipped: why there are no times, empty where there are.
        facts: further measured values, for JSON.
    """

    name: str
    seconds: dict[str, list[float]]
    ratio: float
    limit: float
    skipped: str = ""
    facts: dict[str, Any] | None = None

    @property
    def holds(self) -> bool:
        """Whether the limit is kept; a skipped one breaks nothing."""
        return bool(self.skipped) or self.ratio <= self.limit

    def record(self) -> dict[str, Any]:
        """All of it for JSON, with the spread: the ratio of each pair of runs."""
        sides = list(self.seconds.values())
        pairs = [first / second for first, second in zip(*sides)] if len(sides) == 2 else []
        return {**self._asdict(), "holds": self.holds, "ratios": pairs}


def compare(
    name: str, limit: float, sides: Mapping[str, Callable[[], object]], repeats: int, *, warm: bool = True
) -> Comparison:
    """Times one or two sides in turn, so that what else the machine does falls on both.

    Args:
        name: what is done.
        limit: of the ratio of medians, first to second side; of the seconds where there is one side.
        sides: name → function to time; the first is ours.
        repeats: runs of each side.
        warm: run each side once before, untimed.

    Returns:
        The comparison.
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
    medians = [statistics.median(times) for times in seconds.values()]
    return Comparison(name, seconds, medians[0] / medians[1] if len(medians) == 2 else medians[0], limit)


def skipped(name: str, limit: float, why: str) -> Comparison:
    """The line of a comparison that could not be made."""
    return Comparison(name, {}, float("nan"), limit, why)


def machine() -> dict[str, Any]:
    """Facts without which times mean nothing: processor, cores, load before the run, versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
    except OSError:
        return platform.processor() or "unknown"


def table(comparisons: list[Comparison]) -> str:
    """The comparisons as lines of text: medians, ratio, the range of the ratios of pairs, limit."""
    lines = [f"{'':54}{'ours [s]':>10}{'bare [s]':>10}{'ratio':>8}{'pairs':>14}{'limit':>8}"]
    for one in comparisons:
        if one.skipped:
            lines.append(f"{one.name:54}skipped: {one.skipped}")
            continue
        medians = [f"{statistics.median(times):10.3f}" for times in one.seconds.values()]
        pairs = one.record()["ratios"]
        spread = f"{min(pairs):.2f} – {max(pairs):.2f}" if pairs else ""
        ratio, limit = (f"{one.ratio:8.2f}", f"{one.limit:8.2f}") if pairs else ("", f"{one.limit:6.0f} s")
        lines.append(
            f"{one.name:54}{medians[0]}{medians[1] if len(medians) == 2 else '':>10}{ratio:>8}{spread:>14}{limit:>8}"
            f"{'' if one.holds else '  NOT KEPT'}"
        )
    return "\n".join(lines)
