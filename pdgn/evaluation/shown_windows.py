"""The roll-outs that the figures show, one per group of surfaces, forecast by every model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch_geometric.data import Batch, Data

from pdgn.evaluation.contestants import Contestant
from pdgn.evaluation.example import Example
from pdgn.evaluation.rollout_windows import RolloutWindow, WindowViews, forecast_windows
from pdgn.evaluation.scores import WindowScores
from pdgn.evaluation.surface_drawing import Stage

Array = np.ndarray


class ShownWindow:
    """One roll-out with the forecasts of all models, each computed once.

    Args:
        metrics: what metrics.json holds. views: the roll-outs as each model sees them. contestants: the models.
        window: the roll-out.
    """

    def __init__(
        self,
        metrics: Mapping[str, Any],
        views: WindowViews,
        contestants: Mapping[str, Contestant],
        window: RolloutWindow,
    ) -> None:
        self.metrics, self.window = metrics, window
        self._views, self._contestants = views, contestants
        self._forecasts: dict[str, Array] = {}
        first = next(iter(contestants))
        record = views.of(contestants[first].forecaster.config.data).dataset.record(window.key.mesh)
        self.record = record
        self.stage = Stage.of(record.pos, record.face, record.edge_index, record.edge["vector"], record.period)
        self._data, self._time = self.sample(first), views.of(contestants[first].forecaster.config.data).time(window)

    def sample(self, name: str) -> Data:
        """The window as one model sees it, in physical units."""
        return self._views.of(self._contestants[name].forecaster.config.data).sample(self.window)

    def example(self, name: str, channel: str) -> Example:
        """One channel of the forecast of one model."""
        if name not in self._forecasts:
            batch = Batch.from_data_list([self.sample(name)])
            self._forecasts[name] = forecast_windows(self._contestants[name].forecaster, batch, self.window.steps)[0]
        units = self.metrics["units"]
        index = list(units["channels"]).index(channel)
        return Example(
            title=f"{self.window.key.mesh}, test trajectory {self.window.key.row}",
            stage=self.stage,
            truth=self._data.y[:, :, index].double().numpy(),
            prediction=self._forecasts[name][:, :, index],
            mask=self._data.y_mask.numpy(),
            time=self._time,
            channel=channel,
            unit=units["channels"][channel],
            time_unit=units["time"],
            length_unit=self.record.unit,
        )


def median_window(
    windows: Sequence[RolloutWindow], scores: Sequence[WindowScores], meshes: Sequence[str]
) -> RolloutWindow:
    """The roll-out of median error: neither the best nor the worst is shown.

    Args:
        windows: all roll-outs. scores: of each of them, by the model. meshes: those to choose from.
    """
    chosen = [
        (float(np.nan_to_num(score.sums.mae().total[0], nan=np.inf)), index)
        for index, score in enumerate(scores)
        if score.mesh in meshes
    ]
    return windows[sorted(chosen)[(len(chosen) - 1) // 2][1]]
