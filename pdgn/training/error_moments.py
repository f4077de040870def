"""Second moments of the errors of several forecasts."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data

from pdgn.models.sample import graph_index, increment_scale


class ErrorMoments:
    """Sums of e eᵀ over readings and channels, by part of the windows and by lead, streaming and in float64.

    Errors are in units of the usual increment, as in the loss. Parts are runs of windows in their order: of one long
    series they are stretches of time, of many trajectories they are trajectories.

    Args:
        members: M. leads: H. windows: how many will be added. parts: P, at most as many as windows.

    Attributes:
        sums: [P, H, M, M] float64. counts: readings times channels, [P, H] float64.
    """

    def __init__(self, members: int, leads: int, windows: int, parts: int = 8) -> None:
        self.windows, self.parts, self.seen = windows, min(parts, windows), 0
        self.sums = torch.zeros(self.parts, leads, members, members, dtype=torch.float64)
        self.counts = torch.zeros(self.parts, leads, dtype=torch.float64)

    def add(self, predictions: list[Tensor], data: Data) -> None:
        """Adds the next windows.

        Args:
            predictions: M forecasts of a batch, each [N, H, C], normalised.
            data: the batch, with y [N, H, C], y_mask [N, H] and increment_scale [B, C].
        """
        batch, count = graph_index(data)
        part = (self.seen + batch) * self.parts // self.windows
        scale = increment_scale(data, data.y[:, 0]).unsqueeze(1)
        mask = data.y_mask.unsqueeze(-1)
        errors = [torch.where(mask, (forecast - data.y) / scale, 0.0).double() for forecast in predictions]
        stacked = torch.stack(errors, dim=-1)  # [N, H, C, M]
        for index in part.unique().tolist():
            nodes = (part == index).nonzero().flatten()
            own = stacked.index_select(0, nodes).permute(1, 3, 0, 2).flatten(2)  # [H, M, n·C]
            self.sums[index] += own @ own.transpose(1, 2)
            self.counts[index] += data.y_mask.index_select(0, nodes).sum(dim=0) * data.y.size(2)
        self.seen += count
