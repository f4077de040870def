"""Which mixture of several forecasts, or whether the best of them alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Data

from pdgn.training.convex_weights import simplex_weights
from pdgn.training.error_moments import WindowParts, increment_errors

SHRINKAGES = (1e3, 1e2, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.0)
FIRST_LEADS = (1, 2, 4, 7, 13, 25, 49)  # of the groups, where leads do not share their weights


class Mixture(NamedTuple):
    """Weights of M forecasts at H leads, and what was chosen for them.

    Attributes:
        weight: [H, M] float64, each row non-negative with the sum 1.
        left_out: [P, H, M] float64, for each part of the data the weights that it had no share in.
        shrinkage: λ; infinite for one forecast alone.
        groups: into how many groups the leads were cut; those of a group share their weights.
    """

    weight: Tensor
    left_out: Tensor
    shrinkage: float
    groups: int


def mixtures(moments: Tensor, absolute: Tensor) -> list[Mixture]:
    """What may be chosen, the simpler first: the best forecast alone, and the best convex combination.

    The best forecast is that of the smallest mean absolute error. A combination has the weights of least squares for
    one shrinkage and one grouping of leads: those that do best, in squares, on data that they were not fitted to. Each
    part is left out once; the weights of the others are scored on it. Of equal scores the simpler choice wins: one
    group, the stronger shrinkage. Forecasts with an error that is not finite have no weight; where all are such, their
    plain mean is all there is.

    Args:
        moments: Σ e eᵀ over the readings of each part and lead, [P, H, M, M] float64.
        absolute: Σ |e|, [P, H, M].

    Returns:
        One or two mixtures, fitted to all parts.

    Raises:
        ValueError: other shapes.
    """
    parts, leads, members = absolute.shape if absolute.dim() == 3 else (0, 0, 0)
    if absolute.numel() == 0 or moments.shape != (parts, leads, members, members):
        raise ValueError(
            f"moments, absolute: wanted [P, H, M, M] and [P, H, M], given {list(moments.shape)} and "
            f"{list(absolute.shape)}"
        )
    finite = torch.isfinite(moments).diagonal(dim1=2, dim2=3).all(dim=0).all(dim=0).nonzero().flatten()
    if len(finite) == 0:
        even = moments.new_full((leads, members), 1 / members)
        return [Mixture(even, even.expand(parts, -1, -1), math.inf, 1)]
    used = moments[..., finite, :][..., finite]
    found = [Mixture(*_fit(absolute[..., finite], _best_alone), math.inf, 1)]
    if len(finite) > 1:
        found.append(_best_combination(used))
    return [
        mixture._replace(
            weight=_spread(mixture.weight, finite, members), left_out=_spread(mixture.left_out, finite, members)
        )
        for mixture in found
    ]


def _spread(weight: Tensor, finite: Tensor, members: int) -> Tensor:
    return weight.new_zeros(*weight.shape[:-1], members).index_copy(-1, finite, weight)


def _fit(sums: Tensor, weights: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """Weights [H, M] of all parts, and [P, H, M] with each left out; a part that has all readings is not left out."""
    total = sums.sum(dim=0)
    others = [rest if bool(rest.any()) else total for rest in total - sums]
    return weights(total), torch.stack([weights(rest) for rest in others])


def _best_alone(absolute: Tensor) -> Tensor:
    """Weight 1 at every lead, [H, M], of the forecast with the smallest sum in sums of |e|, [H, M]."""
    return torch.zeros_like(absolute).index_fill(1, absolute.sum(dim=0).argmin(), 1.0)


def _best_combination(moments: Tensor) -> Mixture:
    found, least = None, math.inf
    for groups in _groupings(moments.size(1)):
        for shrinkage in SHRINKAGES:
            weight, left_out = _fit(moments, partial(_weights, groups=groups, shrinkage=shrinkage))
            loss = float(torch.einsum("phm,phmn,phn->", left_out, moments, left_out))
            if found is None or loss < least * (1 - 1e-9):
                found, least = Mixture(weight, left_out, shrinkage, int(groups[-1]) + 1), loss
    assert found is not None
    return found


def _groupings(leads: int) -> list[Tensor]:
    """The group of each lead, [H] int64, of each way to cut them that is tried."""
    doubling = torch.bucketize(torch.arange(1, leads + 1), torch.tensor(FIRST_LEADS), right=True) - 1
    return [torch.zeros(leads, dtype=torch.long), *([doubling] if leads > 1 else [])]


def _weights(moments: Tensor, groups: Tensor, shrinkage: float) -> Tensor:
    """Weights of each lead, [H, M], from sums [H, M, M]."""
    summed = moments.new_zeros(int(groups[-1]) + 1, *moments.shape[1:]).index_add_(0, groups, moments)
    even = moments.new_full(moments.shape[-1:], 1 / moments.size(-1))  # where there is no reading
    weights = [simplex_weights(part, shrinkage) if bool(part.any()) else even for part in summed]
    return torch.stack(weights).index_select(0, groups)


class AbsoluteErrors:
    """Mean absolute errors of mixtures on the parts that their weights were not fitted to, streaming and in float64.

    Least squares gives weight to a forecast that is right where the best one is rarely and much in error, though it be
    slightly wrong everywhere else. Forecasts are compared by absolute errors; a mixture that is worse in them than its
    best member is no gain. Errors are in units of the usual increment.

    Args:
        candidates: the mixtures. windows: how many will be added, in the order and parts of the moments.
    """

    def __init__(self, candidates: list[Mixture], windows: int) -> None:
        self.candidates = candidates
        self.weight = torch.stack([candidate.left_out for candidate in candidates])  # [K, P, H, M]
        self.parts, self.count = WindowParts(windows, self.weight.size(1)), 0
        self.unused = (self.weight == 0).flatten(0, 2).all(dim=0)
        self.totals = torch.zeros(len(candidates), dtype=torch.float64)

    def add(self, predictions: list[Tensor], data: Data) -> None:
        """Adds the next windows.

        Args:
            predictions: M forecasts of a batch, each [N, H, C], normalised.
            data: the batch, with y [N, H, C], y_mask [N, H] and increment_scale [B, C].
        """
        errors = increment_errors(predictions, data).masked_fill(self.unused, 0.0)  # they may be infinite
        for part, nodes in self.parts.next(data):
            mixed = torch.einsum("nhcm,khm->knhc", errors.index_select(0, nodes), self.weight[:, part])
            self.totals += mixed.abs().sum(dim=(1, 2, 3))
        self.count += int(data.y_mask.sum()) * data.y.size(2)

    def best(self) -> tuple[Mixture, float]:
        """The mixture with the smallest error, of equal ones the simplest, and that error.

        Raises:
            ValueError: no readings.
        """
        if self.count == 0:
            raise ValueError("wanted readings to choose a mixture by, given none")
        errors = torch.nan_to_num(self.totals / self.count, nan=math.inf, posinf=math.inf)
        place = int((errors <= errors.min() * (1 + 1e-9)).nonzero()[0])
        return self.candidates[place], float(errors[place])
