"""A roll-out on parts of a mesh, with the result and the gradients of the whole and the memory of a part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch_geometric.data import Data

from pdgn.models import ForecastModel
from pdgn.rollout import check_rollout, input_frames
from pdgn.training.halo_store import BlockStore
from pdgn.training.partition import Partition
from pdgn.training.partitioned_sweep import PartitionedSweep


def partitioned_rollout(
    model: ForecastModel,
    data: Data,
    steps: int,
    *,
    parts: int,
    scratch: str | Path | None = None,
    truth: Tensor | None = None,
    truth_mask: Tensor | None = None,
    truth_probability: float = 0.0,
    noise_std: float = 0.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""What :func:`~pdgn.rollout.rollout` gives, computed part by part, up to round-off.

    The nodes are cut into parts. For one step, a part sees its own nodes and a halo as deep as one step of the model
    sees (:func:`~pdgn.training.halo_reach.reach_of`), however many steps follow: after every step the parts exchange
    frames and states. The forward pass keeps these alone, and the backward pass goes back step by step and part by
    part: it runs the step of the part again, and hands the derivatives by its halo to their owners.

    Memory: activations of one step of one part, beside the sample itself and the frames. States of all steps wait in
    the memory of the host or, with scratch, in a file. Time: one more forward pass, and the halos.

    Args:
        model: the one-step predictor; nothing in its steps may be random or reach further than the model says, except
            the means of a conservative PADGN.
        data: as for `rollout`; no gradient flows to it.
        steps: T ≥ 1.
        parts: P, at most the number of nodes.
        scratch: folder for a temporary file; None: states wait in memory.
        truth, truth_mask, truth_probability, noise_std, generator: as for `rollout`; the same draws.

    Returns:
        The predicted frames [N, T, C], from which gradients flow to the parameters of the model, once.

    Raises:
        ValueError: as for `rollout`; parts out of range; scratch no folder; a model that is not local; no pymetis.
        OSError: the disk is full.
    """
    check_rollout(data, steps, truth, truth_mask, truth_probability, noise_std, generator)
    partition = Partition.of(data.edge_index, data.x.size(0), parts)
    choose = input_frames(data, truth, truth_mask, truth_probability, noise_std, generator)
    nothing = torch.zeros(data.x.size(0), dtype=torch.bool, device=data.x.device)
    first = data.x.size(1) - 1
    inputs = [choose(index) or (None, nothing) for index in range(first + steps)]
    sweep = PartitionedSweep(model, data, inputs, partition, BlockStore(scratch))
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not torch.is_grad_enabled() or not parameters:
        return sweep.forward(keep=False)[:, first:]
    return _Sweep.apply(sweep, _Autocast(data.x.device.type), *parameters)[:, first:]


class _Autocast:
    """The mixed precision of the forward pass, for the backward pass too."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._enabled = torch.is_autocast_enabled(device)
        self._dtype = torch.get_autocast_dtype(device)

    def __call__(self) -> torch.autocast:
        # Weights that are cast without a graph must not be found again by a step that needs one.
        return torch.autocast(self._device, self._dtype, self._enabled, cache_enabled=False)


class _Sweep(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, sweep: PartitionedSweep, autocast: _Autocast, *parameters: Tensor) -> Tensor:
        ctx.sweep, ctx.autocast = sweep, autocast
        ctx.save_for_backward(*parameters)
        with autocast():
            return sweep.forward(keep=True)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, derivative: Tensor) -> tuple[Tensor | None, ...]:
        with ctx.autocast():
            return None, None, *ctx.sweep.backward(derivative, ctx.saved_tensors)
