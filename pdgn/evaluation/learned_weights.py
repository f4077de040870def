"""The difference weights that a model has learned, beside the reference weights that they started from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch_geometric.data import Batch, Data

from pdgn.nn import FixedDifferenceLayer
from pdgn.training.forecaster import Forecaster

Array = np.ndarray


@dataclass(frozen=True)
class LearnedWeights:
    """Weights of one channel on one mesh, in physical units.

    Args:
        gradient: w¹ [E, K], 1/length. laplacian: v¹ [E, K], 1/length².
        reference_gradient: [E], directional derivative. reference_laplacian: [E], cotangents or finite differences.
        target: [E] int64, node that each edge runs to. num_nodes: N.
    """

    gradient: Array
    laplacian: Array
    reference_gradient: Array
    reference_laplacian: Array
    target: Array
    num_nodes: int

    def departure(self) -> Array:
        r"""[N] how far the Laplacian weights at a node are from the reference, in units of its mean size there:

        sqrt(mean_jk (v_ijk − v⁰_ij)²) / mean_j |v⁰_ij|; NaN at a node without edges.
        """
        moved = np.square(self.laplacian - self.reference_laplacian[:, None]).mean(axis=1)
        count = np.bincount(self.target, minlength=self.num_nodes)
        with np.errstate(divide="ignore", invalid="ignore"):
            root = np.sqrt(np.bincount(self.target, moved, self.num_nodes) / count)
            return root / (np.bincount(self.target, np.abs(self.reference_laplacian), self.num_nodes) / count)

    def farthest(self, count: int) -> list[int]:
        """The kernels whose weights have moved most, at most ``count`` of them, in their own order."""
        moved = sum(
            np.square(learned - reference[:, None]).mean(axis=0) / np.square(reference).mean()
            for learned, reference in (
                (self.gradient, self.reference_gradient), (self.laplacian, self.reference_laplacian),
            )
        )  # fmt: skip
        return sorted(np.argsort(-np.asarray(moved), kind="stable")[:count].tolist())


def learned_weights(forecaster: Forecaster, data: Data, channel: int = 0) -> LearnedWeights | None:
    """The weights with which a model takes its first step from the last observed frame of a window.

    Args:
        forecaster: the model. data: the window, in physical units. channel: which channel's weights.

    Returns:
        The weights; ``None`` of a model that has none or whose weights are fixed.
    """
    model = forecaster.model
    compute = getattr(model, "difference_weights", None)
    if compute is None or isinstance(getattr(model, "differences", None), FixedDifferenceLayer):
        return None
    scales = forecaster.normalizer
    with torch.no_grad():
        batch = Batch.from_data_list([data]).to(scales.signal_mean.device)
        weights = compute(scales.transform(batch))
        # A model knows the reference weights times one number each.
        gradient, laplacian = (
            (weight[:, :, channel] / scale).cpu().double().numpy()
            for weight, scale in (
                (weights.gradient, scales.gradient_scale), (weights.laplacian, scales.laplacian_scale),
            )
        )  # fmt: skip
    return LearnedWeights(
        gradient,
        laplacian,
        data.reference_gradient.double().numpy(),
        data.reference_laplacian.double().numpy(),
        data.edge_index[1].numpy(),
        data.x.size(0),
    )
