"""Errors of one forecast against its truth: per step and in total, masked, in physical units.

Shapes: N nodes, H predicted steps, C channels. A NaN is never dropped: one in the prediction, observed or not, or in an
observed value of the truth makes that step and the total NaN. What was not observed and is finite in the prediction
counts for nothing. A step at which nothing was observed has no error: NaN here, ``null`` in metrics.json, never a zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

Array = np.ndarray


class Metric(NamedTuple):
    """A metric at each step and over the whole forecast.

    Args:
        per_step: [H, C] float64; NaN where nothing was observed or where a NaN entered.
        total: [C] float64, over all steps together.
    """

    per_step: Array
    total: Array


@dataclass(frozen=True)
class ErrorSums:
    """The sums from which MAE, RMSE and relative L2 follow; the sums of several forecasts may be added.

    Args:
        absolute: [H, C], sum over observed nodes of abs(prediction - truth), in units of the signal.
        square: [H, C], sum of (prediction - truth)^2.
        count: [H] int64, number of observed nodes.
        weighted_square: [H, C], sum of m_i (prediction - truth)^2.
        weighted_truth: [H, C], sum of m_i truth^2.
    """

    absolute: Array
    square: Array
    count: Array
    weighted_square: Array
    weighted_truth: Array

    @classmethod
    def of(cls, prediction: Array, truth: Array, mask: Array | None = None, mass: Array | None = None) -> ErrorSums:
        """The sums of one forecast.

        Args:
            prediction: [N, H, C], physical units.
            truth: [N, H, C], physical units; may be NaN where not observed.
            mask: [N, H] bool, true where the truth was observed; ``None`` for everywhere.
            mass: [N] node masses (area shares); ``None`` for ones.

        Raises:
            ValueError: shapes that do not agree.
        """
        prediction, truth, mask, mass = _checked(prediction, truth, mask, mass)
        observed = mask[:, :, None]
        with np.errstate(over="ignore", invalid="ignore"):
            # 0 * NaN and 0 * inf are NaN: a prediction that is not finite shows even where nobody looked.
            error = np.where(observed, prediction - truth, 0.0 * prediction)
            reference = np.where(observed, truth, 0.0)
            weight = mass[:, None, None]
            return cls(
                absolute=np.abs(error).sum(0),
                square=np.square(error).sum(0),
                count=mask.sum(0).astype(np.int64),
                weighted_square=(weight * np.square(error)).sum(0),
                weighted_truth=(weight * np.square(reference)).sum(0),
            )

    def __add__(self, other: ErrorSums) -> ErrorSums:
        """The sums of both forecasts together; both must have the same steps and channels."""
        if self.absolute.shape != other.absolute.shape:
            raise ValueError(f"sums of shapes {self.absolute.shape} and {other.absolute.shape} [H, C] do not add up")
        with np.errstate(over="ignore", invalid="ignore"):
            return ErrorSums(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    def mae(self) -> Metric:
        """Mean over observed nodes of abs(prediction - truth), every node alike; units of the signal."""
        return Metric(_quotient(self.absolute, self.count[:, None]), _quotient(self.absolute.sum(0), self.count.sum()))

    def rmse(self) -> Metric:
        """Root of the mean over observed nodes of (prediction - truth)^2, every node alike; units of the signal."""
        per_step = _quotient(self.square, self.count[:, None])
        return Metric(np.sqrt(per_step), np.sqrt(_quotient(self.square.sum(0), self.count.sum())))

    def relative_l2(self) -> Metric:
        r"""Mass-weighted relative error, sqrt(sum m (p - u)^2 / sum m u^2); no unit.

        0 where error and truth are both zero, inf where only the truth is, NaN where nothing was observed.
        """
        per_step = _ratio(self.weighted_square, self.weighted_truth)
        per_step = np.where(self.count[:, None] > 0, per_step, np.nan)
        total = _ratio(self.weighted_square.sum(0), self.weighted_truth.sum(0))
        return Metric(np.sqrt(per_step), np.sqrt(total) if self.count.sum() else np.full_like(total, np.nan))


def mae(prediction: Array, truth: Array, mask: Array | None = None) -> Metric:
    r"""Mean absolute error over observed nodes, (1/n) sum abs(p - u), in units of the signal.

    Args:
        prediction: [N, H, C]. truth: [N, H, C]. mask: [N, H] bool or ``None``.

    Returns:
        Metric: per_step [H, C], total [C].
    """
    return ErrorSums.of(prediction, truth, mask).mae()


def rmse(prediction: Array, truth: Array, mask: Array | None = None) -> Metric:
    r"""Root mean square error over observed nodes, sqrt((1/n) sum (p - u)^2), in units of the signal.

    Args:
        prediction: [N, H, C]. truth: [N, H, C]. mask: [N, H] bool or ``None``.

    Returns:
        Metric: per_step [H, C], total [C].
    """
    return ErrorSums.of(prediction, truth, mask).rmse()


def relative_l2(prediction: Array, truth: Array, mask: Array | None = None, mass: Array | None = None) -> Metric:
    r"""Relative L2 error, sqrt(sum m (p - u)^2 / sum m u^2), weighted by the node masses; no unit.

    Args:
        prediction: [N, H, C]. truth: [N, H, C]. mask: [N, H] bool or ``None``. mass: [N] or ``None``.

    Returns:
        Metric: per_step [H, C], total [C] (a quotient of sums over space and time).
    """
    return ErrorSums.of(prediction, truth, mask, mass).relative_l2()


def conserved_drift(frames: Array, initial: Array, mass: Array) -> Array:
    r"""How far the integral of the signal moved: abs(sum m u(t) - sum m u(0)) / sum m abs(u(0)); no unit.

    Args:
        frames: [N, H, C], prediction or truth.
        initial: [N, C], the frame at the start of the forecast.
        mass: [N] node masses.

    Returns:
        [H, C] float64; 0 where nothing moved from an initial frame of zeros.
    """
    frames, initial, mass = (np.asarray(a, dtype=np.float64) for a in (frames, initial, mass))
    if initial.shape != frames[:, 0].shape or mass.shape != frames.shape[:1]:
        raise ValueError(
            f"frames {frames.shape} [N, H, C] want initial [N, C] and mass [N], given {initial.shape} and {mass.shape}"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        moved = np.abs(np.einsum("i,ihc->hc", mass, frames - initial[:, None]))
        return _ratio(moved, np.broadcast_to((mass[:, None] * np.abs(initial)).sum(0), moved.shape))


def divergence_step(relative: Array, finite: Array, count: Array, threshold: float = 10.0) -> int | None:
    """The first step at which a forecast has diverged: not finite, or relative L2 above the threshold.

    Args:
        relative: [H, C] relative L2 at each step.
        finite: [H] bool, whether every predicted value of the step is finite.
        count: [H] number of observed nodes; where it is zero only ``finite`` decides.
        threshold: largest relative L2 that still counts as a forecast.

    Returns:
        Index of the step, or ``None`` where the forecast never diverges.
    """
    within = np.all(relative <= threshold, axis=-1) | (np.asarray(count) == 0)
    diverged = np.flatnonzero(~(within & finite))
    return int(diverged[0]) if diverged.size else None


def _checked(prediction: Array, truth: Array, mask: Array | None, mass: Array | None) -> tuple[Array, ...]:
    prediction, truth = np.asarray(prediction, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if prediction.ndim != 3 or prediction.shape != truth.shape:
        raise ValueError(f"prediction and truth must both be [N, H, C], given {prediction.shape} and {truth.shape}")
    mask = np.ones(prediction.shape[:2], dtype=bool) if mask is None else np.asarray(mask)
    if mask.shape != prediction.shape[:2] or mask.dtype != bool:
        raise ValueError(f"mask must be bool {prediction.shape[:2]}, given {mask.dtype} {mask.shape}")
    mass = np.ones(len(prediction)) if mass is None else np.asarray(mass, dtype=np.float64)
    if mass.shape != (len(prediction),):
        raise ValueError(f"mass must be [{len(prediction)}], given {mass.shape}")
    return prediction, truth, mask, mass


def _quotient(total: Array, count: Array) -> Array:
    """total / count, NaN where nothing was counted."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(count > 0, total / np.where(count > 0, count, 1), np.nan)


def _ratio(numerator: Array, denominator: Array) -> Array:
    """numerator / denominator with 0/0 = 0 and a/0 = inf."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((numerator == 0) & (denominator == 0), 0.0, numerator / denominator)
