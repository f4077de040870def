"""What changed from one file of results to another."""

from __future__ import annotations

from typing import Any

from benchmarks.measure import Comparison
from benchmarks.results import comparisons
from benchmarks.table import WIDTH, amount

MACHINE = ("processor", "cores", "gpu", "libraries")  # what times depend on


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """One line for each comparison of the new results that the old ones have too, and for what either lacks.

    Args:
        old, new: as `benchmarks.results.read`. Groups that the new results lack were not measured and say nothing.

    Returns:
        A warning first where the machines differ.
    """
    lines = _warnings(old["machine"], new["machine"])
    for group in new["groups"]:
        now = {one.name: one for one in comparisons(new, group)}
        before = {one.name: one for one in comparisons(old, group)} if group in old["groups"] else {}
        lines += [_line(one, before.get(name)) for name, one in now.items()]
        lines += [f"{name:{WIDTH}}no longer there" for name in before if name not in now]
    return lines


def _warnings(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    differing = [name for name in MACHINE if old.get(name) != new.get(name)]
    if not differing:
        return []
    what = "; ".join(f"{name} {_short(old, new, name)} → {_short(new, old, name)}" for name in differing)
    return [f"warning: another machine, so that times say little and ratios more: {what}"]


def _short(of: dict[str, Any], other: dict[str, Any], name: str) -> str:
    value = of.get(name)
    if isinstance(value, dict):
        value = {key: item for key, item in value.items() if item != (other.get(name) or {}).get(key)}
    return str(value)


def _line(new: Comparison, old: Comparison | None) -> str:
    if old is None:
        return f"{new.name:{WIDTH}}new"
    if new.skipped or old.skipped:
        return f"{new.name:{WIDTH}}{'skipped now' if new.skipped else 'skipped before'}"
    ours = f"{amount(old.medians[0], old.unit)} → {amount(new.medians[0], new.unit)}"
    text = f"{new.name:{WIDTH}}{ours:>22} {_percent(old.medians[0], new.medians[0]):>8}"
    if len(new.medians) == 2 == len(old.medians):
        ratio = f"ratio {old.ratio:.2f} → {new.ratio:.2f}"
        text += f"{ratio:>22} {_percent(old.ratio, new.ratio):>8}"
    return text


def _percent(old: float, new: float) -> str:
    return f"({100 * (new / old - 1):+.0f} %)".replace("-", "−") if old > 0 else ""
