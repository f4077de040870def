"""Physical units to model units and back, with statistics of the training split alone."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from pdgn.data.context import edge_context, forcing, node_context
from pdgn.data.dataset import MeshDynamicsDataset, TrajectoryKey
from pdgn.data.moments import RunningMoments

_PIECE_BYTES = 2**23


class Normalizer(nn.Module):
    """Standardises samples: signal (f − μ)/σ per channel, contexts likewise, reference weights by one constant each.

    All statistics are over observed values of the training split; a constant channel has σ = 1. The reference weights
    are scaled so that the fixed gradient and Laplacian of the normalised training signal have unit standard deviation,
    pooled over channels. ``increment_scale`` is the standard deviation of f(t+1) − f(t), divided by σ; ``signal_low``
    and ``signal_high`` are the extremes of the signal. Buffers only: ``state_dict`` holds everything.

    Args:
        signal, node_context, edge_context, forcing: numbers of channels.
    """

    signal_mean: Tensor
    signal_std: Tensor
    signal_low: Tensor
    signal_high: Tensor
    increment_scale: Tensor
    gradient_scale: Tensor
    laplacian_scale: Tensor

    def __init__(self, signal: int, node_context: int = 0, edge_context: int = 0, forcing: int = 0) -> None:
        super().__init__()
        for name, count in (
            ("signal", signal), ("node_context", node_context), ("edge_context", edge_context), ("forcing", forcing),
        ):  # fmt: skip
            self.register_buffer(f"{name}_mean", torch.zeros(count))
            self.register_buffer(f"{name}_std", torch.ones(count))
        self.register_buffer("signal_low", torch.full((signal,), -torch.inf))
        self.register_buffer("signal_high", torch.full((signal,), torch.inf))
        self.register_buffer("increment_scale", torch.ones(signal))
        self.register_buffer("gradient_scale", torch.ones(()))
        self.register_buffer("laplacian_scale", torch.ones(()))

    @classmethod
    def empty(cls, channels: Sequence[int]) -> Normalizer:
        """One that changes nothing, ready to load a state_dict.

        Args:
            channels: numbers of channels: signal, node context, edge context, forcing.
        """
        return cls(*channels)

    @classmethod
    def fit(cls, dataset: MeshDynamicsDataset) -> Normalizer:
        """Statistics of all training trajectories, read once and in pieces, so that memory does not grow with the
        dataset.

        Raises:
            ValueError: the dataset is of another split than "train", nothing in it was observed, or an observed value
                is not finite.
        """
        if dataset.split != "train":
            raise ValueError(f"wanted the training split to fit the normalisation, got split {dataset.split!r}")
        statistics = _Statistics(dataset)
        for key in dataset.trajectories():
            statistics.add(key)
        normalizer = cls.empty(dataset.channels)
        statistics.store(normalizer)
        return normalizer

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """A checkpoint that was made before the extremes were kept knows no range."""
        for name in ("signal_low", "signal_high"):
            state_dict.setdefault(prefix + name, getattr(self, name))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def transform(self, data: Data) -> Data:
        """A new graph, or batch of graphs, in model units; the given one is left as it is.

        Returns:
            The same attributes with x, y standardised and 0 where masked out, forcing and contexts standardised,
            reference weights scaled, and one row per graph of increment_scale [B, C], zero [B, C] (what a value of 0
            becomes), low and high [B, C] (the extremes of the training signal) and length_scale [B] (the same for all:
            over this length the normalised training signal changes by 1, the inverse of the standard deviation of its
            derivatives along edges, in the unit of the positions).
        """
        result = copy.copy(data)
        for name in ("x", "y"):
            if data.get(name) is not None:
                scaled = (data[name] - self.signal_mean) / self.signal_std
                result[name] = torch.where(data[f"{name}_mask"][..., None], scaled, 0.0)
        for name in ("node_context", "edge_context", "forcing"):
            if data.get(name) is not None:
                result[name] = (data[name] - getattr(self, f"{name}_mean")) / getattr(self, f"{name}_std")
        result.reference_gradient = data.reference_gradient * self.gradient_scale
        result.reference_laplacian = data.reference_laplacian * self.laplacian_scale
        result.inverse_mass = self.laplacian_scale / data.mass
        num_graphs = getattr(data, "num_graphs", 1)
        result.increment_scale = self.increment_scale.expand(num_graphs, -1).clone()
        for name, value in (("zero", 0.0), ("low", self.signal_low), ("high", self.signal_high)):
            result[name] = ((value - self.signal_mean) / self.signal_std).expand(num_graphs, -1).clone()
        result.length_scale = self.gradient_scale.expand(num_graphs)
        if getattr(result, "_slice_dict", None) is not None:
            rows = torch.arange(num_graphs + 1)
            slices = dict.fromkeys(("increment_scale", "zero", "low", "high", "length_scale"), rows)
            slices["inverse_mass"] = result._slice_dict["mass"]
            nothing = torch.zeros(num_graphs, dtype=torch.long)
            result._slice_dict = {**result._slice_dict, **slices}
            result._inc_dict = {**result._inc_dict, **dict.fromkeys(slices, nothing)}
        return result

    def inverse(self, frames: Tensor) -> Tensor:
        """Frames [..., C] in model units → physical units, f·σ + μ."""
        return frames * self.signal_std + self.signal_mean

    def forward(self, data: Data) -> Data:
        """The same as :meth:`transform`."""
        return self.transform(data)


class _Statistics:
    """Running moments of everything that is normalised."""

    def __init__(self, dataset: MeshDynamicsDataset) -> None:
        self.dataset = dataset
        counts = dataset.channels
        self.signal, self.increment = RunningMoments(counts.signal), RunningMoments(counts.signal)
        self.gradient, self.laplacian = RunningMoments(counts.signal), RunningMoments(counts.signal)
        self.contexts = {
            "node_context": RunningMoments(counts.node_context),
            "edge_context": RunningMoments(counts.edge_context),
            "forcing": RunningMoments(counts.forcing),
        }

    def add(self, key: TrajectoryKey) -> None:
        """Takes one trajectory in, piece by piece."""
        self._add_contexts(key)
        last: tuple[np.ndarray, np.ndarray] | None = None
        for stored, mask in self.dataset.stream(key):
            values = np.where(mask[..., None], stored, 0.0).astype(np.float64)
            if not np.isfinite(values).all():
                raise ValueError(
                    f"{self.dataset.path}: trajectory {key.row} of mesh '{key.mesh}': wanted finite values where "
                    "observed, got NaN or infinity ('pdgn check' tells where)"
                )
            self.signal.update(values[mask])
            self._add_operators(key, values, mask)
            if last is not None:
                values, mask = np.concatenate([last[0], values]), np.concatenate([last[1], mask])
            self.increment.update((values[1:] - values[:-1])[mask[1:] & mask[:-1]])
            last = values[-1:], mask[-1:]

    def _add_contexts(self, key: TrajectoryKey) -> None:
        dataset, record, parameters = self.dataset, self.dataset.record(key.mesh), self.dataset.parameters(key)
        values = {
            "node_context": node_context(record, dataset.context.node, parameters, dataset.time_step(key.mesh)),
            "edge_context": edge_context(record, dataset.context.edge, parameters),
            "forcing": forcing(dataset.context.forcing, dataset.time(key), dataset.time_axis, 1)[0],
        }
        for name, tensor in values.items():
            self.contexts[name].update(tensor.double().numpy())

    def _add_operators(self, key: TrajectoryKey, values: np.ndarray, mask: np.ndarray) -> None:
        """Fixed derivatives of the raw signal where both ends, or a node and all its neighbours, were observed."""
        record = self.dataset.record(key.mesh)
        source, target = record.edge_index
        first = np.flatnonzero(np.diff(target, prepend=-1))  # the edges are sorted by target, every node has one
        gradient, laplacian = record.edge["reference_gradient"], record.edge["reference_laplacian"]
        step = max(1, _PIECE_BYTES // (8 * values.shape[2] * len(source)))
        for start in range(0, len(values), step):
            piece, observed = values[start : start + step], mask[start : start + step]
            difference = piece[:, source] - piece[:, target]
            both = observed[:, source] & observed[:, target]
            self.gradient.update((gradient[:, None] * difference)[both])
            sums = -np.add.reduceat(laplacian[:, None] * difference, first, axis=1)
            self.laplacian.update(sums[np.logical_and.reduceat(both, first, axis=1)])

    def store(self, normalizer: Normalizer) -> None:
        """Writes the statistics into the buffers of a normaliser."""
        if not self.signal.count:
            raise ValueError(f"{self.dataset.path}: wanted observed values in the training split, got none")
        spread = self.signal.std()
        values = {
            "signal_mean": self.signal.mean,
            "signal_std": spread,
            "signal_low": self.signal.low,
            "signal_high": self.signal.high,
            "increment_scale": self.increment.std() / spread,
        }
        for name, moments in self.contexts.items():
            values[f"{name}_mean"], values[f"{name}_std"] = moments.mean, moments.std()
        for name, moments in (("gradient_scale", self.gradient), ("laplacian_scale", self.laplacian)):
            values[name] = 1 / moments.pooled_std(spread)
        for name, value in values.items():
            getattr(normalizer, name).copy_(torch.as_tensor(np.asarray(value)))
