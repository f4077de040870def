"""The errors of several runs that differ in their seed alone: mean ± sample standard deviation over the seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pdgn.data.first_difference import first_difference
from pdgn.evaluation.labels import group_label, model_label, plain_unit, time_label
from pdgn.evaluation.metrics_file import read_metrics_file
from pdgn.evaluation.tables import COLUMNS, Table, shown_groups

COMPARED = (
    "config", "data", "evaluation", "history", "horizon", "divergence_threshold", "time_step", "units", "meshes",
    "groups", "models", "pdgn_version",
)  # fmt: skip
NAMES_AND_PLACES = {"config": ("name", "seed", "output"), "data": ("file",)}
TIME = "time_to_divergence"
METRICS = {**COLUMNS, TIME: "median time to divergence", "drift": "drift"}
ERRORS = ("mae", "rmse", "capped_relative_l2", "end_relative_l2")
SHOWN_LENGTH = 70


class Spread(NamedTuple):
    """A number over seeds.

    Args:
        mean: NaN where one of the numbers is NaN.
        std: sample standard deviation; ``None`` for a single seed, NaN where one of the numbers is not finite.
    """

    mean: float
    std: float | None

    def text(self, factor: float = 1.0) -> str:
        """ "mean ± std" with three and two significant digits, both times a factor."""
        if not math.isfinite(self.mean):
            return "NaN" if math.isnan(self.mean) else f"{self.mean:g}"
        return f"{factor * self.mean:.3g} ± " + ("–" if self.std is None else f"{factor * self.std:.2g}")


class _Row(NamedTuple):
    """One line of a table: the scores of one model on one group, from every seed."""

    group: str
    model: str
    scores: list[Mapping[str, Any]]


def spread(values: Sequence[float | None]) -> Spread | None:
    r"""Mean and sample standard deviation, sqrt(sum (x - mean)^2 / (n - 1)); equal numbers have exactly 0.

    Args:
        values: one number per seed, any unit; at least one.

    Returns:
        The two; ``None`` where no seed measured anything. A NaN, or a seed without a number among others that have
        one, makes them NaN.
    """
    if all(value is None for value in values):
        return None
    numbers = [math.nan if value is None else value for value in values]
    count = len(numbers)
    if not all(map(math.isfinite, numbers)):
        return Spread(sum(numbers) / count, None if count == 1 else math.nan)
    # Differences from the first number keep equal numbers apart from rounding.
    moved = [number - numbers[0] for number in numbers]
    middle = sum(moved) / count
    std = math.hypot(*(number - middle for number in moved)) / math.sqrt(count - 1) if count > 1 else None
    return Spread(numbers[0] + middle, std)


def mean_of_first(values: Sequence[float | None], steps: int) -> float | None:
    """Mean of an error over the first steps, every step alike.

    Args:
        values: [H] error at each step; ``None`` where nothing was observed.
        steps: how many of them.

    Returns:
        Their mean over the steps at which something was observed, NaN where one is NaN; ``None`` where none was
        observed or the roll-out is shorter.
    """
    measured = [value for value in values[:steps] if value is not None]
    return sum(measured) / len(measured) if measured and steps <= len(values) else None


def read_seeds(paths: Sequence[str | Path]) -> list[dict[str, Any]]:
    """Reads the metrics.json files of several seeds of one experiment.

    The name and the output folder of the run, the paths of data and checkpoint, the date, the device, running times
    and the versions of other packages may differ; what was trained, tested and measured may not.

    Args:
        paths: the files.

    Returns:
        What each holds, sorted by seed.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: no file given, no metrics file, a key beside the seed differs, or a seed comes twice.
    """
    if not paths:
        raise ValueError("wanted the metrics.json of at least one seed, given none")
    runs: dict[int, tuple[str | Path, dict[str, Any]]] = {}
    reference: dict[str, Any] = {}
    for path in paths:
        metrics = read_metrics_file(path)
        experiment = _experiment(metrics, path)
        reference = reference or experiment
        found = first_difference(experiment, reference)
        if found:
            key, given, wanted = found
            raise ValueError(
                f"{path}: wanted a run that differs from {paths[0]} in seed and name alone, "
                f"given {key} = {_short(given)} instead of {_short(wanted)}"
            )
        seed = metrics["config"]["seed"]
        if seed in runs:
            raise ValueError(f"{path}: wanted each seed once, given seed {seed} as in {runs[seed][0]}")
        runs[seed] = (path, metrics)
    return [runs[seed][1] for seed in sorted(runs)]


def seed_tables(runs: Sequence[Mapping[str, Any]], steps: Sequence[int] = ()) -> list[Table]:
    """Two tables per channel: errors over the whole roll-out, and the MAE at chosen steps; mean ± std over the seeds.

    A row is a model on a group: seen surfaces, unseen surfaces and every mesh, or all where there is only one kind.

    Args:
        runs: what `read_seeds` returns.
        steps: predicted steps, counted from 1; by default the first and the last.

    Returns:
        The tables; units stand in the headings. The smallest mean of each error in each group is marked.

    Raises:
        ValueError: a step that the roll-outs do not have.
    """
    rows = list(_rows(runs))
    longest = max((row.scores[0]["time"] for row in rows), key=len)
    chosen = list(dict.fromkeys(steps)) or sorted({1, len(longest)})
    for step in chosen:
        if not 1 <= step <= len(longest):
            raise ValueError(f"steps: wanted numbers from 1 to {len(longest)}, given {step}")
    seeds = [run["config"]["seed"] for run in runs]
    over = f"mean ± sample standard deviation over {len(seeds)} seed{'s' * (len(seeds) > 1)}"
    over += f" ({', '.join(map(str, seeds))})"
    labels = [f"{step} ({time_label(longest[step - 1], runs[0]['units']['time'])})" for step in chosen]
    tables = []
    for channel, unit in runs[0]["units"]["channels"].items():
        time_unit = plain_unit(runs[0]["units"]["time"]) or "1"
        tables.append(_totals(rows, channel, unit, over, time_unit))
        tables.append(_horizons(rows, channel, unit, over, dict(zip(chosen, labels))))
    return tables


def _totals(rows: Sequence[_Row], channel: str, unit: str, over: str, time_unit: str) -> Table:
    """The errors over the whole roll-out; a column only for what some seed has measured."""
    cells = [[_spread_of(row.scores, key, channel) for key in METRICS] for row in rows]
    used = [place for place, key in enumerate(METRICS) if any(line[place] is not None for line in cells)]
    keys, cells = [list(METRICS)[place] for place in used], [[line[place] for place in used] for line in cells]
    units = {"mae": plain_unit(unit) or "1", "rmse": plain_unit(unit) or "1", "diverged": "%", TIME: time_unit}
    note = "; times over the seeds in which something diverged" if TIME in keys else ""
    return Table(
        caption=f"Errors of {channel} over the whole roll-out; {over}{note}",
        groups=(channel,),
        columns=tuple(f"{METRICS[key]} [{units.get(key, '1')}]" for key in keys),
        names=_names(rows),
        cells=tuple(
            tuple(_cell(value, 100.0 if key == "diverged" else 1.0) for value, key in zip(line, keys)) for line in cells
        ),
        best=_best(rows, cells, [column for column, key in enumerate(keys) if key in ERRORS]),
    )


def _horizons(rows: Sequence[_Row], channel: str, unit: str, over: str, steps: Mapping[int, str]) -> Table:
    """The MAE at each chosen step, then its mean over the steps up to it."""
    cells = []
    for row in rows:
        courses = [scores["per_step"]["mae"][channel] for scores in row.scores]
        at = [spread([course[step - 1] if step <= len(course) else None for course in courses]) for step in steps]
        cells.append(at + [spread([mean_of_first(course, step) for course in courses]) for step in steps])
    measured = f"MAE [{plain_unit(unit) or '1'}]"
    return Table(
        caption=f"MAE of {channel} by predicted step; {over}",
        groups=(f"{measured} at step", f"{measured} mean of steps up to"),
        columns=tuple(steps.values()),
        names=_names(rows),
        cells=tuple(tuple(map(_cell, line)) for line in cells),
        best=_best(rows, cells, range(2 * len(steps))),
    )


def _rows(runs: Sequence[Mapping[str, Any]]) -> Iterator[_Row]:
    groups = shown_groups(runs[0]["groups"])
    if groups != ["all"]:
        groups += [group for group in runs[0]["groups"] if group.startswith("mesh:")]
    for group in groups:
        for model in runs[0]["models"]:
            yield _Row(group, model, [run["models"][model]["groups"][group] for run in runs])


def _names(rows: Sequence[_Row]) -> tuple[str, ...]:
    return tuple(f"{group_label(row.group)}: {model_label(row.model)}" for row in rows)


def _spread_of(seeds: Sequence[Mapping[str, Any]], key: str, channel: str) -> Spread | None:
    """One metric over the seeds; a time to divergence only over those that have one, as others are no NaN."""
    values = [_total(scores, key, channel) for scores in seeds]
    return spread([value for value in values if value is not None] or [None]) if key == TIME else spread(values)


def _total(scores: Mapping[str, Any], key: str, channel: str) -> float | None:
    """One metric of one seed; files of earlier versions have no capped errors and no median."""
    total = scores["total"]
    if key == TIME:
        return (total.get(key) or {}).get("median")
    if key == "diverged":
        return total[key]
    earlier = {"capped_relative_l2": total["relative_l2"], "end_relative_l2": {channel: None}}
    return total.get(key, earlier.get(key, {}))[channel]


def _cell(value: Spread | None, factor: float = 1.0) -> str:
    return "–" if value is None else value.text(factor)


def _best(
    rows: Sequence[_Row], cells: Sequence[Sequence[Spread | None]], columns: Sequence[int]
) -> frozenset[tuple[int, int]]:
    """The smallest finite mean of each group and column and what reads the same; none where all models agree."""
    found: set[tuple[int, int]] = set()
    for group in dict.fromkeys(row.group for row in rows):
        members = [index for index, row in enumerate(rows) if row.group == group]
        for column in columns:
            means = {index: value.mean for index in members if (value := cells[index][column]) is not None}
            finite = [mean for mean in means.values() if math.isfinite(mean)]
            best = {
                (index, column) for index, mean in means.items() if f"{mean:.3g}" == f"{min(finite, default=0):.3g}"
            }
            found |= best if finite and len(best) < len(members) else set()
    return frozenset(found)


def _experiment(metrics: Mapping[str, Any], path: str | Path) -> dict[str, Any]:
    """What the runs of several seeds must have in common."""
    missing = [key for key in COMPARED if key not in metrics]
    missing += [] if "seed" in metrics.get("config", {}) else ["config.seed"]
    if missing:
        raise ValueError(f"{path}: wanted metrics.json as 'pdgn evaluate' writes it, given one without {missing[0]}")
    common = {key: metrics[key] for key in COMPARED}
    for key, dropped in NAMES_AND_PLACES.items():
        common[key] = {name: value for name, value in common[key].items() if name not in dropped}
    data = common["config"].get("data", {})
    common["config"]["data"] = {name: value for name, value in data.items() if name != "file"}
    common["models"] = {name: _trained(model) for name, model in metrics["models"].items()}
    seeds = {checkpoint["seed"] for checkpoint in metrics.get("checkpoints", {}).values()}
    if len(seeds) > 1:
        raise ValueError(
            f"{path}: wanted metrics.json of one seed, given a comparison of seeds {', '.join(map(str, sorted(seeds)))}"
        )
    return common


def _trained(model: Mapping[str, Any]) -> dict[str, Any]:
    """What a model is and on how much it was tested, without its scores and running time."""
    tested = {
        group: {key: scores[key] for key in ("trajectories", "windows", "time")}
        for group, scores in model["groups"].items()
    }
    return {"parameters": model["parameters"], "options": model["options"], "groups": tested}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_LENGTH else text[:SHOWN_LENGTH] + "…"
