"""Mean spectra of truth and predictions on some meshes, gathered window by window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pdgn.evaluation.spectrum import Power, SpectralBasis

Array = np.ndarray
TIMES = 3
DIGITS = 4  # significant ones that are kept


class Spectra:
    """Adds up the power spectra of forecasts at a few chosen steps.

    Args:
        bases: of the meshes to look at, by name.
        steps: of each mesh, which predicted steps, counted from 0.
    """

    def __init__(self, bases: Mapping[str, SpectralBasis], steps: Mapping[str, Sequence[int]]) -> None:
        self.bases, self.steps = bases, steps
        self._sums: dict[str, Power] = {}
        self._count: dict[str, int] = {}

    def add(self, mesh: str, frames: Array) -> None:
        """Adds one forecast, or its truth.

        Args:
            mesh: its mesh; one that is not looked at is passed over. frames: [V, H, C], finite where they count: a
                truth with gaps has no spectrum and must not come here.
        """
        if mesh not in self.bases or max(self.steps[mesh]) >= frames.shape[1]:
            return
        power = self.bases[mesh].power(frames[:, self.steps[mesh]])
        before = self._sums.get(mesh)
        self._sums[mesh] = power if before is None else Power(before.modes + power.modes, before.rest + power.rest)
        self._count[mesh] = self._count.get(mesh, 0) + 1

    def described(self, channels: Sequence[str]) -> dict[str, Any]:
        """Means over the windows, for metrics.json.

        Returns:
            {mesh: {"windows": n, "power": {channel: [S][L]}}} of the L lines at the S chosen steps, in squared units of
            the channel; a mesh without windows is left out.
        """
        found = {}
        for mesh, count in self._count.items():
            mean = Power(self._sums[mesh].modes / count, self._sums[mesh].rest / count)
            power = self.bases[mesh].lines(mean)[2]
            named = {name: _rounded(power[:, :, index].T) for index, name in enumerate(channels)}
            found[mesh] = {"windows": count, "power": named}
        return found


def described_lines(basis: SpectralBasis) -> dict[str, Any]:
    """What the lines of a mesh are, for metrics.json: {"eigenvalue": [L], "modes": [L]}."""
    eigenvalue, count, _ = basis.lines(Power(np.zeros(len(basis.eigenvalue)), np.zeros(())))
    return {"eigenvalue": [float(f"{value:.6g}") for value in eigenvalue], "modes": count.tolist()}


def spectral_steps(steps: int) -> list[int]:
    """The first, the middle and the last of the predicted steps, counted from 0."""
    return sorted({int(step) for step in np.round(np.linspace(0, steps - 1, min(TIMES, steps)))})


def _rounded(values: Array) -> list:
    """Plain numbers of a few digits: a spectrum spans decades, and what comes after them is of no use."""
    if values.ndim > 1:
        return [_rounded(row) for row in values]
    return [float(f"{value:.{DIGITS}g}") for value in values.tolist()]
