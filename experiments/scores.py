"""Numbers of the tables, read from the metrics of rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

NAN = float("nan")


class Spread(NamedTuple):
    """Mean and sample standard deviation over seeds; NaN where a row has no such number.

    Args:
        mean: over the seeds.
        deviation: with n − 1; NaN for one seed.
    """

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of the values of the seeds."""
        if not values:
            return cls(NAN, NAN)
        mean = math.fsum(values) / len(values)
        if len(values) == 1:
            return cls(mean, NAN)
        return cls(mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)))

    def text(self) -> str:
        """For example "0.0273 ± 0.0012": three digits of the mean, the deviation to the same place."""
        if math.isnan(self.mean):
            return "—"
        if math.isinf(self.mean):
            return "∞"
        places = 2 - math.floor(math.log10(abs(self.mean))) if self.mean else 2
        scientific = not -3 <= 2 - places <= 4
        if scientific:
            return f"{self.mean:.2e}" + ("" if math.isnan(self.deviation) else f" ± {self.deviation:.0e}")
        places = max(places, 0)
        return f"{self.mean:.{places}f}" + ("" if math.isnan(self.deviation) else f" ± {self.deviation:.{places}f}")


def number(value: Any) -> float:
    """A number of a metrics file, where those that are not finite are text and null is none."""
    return NAN if value is None else float(value)


def channel_mean(values: Mapping[str, Any] | None) -> float:
    """Mean over channels; NaN where there is none."""
    known = [number(value) for value in (values or {}).values()]
    return math.fsum(known) / len(known) if known else NAN


def total(result: Mapping[str, Any], test: str, group: str, metric: str) -> float:
    """A metric over the whole roll-out, mean over channels.

    Args:
        result: metrics of a row. test: "test" or "real". group: of meshes. metric: its name.
    """
    return channel_mean(_group(result, test, group).get("total", {}).get(metric))


def at_step(result: Mapping[str, Any], test: str, group: str, metric: str, step: int) -> float:
    """A metric after so many predicted steps, mean over channels; NaN where that step is not kept."""
    found = _group(result, test, group)
    if step not in found.get("steps", ()):
        return NAN
    place = found["steps"].index(step)
    return channel_mean({name: values[place] for name, values in found["per_step"].get(metric, {}).items()})


def mean_of_meshes(result: Mapping[str, Any], test: str, meshes: Iterable[str], metric: str) -> float:
    """Mean over meshes of a metric of each, as every mesh has as many trajectories."""
    values = [total(result, test, f"mesh:{mesh}", metric) for mesh in meshes]
    return math.fsum(values) / len(values) if values else NAN


def diverged(result: Mapping[str, Any]) -> tuple[float, float]:
    """Share of all roll-outs of a row's tests that diverged, and the earliest time at which one did (NaN: none)."""
    windows, lost, first = 0, 0.0, NAN
    for test in result.get("tests", {}).values():
        group = test.get("groups", {}).get("all")
        if group is not None:
            windows += group["windows"]
            lost += group["windows"] * number(group["total"]["diverged"])
            when = group["total"].get("time_to_divergence")
            first = first if when is None else min(number(when["min"]), math.inf if math.isnan(first) else first)
    return (lost / windows if windows else NAN), first


def _group(result: Mapping[str, Any], test: str, group: str) -> Mapping[str, Any]:
    return result.get("tests", {}).get(test, {}).get("groups", {}).get(group, {})
