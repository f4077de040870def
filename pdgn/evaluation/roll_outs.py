"""Rolls a model out on every window and keeps what is measured."""

from __future__ import annotations

import sys
import time
from typing import NamedTuple

from tqdm import tqdm

from pdgn.evaluation.rollout_windows import RolloutWindow, RolloutWindows, forecast_windows
from pdgn.evaluation.scores import WindowScores, score_window
from pdgn.evaluation.spectra import Spectra
from pdgn.training.forecaster import Forecaster


class RollOuts(NamedTuple):
    """What came of the roll-outs of one model.

    Args:
        scores: of every window, in the order of the windows.
        seconds: that it took, reading and scoring included.
    """

    scores: list[WindowScores]
    seconds: float


def roll_out(
    forecaster: Forecaster,
    windows: RolloutWindows,
    *,
    threshold: float,
    name: str = "",
    spectra: Spectra | None = None,
    truth_spectra: Spectra | None = None,
    progress: bool | None = None,
) -> RollOuts:
    """Rolls a model out on all windows.

    Args:
        forecaster: the model, on its device. windows: as it sees them. threshold: relative L2 above which a forecast
            has diverged. name: for the progress bar.
        spectra: gathers the spectra of the forecasts. truth_spectra: those of the truth. Only windows without a gap in
            their truth have any.
        progress: show a bar; by default where standard error is a terminal.
    """
    found: dict[RolloutWindow, WindowScores] = {}
    shown = sys.stderr.isatty() if progress is None else progress
    began = time.perf_counter()
    with tqdm(total=len(windows.windows), desc=f"rolling out {name}", unit="window", disable=not shown) as bar:
        for chosen, batch in windows.batches():
            predictions = forecast_windows(forecaster, batch, chosen[0].steps)
            for window, data, prediction in zip(chosen, batch.cpu().to_data_list(), predictions, strict=True):
                known = bool(data.x_mask[:, -1].all())
                truth, mask = data.y.numpy(), data.y_mask.numpy()
                found[window] = score_window(
                    prediction, truth, mask, data.mass.numpy(), data.x[:, -1].numpy() if known else None,
                    time=windows.time(window), threshold=threshold, source=(*window.key, window.start),
                )  # fmt: skip
                if mask.all():
                    for gathered, frames in ((spectra, prediction), (truth_spectra, truth)):
                        if gathered is not None:
                            gathered.add(window.key.mesh, frames)
            bar.update(len(chosen))
    return RollOuts([found[window] for window in windows.windows], time.perf_counter() - began)
