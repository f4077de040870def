"""Mean, variance and extremes of a stream of values."""

from __future__ import annotations

import numpy as np

# Round-off of float32 data about a large mean looks like a spread of up to about this part of the mean.
_ROUND_OFF = 1e-6


class RunningMoments:
    """Count, mean, sum of squared deviations and extremes per channel, merged piece by piece (float64).

    With δ the difference of the means of two sets of sizes n and m: M ← M_n + M_m + δ² n m/(n + m).

    Args:
        channels: C, the number of channels.

    Reference: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
    """

    def __init__(self, channels: int) -> None:
        self.count = 0
        self.mean = np.zeros(channels)
        self.squares = np.zeros(channels)
        self.low, self.high = np.full(channels, np.inf), np.full(channels, -np.inf)

    def update(self, values: np.ndarray) -> None:
        """Add values [M, C]; M may be 0."""
        number = len(values)
        if number == 0:
            return
        mean = values.mean(axis=0)
        squares = np.square(values - mean).sum(axis=0)
        total = self.count + number
        delta = mean - self.mean
        self.squares += squares + np.square(delta) * (self.count * number / total)
        self.mean += delta * (number / total)
        self.count = total
        self.low, self.high = np.minimum(self.low, values.min(axis=0)), np.maximum(self.high, values.max(axis=0))

    def std(self) -> np.ndarray:
        """Standard deviations [C]; 1 for a channel that is constant up to round-off, or was never seen."""
        spread = np.sqrt(self.squares / max(self.count, 1))
        return np.where(spread > _ROUND_OFF * np.abs(self.mean), spread, 1.0)

    def pooled_std(self, unit: np.ndarray) -> float:
        """Standard deviation over all channels together, channel c measured in unit[c]; 1 where that is zero.

        Args:
            unit: [C].
        """
        mean = self.mean / unit
        variance = np.mean(self.squares / max(self.count, 1) / unit**2 + (mean - mean.mean()) ** 2)
        return float(np.sqrt(variance)) if variance > 0 else 1.0
