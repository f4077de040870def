"""Second moments of the errors of several forecasts."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data

from pdgn.models.sample import graph_index, increment_scale


def increment_errors(predictions: list[Tensor], data: Data) -> Tensor:
    """Errors of M forecasts in units of the usual increment, [N, H, C, M] float64; 0 where there is no reading.

    Args:
        predictions: each [N, H, C], normalised.
        data: a batch with y [N, H, C], y_mask [N, H] and increment_scale [B, C].
    """
    scale = increment_scale(data, data.y[:, 0]).unsqueeze(1)
    mask = data.y_mask.unsqueeze(-1)
    errors = [torch.where(mask, (forecast - data.y) / scale, 0.0).double() for forecast in predictions]
    return torch.stack(errors, dim=-1)


class WindowParts:
    """Cuts windows that come batch by batch into runs of nearly equal length.

    Of one long series the runs are stretches of time, of many trajectories they are trajectories.

    Args:
        windows: how many will come. count: of parts, at most as many as windows.
    """

    def __init__(self, windows: int, count: int) -> None:
        self.windows, self.count, self.seen = windows, count, 0

    def next(self, data: Data) -> list[tuple[int, Tensor]]:
        """(part, its nodes) of the next batch."""
        batch, number = graph_index(data)
        part = (self.seen + batch) * self.count // self.windows
        self.seen += number
        return [(index, (part == index).nonzero().flatten()) for index in part.unique().tolist()]


class ErrorMoments:
    """Sums of e eᵀ and of |e| over readings and channels, by part of the windows and by lead, streaming and in float64.

    Errors are in units of the usual increment, as in the loss.

    Args:
        members: M. leads: H. windows: how many will be added. parts: P, at most as many as windows.

    Attributes:
        sums: [P, H, M, M] float64. absolute: sums of |e|, [P, H, M] float64.
    """

    def __init__(self, members: int, leads: int, windows: int, parts: int = 8) -> None:
        self.parts = WindowParts(windows, min(parts, windows))
        self.sums = torch.zeros(self.parts.count, leads, members, members, dtype=torch.float64)
        self.absolute = torch.zeros(self.parts.count, leads, members, dtype=torch.float64)

    def add(self, predictions: list[Tensor], data: Data) -> None:
        """Adds the next windows.

        Args:
            predictions: M forecasts of a batch, each [N, H, C], normalised.
            data: the batch, as for :func:`increment_errors`.
        """
        errors = increment_errors(predictions, data)
        for part, nodes in self.parts.next(data):
            own = errors.index_select(0, nodes).permute(1, 3, 0, 2).flatten(2)  # [H, M, n·C]
            self.sums[part] += own @ own.transpose(1, 2)
            self.absolute[part] += own.abs().sum(dim=2)
