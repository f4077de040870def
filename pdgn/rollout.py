"""The loop over time: observed frames first, then the model on its own predictions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data

from pdgn.models.forecast_model import ForecastModel
from pdgn.models.sample import graph_index


def rollout(
    model: ForecastModel,
    data: Data,
    steps: int,
    *,
    truth: Tensor | None = None,
    truth_mask: Tensor | None = None,
    truth_probability: float = 0.0,
    noise_std: float = 0.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Runs a model through the observed frames of a batch and `steps` frames beyond them.

    .. math::
        \hat f(t+1), s_{t+1} = \mathrm{step}(g(t), s_t), \qquad
        g(t) = \begin{cases} x(t) + \text{noise} & \text{observed} \\ y(t) & \text{forced} \\ \hat f(t) & \text{else}
        \end{cases}, \qquad \hat f(0) = 0

    Where a sensor does not report, the model's own last prediction stands in; before the first prediction this is 0,
    the mean of the normalised signal. With probability p, drawn per graph and step, a graph takes the truth of the step
    as its next input (scheduled sampling), where the truth is a reading.

    Args:
        model: the one-step predictor.
        data: a sample or batch, normalised, with x [N, T0, C] and x_mask [N, T0] bool (all true if missing);
            not changed.
        steps: T ≥ 1.
        truth: [N, T, C], the frames to predict; needed for p > 0.
        truth_mask: [N, T] bool, true where the truth is a reading; all true if None.
        truth_probability: p in [0, 1].
        noise_std: standard deviation of normal noise on the observed frames, in normalised units.
        generator: the only source of randomness; needed where there is noise or 0 < p < 1.

    Returns:
        The predicted frames [N, T, C], from the first one after data.x.

    Raises:
        ValueError: steps, probability or noise out of range; frames, masks, truth or forcing of another shape;
            randomness without a generator.
    """
    _check(data, steps, truth, truth_mask, truth_probability, noise_std, generator)
    observed_frames = data.x.size(1)
    observations, masks = _observations(data, noise_std, generator)
    batch, num_graphs = graph_index(data)
    prediction = torch.zeros_like(data.x[:, 0])
    nothing = torch.zeros(prediction.size(0), dtype=torch.bool, device=prediction.device)
    state = model.start(data)
    predictions = []
    for index in range(observed_frames + steps - 1):
        if index < observed_frames:
            reading, observed = observations[:, index], masks[:, index]
        elif truth is not None and truth_probability > 0:
            ahead = index - observed_frames
            forced = _coins(num_graphs, truth_probability, generator).to(batch.device).index_select(0, batch)
            reading, observed = truth[:, ahead], forced if truth_mask is None else forced & truth_mask[:, ahead]
        else:
            reading, observed = prediction, nothing
        frame = torch.where(observed.unsqueeze(1), reading, prediction)
        prediction, state = model.step(frame, state, data, index, observed)
        if index >= observed_frames - 1:
            predictions.append(prediction)
    return torch.stack(predictions, dim=1)


def _observations(data: Data, noise_std: float, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """The observed frames, with noise, and where they are readings."""
    mask = getattr(data, "x_mask", None)
    mask = torch.ones(data.x.shape[:2], dtype=torch.bool, device=data.x.device) if mask is None else mask
    if noise_std == 0 or generator is None:
        return data.x, mask
    noise = torch.randn(data.x.shape, dtype=data.x.dtype, device=generator.device, generator=generator)
    return data.x + noise_std * noise.to(data.x.device), mask


def _coins(count: int, probability: float, generator: torch.Generator | None) -> Tensor:
    """True with the given probability, [count]; nothing is drawn where the outcome is certain."""
    if probability >= 1 or generator is None:
        return torch.ones(count, dtype=torch.bool)
    return torch.rand(count, device=generator.device, generator=generator) < probability


def _check(
    data: Data,
    steps: int,
    truth: Tensor | None,
    truth_mask: Tensor | None,
    truth_probability: float,
    noise_std: float,
    generator: torch.Generator | None,
) -> None:
    if data.x.dim() != 3:
        raise ValueError(f"data.x: wanted [N, T0, C], given {list(data.x.shape)}")
    nodes, frames, channels = data.x.shape
    if steps < 1:
        raise ValueError(f"steps: wanted an integer ≥ 1, given {steps}")
    if frames < 1:
        raise ValueError("data.x: wanted at least one observed frame [N, T0, C], given T0 = 0")
    if not 0 <= truth_probability <= 1:
        raise ValueError(f"truth_probability: wanted a number in [0, 1], given {truth_probability}")
    if not noise_std >= 0:
        raise ValueError(f"noise_std: wanted a number ≥ 0, given {noise_std}")
    if truth_probability > 0 and truth is None:
        raise ValueError(f"truth: wanted [{nodes}, {steps}, {channels}] for truth_probability > 0, given None")
    if truth is not None and tuple(truth.shape) != (nodes, steps, channels):
        raise ValueError(f"truth: wanted {[nodes, steps, channels]}, given {list(truth.shape)}")
    _check_mask("data.x_mask", getattr(data, "x_mask", None), [nodes, frames])
    _check_mask("truth_mask", truth_mask, [nodes, steps])
    if generator is None and (noise_std > 0 or 0 < truth_probability < 1):
        raise ValueError("generator: wanted a torch.Generator for noise or teacher forcing, given None")
    _check_forcing(data, frames + steps)


def _check_mask(name: str, mask: Tensor | None, shape: list[int]) -> None:
    if mask is not None and (list(mask.shape) != shape or mask.dtype != torch.bool):
        raise ValueError(f"{name}: wanted torch.bool {shape}, given {mask.dtype} {list(mask.shape)}")


def _check_forcing(data: Data, frames: int) -> None:
    forcing = getattr(data, "forcing", None)
    if forcing is not None and forcing.size(-1) > 0 and forcing.size(1) < frames:
        raise ValueError(f"data.forcing: wanted at least {frames} frames for the roll-out, given {forcing.size(1)}")
