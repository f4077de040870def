"""Weights of several forecasts that are mixed, from the second moments of their errors."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor

LEAST = 1e-2  # smaller weights are none: independent errors have some however large they are, but gain nothing by it


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
