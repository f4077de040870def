"""The scores of one forecast, and of a group of them: what metrics.json holds for a model on a group of surfaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pdgn.evaluation.metrics import ErrorSums, Metric, conserved_drift, divergence_step

Array = np.ndarray


@dataclass(frozen=True)
class WindowScores:
    """How one forecast of one window did.

    Args:
        mesh: name of the mesh.
        trajectory: index of the trajectory on that mesh.
        start: first frame of the window in its trajectory.
        time: [H] time of each predicted frame, counted from the last observed one.
        sums: error sums, [H, C].
        drift: [H, C] drift of the conserved quantity in the prediction; ``None`` where it cannot be known.
        true_drift: [H, C] the same of the truth, or ``None``.
        diverged: index of the first diverged step, or ``None``.
        threshold: relative L2 above which a forecast has diverged.
    """

    mesh: str
    trajectory: int
    start: int
    time: Array
    sums: ErrorSums
    drift: Array | None
    true_drift: Array | None
    diverged: int | None
    threshold: float = 10.0

    def capped(self) -> Metric:
        """Relative L2 error [H, C] and [C], never above the threshold, so that one forecast cannot drown a mean.

        What is not finite counts as the threshold, and so does every step, observed or not, from the diverged one on:
        a forecast that returns by chance is no better for it.
        """
        error = self.sums.relative_l2()
        measured = _measured(self.sums)
        per_step = np.where(measured, _capped(error.per_step, self.threshold), np.nan)
        if self.diverged is not None:
            per_step[self.diverged :] = self.threshold
            measured[self.diverged :] = True
        total = np.where(measured.any(axis=0), _capped(error.total, self.threshold), np.nan)
        return Metric(per_step, total)


def score_window(
    prediction: Array,
    truth: Array,
    mask: Array,
    mass: Array,
    initial: Array | None,
    *,
    time: Array,
    threshold: float = 10.0,
    source: tuple[str, int, int] = ("", 0, 0),
) -> WindowScores:
    """Scores one forecast.

    Args:
        prediction: [N, H, C] in physical units. truth: [N, H, C]. mask: [N, H] bool. mass: [N].
        initial: [N, C] last observed frame, or ``None`` where it was not observed at every node; the integral over the
            surface is known only where every node is.
        time: [H], from the last observed frame.
        threshold: relative L2 above which a forecast has diverged.
        source: mesh, trajectory and first frame of the window.
    """
    prediction, truth = np.asarray(prediction, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    sums = ErrorSums.of(prediction, truth, mask, mass)
    finite = np.isfinite(prediction).all(axis=(0, 2))
    return WindowScores(
        *source,
        time=np.asarray(time, dtype=np.float64),
        sums=sums,
        drift=None if initial is None else conserved_drift(prediction, initial, mass),
        true_drift=conserved_drift(truth, initial, mass) if initial is not None and np.all(mask) else None,
        diverged=divergence_step(sums.relative_l2().per_step, finite, sums.count, threshold),
        threshold=threshold,
    )


def summarise(windows: Sequence[WindowScores], channels: Sequence[str]) -> dict:
    """The scores of a group of windows.

    MAE and RMSE are pooled: every observed value of the group counts once. Relative L2 and drift are means over
    windows, the drift in total that of the last step. ``capped_relative_l2`` is the mean of
    :meth:`WindowScores.capped`, ``end_relative_l2`` that of its last step: both finite whatever diverges, so read them
    beside ``diverged``. ``..._std`` is the standard deviation over windows.

    Args:
        windows: at least one.
        channels: name of each channel.

    Returns:
        dict: trajectories, windows, time [H], ``total`` {metric: {channel: value}} and ``per_step``
        {metric: {channel: [H]}}; ``None`` where nothing was observed, NaN where a NaN was met.
    """
    if not windows:
        raise ValueError("a group without windows has no scores")
    longest = max(windows, key=lambda window: len(window.time))
    steps = len(longest.time)
    pooled = _padded(windows[0].sums, steps)
    for window in windows[1:]:
        pooled = pooled + _padded(window.sums, steps)
    total, per_step = _errors(windows, pooled, channels)
    for name in ("drift", "true_drift"):
        per_step[name], total[name] = _mean_drift([getattr(window, name) for window in windows], channels, steps)
    _add_capped(total, per_step, windows, channels, steps)
    total["diverged"] = float(np.mean([window.diverged is not None for window in windows]))
    total["time_to_divergence"] = _time_to_divergence(windows)
    per_step["diverged"] = _diverged_by_step(windows, steps)
    return {
        "trajectories": len({(window.mesh, window.trajectory) for window in windows}),
        "windows": len(windows),
        "time": longest.time.tolist(),
        "total": total,
        "per_step": per_step,
    }


def _errors(windows: Sequence[WindowScores], pooled: ErrorSums, channels: Sequence[str]) -> tuple[dict, dict]:
    """MAE, RMSE and relative L2 of the group, in total and per step."""
    measured = _measured(pooled)
    anywhere = np.asarray(measured.any(axis=0))
    relative, relative_std = _mean_relative(windows, len(pooled.count))
    used = [window.sums.mae().total for window in windows if _measured(window.sums).any()]
    with np.errstate(invalid="ignore"):
        spread = np.std(used, axis=0) if used else np.full(len(channels), np.nan)
    total, per_step = {}, {}
    for name, metric in {"mae": pooled.mae(), "rmse": pooled.rmse(), "relative_l2": relative}.items():
        per_step[name] = _named(channels, metric.per_step, measured)
        total[name] = _named(channels, metric.total, anywhere)
    total["mae_std"] = _named(channels, spread, anywhere)
    total["relative_l2_std"] = _named(channels, relative_std, anywhere)
    return total, per_step


def _add_capped(
    total: dict, per_step: dict, windows: Sequence[WindowScores], channels: Sequence[str], steps: int
) -> None:
    """The relative L2 error capped at the threshold: its course, over the whole roll-out, and at its last step."""
    errors = [window.capped() for window in windows]
    courses = np.full((len(windows), steps, len(channels)), np.nan)
    for course, error in zip(courses, errors, strict=True):
        course[: len(error.per_step)] = error.per_step
    per_step["capped_relative_l2"] = _mean_and_std(courses, channels)[0]
    for name, values in (
        ("capped_relative_l2", [error.total for error in errors]),
        ("end_relative_l2", [error.per_step[-1] for error in errors]),
    ):
        total[name], total[f"{name}_std"] = _mean_and_std(np.array(values), channels)


def _mean_and_std(values: Array, channels: Sequence[str]) -> tuple[dict, dict]:
    """Over windows [n, ..., C], those left out that measured nothing (NaN)."""
    known = ~np.isnan(values)
    count = known.sum(0)
    mean = np.where(known, values, 0.0).sum(0) / np.maximum(count, 1)
    spread = np.sqrt(np.where(known, np.square(values - mean), 0.0).sum(0) / np.maximum(count, 1))
    return _named(channels, mean, count > 0), _named(channels, spread, count > 0)


def _capped(error: Array, threshold: float) -> Array:
    """The error, at most the threshold; the threshold where it is not finite."""
    return np.where(np.isfinite(error), np.minimum(error, threshold), threshold)


def _measured(sums: ErrorSums) -> Array:
    """[H, C], true where something was observed, or where a value that is not finite has to show."""
    return (sums.count > 0)[:, None] | ~np.isfinite(sums.absolute)


def _mean_relative(windows: Sequence[WindowScores], steps: int) -> tuple[Metric, Array]:
    """Mean of relative L2 over the windows that measured something, and the standard deviation of the total."""
    channels = windows[0].sums.absolute.shape[1]
    added, counted, totals = np.zeros((steps, channels)), np.zeros((steps, channels)), []
    for window in windows:
        metric, measured = window.sums.relative_l2(), _measured(window.sums)
        added[: len(measured)] += np.where(measured, metric.per_step, 0.0)
        counted[: len(measured)] += measured
        if measured.any():
            totals.append(metric.total)
    values = np.array(totals) if totals else np.full((1, channels), np.nan)
    with np.errstate(invalid="ignore"):
        return Metric(added / np.maximum(counted, 1), values.mean(0)), values.std(0)


def _mean_drift(drifts: Sequence[Array | None], channels: Sequence[str], steps: int) -> tuple[dict, dict]:
    """Mean drift over the windows where it is known: at each step, and at the last step of each window."""
    known = [drift for drift in drifts if drift is not None]
    added, counted = np.zeros((steps, len(channels))), np.zeros((steps, len(channels)))
    for drift in known:
        added[: len(drift)] += drift
        counted[: len(drift)] += 1
    final = np.mean([drift[-1] for drift in known], axis=0) if known else np.full(len(channels), np.nan)
    per_step = _named(channels, added / np.maximum(counted, 1), counted > 0)
    return per_step, _named(channels, final, np.asarray(counted.any(axis=0)))


def _time_to_divergence(windows: Sequence[WindowScores]) -> dict | None:
    """Mean, median and smallest time after which the diverged windows diverged; ``None`` where none did."""
    times = [window.time[window.diverged] for window in windows if window.diverged is not None]
    if not times:
        return None
    return {"mean": float(np.mean(times)), "median": float(np.median(times)), "min": float(np.min(times))}


def _diverged_by_step(windows: Sequence[WindowScores], steps: int) -> list[float]:
    """Fraction of windows that had diverged at or before each step."""
    first = np.array([steps if window.diverged is None else window.diverged for window in windows])
    return (first[:, None] <= np.arange(steps)).mean(0).tolist()


def _padded(sums: ErrorSums, steps: int) -> ErrorSums:
    """The sums with steps of zero observations appended."""
    missing = steps - len(sums.count)
    return ErrorSums(*(np.pad(a, [(0, missing)] + [(0, 0)] * (a.ndim - 1)) for a in vars(sums).values()))


def _named(channels: Sequence[str], values: Array, measured: Array) -> dict:
    """{channel: value} of values [C], {channel: [H]} of values [H, C]; ``None`` where nothing was measured."""
    shown = values.astype(object)
    shown[~measured] = None
    return {name: shown[..., index].tolist() if shown.ndim > 1 else shown[index] for index, name in enumerate(channels)}
