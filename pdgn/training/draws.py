"""What chance adds to a batch: noise on its observed frames and where the truth is its next input."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Data

from pdgn.models.sample import graph_index
from pdgn.training.batch_plan import Span


class Draws(NamedTuple):
    """The draws that `rollout` would make for a whole batch, in its order, and of them one process's part.

    All processes draw for all windows, so that what a window meets does not depend on who trains it.

    Args:
        noise: [N, T0, C] standard normal; None: none.
        coins: [B, T] bool, true where a graph takes the truth; None: the same for all.
    """

    noise: Tensor | None
    coins: Tensor | None

    @classmethod
    def of(
        cls, data: Data, spans: tuple[Span, Span], noise_std: float, probability: float, generator: torch.Generator
    ) -> Draws:
        """Draws for the batch that a process's sample is a part of.

        Args:
            data: the part, normalised.
            spans: its nodes and graphs among those of the batch.
            noise_std: nothing is drawn for 0.
            probability: of a coin; nothing is drawn for 0 and 1.
            generator: of the batch.

        Returns:
            The part's draws.
        """
        nodes, graphs = spans
        noise = coins = None
        if noise_std > 0:
            shape = (nodes.total, *data.x.shape[1:])
            noise = torch.randn(shape, dtype=data.x.dtype, device=generator.device, generator=generator)[nodes.own]
        if 0 < probability < 1:
            rows = [
                torch.rand(graphs.total, device=generator.device, generator=generator) for _ in range(data.y.size(1))
            ]
            coins = (torch.stack(rows, dim=1) < probability)[graphs.own]
        return cls(noise, coins)

    def noisy(self, data: Data, noise_std: float) -> Data:
        """A sample with noise on its observed frames.

        Args:
            data: the part, normalised; not changed.
            noise_std: standard deviation of the noise.

        Returns:
            The same sample with another x where there is noise.
        """
        if self.noise is None:
            return data
        result = copy.copy(data)
        result.x = data.x + noise_std * self.noise
        return result

    def truth_mask(self, data: Data) -> Tensor:
        """Where a reading is the next input, given that `rollout` is told to take every reading that the mask shows.

        Args:
            data: the part, normalised.

        Returns:
            [N, T] bool.
        """
        if self.coins is None:
            return data.y_mask
        batch, _ = graph_index(data)
        return data.y_mask & self.coins.index_select(0, batch)
