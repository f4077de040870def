"""Ridge regressions from sums over rows that are seen once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

LARGEST = 2**28  # entries of one set of matrices: 2 GiB
GROUPS_AT_ONCE = 32


class RidgeSolution(NamedTuple):
    """Weights [G, F, K·C] and bias [G, K·C], float64."""

    weight: Tensor
    bias: Tensor


class NormalEquations:
    r"""G linear regressions of K·C outputs on F regressors and a constant, streaming and in float64.

    .. math::
        \min_{W, b} \frac{1}{n} \sum_{\text{rows}} |y - W^T x - b|^2 + \lambda \sum_f \sigma_f^2 |W_f|^2

    σ_f is the standard deviation of a regressor, so that λ has no unit and means the same for all of them; a regressor
    that does not vary gets no weight, and the constant b is not penalised. The sums Σ x xᵀ and Σ x yᵀ are kept and no
    rows; x is taken from the mean of the first rows, so that a mean far larger than σ costs no digits. The outputs come
    in K blocks of C that may be missing one by one: rows with all blocks share one matrix, the others are added to a
    matrix of each block, which is made when the first such row is seen.

    Args:
        groups: G. features: F. blocks: K. channels: C.

    Raises:
        ValueError: the matrices would take more than 2 GiB.
    """

    def __init__(self, groups: int, features: int, blocks: int, channels: int) -> None:
        _require_size(groups, features, 1)
        self.groups, self.features, self.blocks, self.channels = groups, features, blocks, channels
        self.gram = torch.zeros(groups, features + 1, features + 1, dtype=torch.float64)
        self.cross = torch.zeros(groups, features + 1, blocks * channels, dtype=torch.float64)
        self.partial: Tensor | None = None  # [K, G, F + 1, F + 1]
        self.shift: Tensor | None = None  # [G, F]

    def add(self, features: Tensor, targets: Tensor, mask: Tensor) -> None:
        """Adds rows.

        Args:
            features: x, [R, G, F]. targets: y, [R, G, K, C]. mask: [R, G, K] bool, where a target was observed.
        """
        features = features.double()
        if self.shift is None:
            self.shift = features.mean(dim=0)
        rows = torch.cat([torch.ones_like(features[..., :1]), features - self.shift], dim=-1).transpose(0, 1)
        known = torch.where(mask.unsqueeze(-1), targets, 0.0).double().flatten(2).transpose(0, 1)
        self.cross.baddbmm_(rows.transpose(1, 2), known)
        complete = mask.all(dim=-1)
        self.gram.baddbmm_(rows.transpose(1, 2), rows * complete.t().unsqueeze(-1))
        rest = mask & ~complete.unsqueeze(-1)
        if rest.any():
            self._add_partial(rows, rest)

    def _add_partial(self, rows: Tensor, rest: Tensor) -> None:
        if self.partial is None:
            _require_size(self.groups, self.features, self.blocks)
            self.partial = self.gram.new_zeros(self.blocks, *self.gram.shape)
        chosen = rest.flatten(1).any(dim=1).nonzero().flatten()
        rows, rest = rows.index_select(1, chosen), rest.index_select(0, chosen)
        for block in range(self.blocks):
            weight = rest[..., block].t().unsqueeze(-1)
            self.partial[block].baddbmm_(rows.transpose(1, 2), rows * weight)

    def solve(self, penalty: float, used: Tensor | None = None) -> RidgeSolution:
        """The regressions of the rows so far.

        Args:
            penalty: λ ≥ 0; 0 asks for regressors that are independent.
            used: [K, F] bool, which regressors each block may use; all if None.

        Raises:
            ValueError: a negative penalty.
            torch.linalg.LinAlgError: a penalty of 0 and regressors that are not independent.
        """
        if not penalty >= 0:
            raise ValueError(f"penalty: wanted a number ≥ 0, given {penalty}")
        if self.partial is None and used is None:
            return self._solve(penalty, None, None)
        parts = [
            self._solve(penalty, block, None if used is None else used[block]) for block in range(self.blocks)
        ]  # fmt: skip
        return RidgeSolution(*(torch.cat(values, dim=-1) for values in zip(*parts)))

    def _solve(self, penalty: float, block: int | None, used: Tensor | None) -> RidgeSolution:
        """One block, or all of them; a few groups at a time, so that copies of their matrices stay small."""
        outputs = slice(None) if block is None else slice(block * self.channels, (block + 1) * self.channels)
        found = []
        for first in range(0, self.groups, GROUPS_AT_ONCE):
            part = slice(first, first + GROUPS_AT_ONCE)
            gram = self.gram[part]
            if block is not None and self.partial is not None:
                gram = gram + self.partial[block, part]
            shift = gram.new_zeros(len(gram), self.features) if self.shift is None else self.shift[part]
            found.append(_ridge(gram, self.cross[part, :, outputs], shift, penalty, used))
        return RidgeSolution(*(torch.cat(values) for values in zip(*found)))


def _ridge(gram: Tensor, cross: Tensor, shift: Tensor, penalty: float, used: Tensor | None) -> tuple[Tensor, Tensor]:
    """Regressions on standardised regressors, from sums whose first row belongs to the constant."""
    count = gram[:, :1, :1].clamp(min=1)
    mean, level = gram[:, 1:, :1] / count, cross[:, :1] / count
    covariance = gram[:, 1:, 1:] / count - mean @ mean.transpose(1, 2)
    variance, mean_of_all = covariance.diagonal(dim1=1, dim2=2), mean + shift.unsqueeze(-1)
    varies = variance > 1e-13 * mean_of_all.squeeze(-1).square()  # else it is the round-off of float32 data
    varies = varies if used is None else varies & used
    inverse = torch.where(varies, variance, 1.0).rsqrt().mul(varies).unsqueeze(-1)
    matrix = covariance * inverse * inverse.transpose(1, 2)
    matrix.diagonal(dim1=1, dim2=2).add_(torch.where(varies, torch.full_like(variance, penalty), 1.0))
    right = (cross[:, 1:] / count - mean * level) * inverse
    weight = torch.cholesky_solve(right, torch.linalg.cholesky(matrix)) * inverse
    return weight, (level - mean_of_all.transpose(1, 2) @ weight).squeeze(1)


def _require_size(groups: int, features: int, blocks: int) -> None:
    entries = groups * blocks * (features + 1) ** 2
    if entries > LARGEST:
        missing = f", for each of {blocks} targets that may be missing," if blocks > 1 else ""
        raise ValueError(
            f"closed-form fit: wanted matrices of at most {LARGEST * 8 / 2**30:.0f} GiB, given {groups} regressions "
            f"on {features} regressors{missing} with {entries * 8 / 2**30:.1f} GiB; fewer num_hops or frames need less"
        )
