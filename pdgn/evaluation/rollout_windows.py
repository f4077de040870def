"""Which parts of the test trajectories are rolled out, and in which batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch_geometric.data import Batch, Data

from pdgn.data import Context, MeshDynamicsDataset, TrajectoryKey, build_sample
from pdgn.training.config import DataConfig
from pdgn.training.forecaster import Forecaster

NODES_PER_BATCH = 16_384


class RolloutWindow(NamedTuple):
    """One roll-out: `lead` frames from `start` may be observed, the next `steps` are predicted."""

    key: TrajectoryKey
    start: int
    steps: int


class RolloutWindows:
    """The roll-outs of all test trajectories of a file; a context manager that holds the file open.

    Args:
        path: the dataset file.
        data: history, fields and context that the model was trained with.
        horizon: frames to predict; ``None``: to the end of each trajectory.
        stride: frames between the starts of two roll-outs of one trajectory; ``None``: one roll-out per trajectory.
        lead: frames of a window before the predicted ones, of which this model observes the last ``history``; ``None``:
            its history. With the same lead the windows of all models have the same predicted frames.

    Raises:
        ValueError: no test trajectories, a window longer than one of them, or a lead shorter than the history.
        OSError: the file is missing or damaged.
    """

    def __init__(
        self,
        path: str,
        data: DataConfig,
        horizon: int | None = None,
        stride: int | None = None,
        lead: int | None = None,
    ) -> None:
        self.history, self.lead = data.history, data.history if lead is None else lead
        if self.lead < self.history:
            raise ValueError(f"lead: wanted at least the history of {self.history} frames, given {self.lead}")
        context = Context(node=data.node_context, edge=data.edge_context, forcing=data.forcing)
        self.dataset = MeshDynamicsDataset(
            path, "test", history=data.history, horizon=horizon or 1, fields=data.fields, context=context
        )
        self.windows = [window for key in self.dataset.trajectories() for window in self._cut(key, horizon, stride)]

    def _cut(self, key: TrajectoryKey, horizon: int | None, stride: int | None) -> Iterator[RolloutWindow]:
        frames = len(self.dataset.time(key))
        last = frames - self.lead - (horizon or 1)
        for start in range(0, last + 1, stride or frames):
            yield RolloutWindow(key, start, horizon or frames - start - self.lead)

    def __enter__(self) -> RolloutWindows:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self.dataset.close()

    def sample(self, window: RolloutWindow) -> Data:
        """The window as a graph, in physical units, as :func:`pdgn.data.build_sample` makes it."""
        key, start, steps = window
        start, stop = start + self.lead - self.history, start + self.lead + steps
        return build_sample(
            self.dataset.record(key.mesh), *self.dataset.frames(key, start, stop),
            self.dataset.time(key)[start:stop], self.dataset.context, self.dataset.parameters(key),
            axis=self.dataset.time_axis,
        )  # fmt: skip

    def time(self, window: RolloutWindow) -> np.ndarray:
        """[H] times of the predicted frames since the last observed one."""
        time = self.dataset.time(window.key)[window.start :]
        return time[self.lead : self.lead + window.steps] - time[self.lead - 1]

    def batches(self) -> Iterator[tuple[list[RolloutWindow], Batch]]:
        """Batches of roll-outs of equal length, from any of the meshes."""
        for _, group in groupby(sorted(self.windows, key=lambda window: window.steps), key=lambda window: window.steps):
            chosen: list[RolloutWindow] = []
            nodes = 0
            for window in group:
                size = self.dataset.record(window.key.mesh).num_nodes
                if chosen and nodes + size > NODES_PER_BATCH:
                    yield self._batch(chosen)
                    chosen, nodes = [], 0
                chosen.append(window)
                nodes += size
            yield self._batch(chosen)

    def _batch(self, windows: list[RolloutWindow]) -> tuple[list[RolloutWindow], Batch]:
        return windows, Batch.from_data_list([self.sample(window) for window in windows])


class WindowViews:
    """The same roll-outs as each of several models sees them; a context manager that holds the file open.

    The longest history decides where windows start; each model observes the last frames of its own history, through
    its own context. Models of the same data settings share a view.

    Args:
        path: the dataset file. data: settings of each model. horizon, stride: as in :class:`RolloutWindows`.

    Raises:
        ValueError, OSError: as there.
    """

    def __init__(
        self, path: str, data: Sequence[DataConfig], horizon: int | None = None, stride: int | None = None
    ) -> None:
        self._views: list[tuple[tuple, RolloutWindows]] = []
        self.lead = max(settings.history for settings in data)
        # That of the longest history first: it is the one that tells when the trajectories are too short.
        for settings in sorted(data, key=lambda settings: -settings.history):
            if self._find(settings) is None:
                view = RolloutWindows(path, settings, horizon, stride, self.lead)
                self._views.append((_seen(settings), view))

    def __enter__(self) -> WindowViews:
        return self

    def __exit__(self, *exception: object) -> None:
        for _, view in self._views:
            view.close()

    def of(self, data: DataConfig) -> RolloutWindows:
        """The roll-outs as a model of these settings sees them."""
        view = self._find(data)
        assert view is not None
        return view

    def _find(self, data: DataConfig) -> RolloutWindows | None:
        return next((view for seen, view in self._views if seen == _seen(data)), None)


def _seen(data: DataConfig) -> tuple:
    """What of the settings decides what a model sees."""
    return data.history, data.fields, data.node_context, data.edge_context, data.forcing


def forecast_windows(forecaster: Forecaster, batch: Batch, steps: int) -> list[np.ndarray]:
    """The forecasts of a batch, one [N, steps, C] float64 array per window, in physical units."""
    device = next(iter(forecaster.normalizer.buffers())).device
    with torch.no_grad():
        frames = forecaster.forecast(batch.to(device), steps).cpu().double().numpy()
    return np.split(frames, batch.ptr.cpu().numpy()[1:-1])
