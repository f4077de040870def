"""What a recipe says about a supervised set of geodesic distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pdgn.cli.wanted import require, require_at_least


@dataclass(frozen=True)
class GeodesicsRecipe:
    """Samples (mesh, sources) → distance to the nearest source, instead of a simulation.

    Args:
        train: training samples of each surface with role "train".
        valid: validation samples of each surface with role "train".
        test: test samples of every surface.
        least_sources: sources of a sample at least.
        most_sources: sources of a sample at most; the number is uniform between the two.
        method: "exact", "heat" or "fast_marching".
        sampling: sources are drawn at "random" without replacement, or lie "farthest" from each other after a random
            first.
        block: samples computed together.
    """

    train: int = 32
    valid: int = 8
    test: int = 8
    least_sources: int = 1
    most_sources: int = 4
    method: Literal["exact", "heat", "fast_marching"] = "exact"
    sampling: Literal["random", "farthest"] = "random"
    block: int = 8

    def __post_init__(self) -> None:
        require_at_least("geodesics", self, train=0, valid=0, test=0, least_sources=1, block=1)
        require("geodesics.train", self.train + self.test > 0, "train or test of at least 1", self.train)
        wanted = f"at least least_sources = {self.least_sources}"
        require("geodesics.most_sources", self.most_sources >= self.least_sources, wanted, self.most_sources)
