"""Weights of several forecasts that are mixed, from the second moments of their errors."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor

SHRINKAGES = (1e3, 1e2, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.0)
LEAST = 1e-2  # smaller weights are none: independent errors have some however large they are, but gain nothing by it
FIRST_LEADS = (1, 2, 4, 7, 13, 25, 49)  # of the groups, where leads do not share their weights


class Mixture(NamedTuple):
    """Weights [H, M] float64 of M forecasts at H leads, and what was chosen for them.

    Attributes:
        weight: [H, M] float64, each row non-negative with the sum 1.
        shrinkage: λ.
        groups: into how many groups the leads were cut; those of a group share their weights.
        loss: mean squared error of the mixture on the parts that its weights were not fitted to.
    """

    weight: Tensor
    shrinkage: float
    groups: int
    loss: float


def simplex_weights(moments: Tensor, shrinkage: float = 0.0) -> Tensor:
    r"""The convex combination with the smallest mean squared error.

    .. math::
        \min_{w \ge 0,\ \sum_m w_m = 1} w^T R w + \lambda\, \min_m R_{mm}\, |w - \tfrac{1}{M}|^2

    λ has no unit; a large one leaves the plain mean. It is in the scale of the best forecast's error, so that a
    hopeless one has no weight for any sensible λ; weights below 1e-2 are set to 0. The minimum over a simplex is that
    of non-negative least squares: for any sum s of v the minimum over v ≥ 0 of vᵀAv + (1 − Σv)² has the direction of w.

    Args:
        moments: R = E[e eᵀ], [M, M] float64, symmetric and positive semi-definite.
        shrinkage: λ ≥ 0.

    Returns:
        w, [M] float64.

    Raises:
        ValueError: moments that are not [M, M], a negative shrinkage.

    Reference:
        Bates, Granger, "The Combination of Forecasts", Operational Research Quarterly 20, 1969; Breiman, "Stacked
        Regressions", Machine Learning 24, 1996. NNLS: Lawson, Hanson, "Solving Least Squares Problems", 1974.
    """
    if moments.dim() != 2 or moments.size(0) != moments.size(1):
        raise ValueError(f"moments: wanted [M, M], given {list(moments.shape)}")
    if not shrinkage >= 0:
        raise ValueError(f"shrinkage: wanted a number ≥ 0, given {shrinkage}")
    given = moments.detach().cpu().double().numpy()
    count, error = len(given), given.diagonal()
    if error.min() <= 0:  # a forecast without any error
        return torch.from_numpy((np.arange(count) == error.argmin()).astype(float))
    # Per forecast in units of its own error, so that errors of 1e-5 beside those of 1 keep their digits.
    size = np.sqrt(error)
    values, vectors = np.linalg.eigh(given / np.outer(size, size))
    factor = np.sqrt(values.clip(min=0))[:, None] * vectors.T * (size / size.min())
    # |w − Σw/M|² is homogeneous in w, as the trick wants it, and the same as |w − 1/M|² where the sum is 1.
    spread = np.sqrt(shrinkage) * (np.eye(count) - 1 / count)
    rows = np.concatenate([factor, spread, np.ones((1, count))])
    found, _ = nnls(rows, np.append(np.zeros(2 * count), 1.0), maxiter=100 * count)
    found[found < LEAST * found.sum()] = 0
    return torch.from_numpy(found / found.sum())


def choose_mixture(moments: Tensor, counts: Tensor) -> Mixture:
    """Weights whose shrinkage and grouping of leads do best on data that they were not fitted to.

    Each part is left out once; the weights of the others are scored on it. Of equal scores the simpler choice wins:
    one group, the stronger shrinkage. Forecasts with an error that is not finite have no weight.

    Args:
        moments: Σ e eᵀ over the readings of each part and lead, [P, H, M, M] float64.
        counts: their number, [P, H].

    Returns:
        Fitted to all parts.

    Raises:
        ValueError: another shape, or no readings.
    """
    parts, leads, members = moments.shape[:3]
    if moments.shape != (parts, leads, members, members) or counts.shape != (parts, leads) or counts.sum() == 0:
        raise ValueError(
            f"moments, counts: wanted [P, H, M, M] and [P, H] with readings, given {list(moments.shape)} and "
            f"{list(counts.shape)} with {int(counts.sum())}"
        )
    finite = torch.isfinite(moments).diagonal(dim1=2, dim2=3).all(dim=0).all(dim=0).nonzero().flatten()
    if len(finite) == 0:
        return Mixture(moments.new_full((leads, members), 1 / members), math.inf, 1, math.inf)
    read = counts.sum(dim=1) > 0
    found = _choose(moments[read][..., finite, :][..., finite], counts[read])
    return found._replace(weight=moments.new_zeros(leads, members).index_copy(1, finite, found.weight))


def _choose(moments: Tensor, counts: Tensor) -> Mixture:
    found: Mixture | None = None
    for groups in _groupings(moments.size(1)):
        for shrinkage in SHRINKAGES:
            loss = _left_out_loss(moments, counts, groups, shrinkage)
            if found is None or loss < found.loss * (1 - 1e-9):
                found = Mixture(_weights(moments.sum(dim=0), groups, shrinkage), shrinkage, int(groups[-1]) + 1, loss)
    assert found is not None
    return found


def _groupings(leads: int) -> list[Tensor]:
    """The group of each lead, [H] int64, of each way to cut them that is tried."""
    doubling = torch.bucketize(torch.arange(1, leads + 1), torch.tensor(FIRST_LEADS), right=True) - 1
    return [torch.zeros(leads, dtype=torch.long), *([doubling] if leads > 1 else [])]


def _weights(moments: Tensor, groups: Tensor, shrinkage: float) -> Tensor:
    """Weights of each lead, [H, M], from sums [H, M, M]."""
    summed = moments.new_zeros(int(groups[-1]) + 1, *moments.shape[1:]).index_add_(0, groups, moments)
    return torch.stack([simplex_weights(part, shrinkage) for part in summed]).index_select(0, groups)


def _left_out_loss(moments: Tensor, counts: Tensor, groups: Tensor, shrinkage: float) -> float:
    """Mean squared error on each part of the weights fitted to the others; with one part alone, on it."""
    total, summed = moments.new_zeros(()), moments.sum(dim=0)
    for part in moments:
        weight = _weights(summed - part if len(moments) > 1 else part, groups, shrinkage)
        total = total + torch.einsum("hm,hmn,hn->", weight, part, weight)
    return float(total / counts.sum())
