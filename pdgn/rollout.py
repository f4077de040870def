"""The loop over time: observed frames first, then the model on its own predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils.checkpoint import checkpoint
from torch_geometric.data import Data

from pdgn.models.forecast_model import ForecastModel
from pdgn.models.sample import graph_index
from pdgn.nn.memory_pool import MemoryPool, pooled


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
    recompute: bool = False,
    push_forward: int = 0,
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
        recompute: keep of each step only the frame and the state that it starts from, and run it again in the backward
            pass: the same gradients for one more forward pass, and memory for one step's activations in place of all
            steps'.
        push_forward: K, the first predicted frames, through which no gradient flows: with K > 0 neither they nor the
            observed ones are kept for the backward pass, and what follows starts from the model's own errors.

    Returns:
        The predicted frames [N, T, C], from the first one after data.x.

    Raises:
        ValueError: steps, probability, noise or push-forward out of range; frames, masks, truth or forcing of another
            shape; randomness without a generator.

    Reference:
        Brandstetter, Worrall & Welling, "Message Passing Neural PDE Solvers", ICLR 2022 (push-forward).
    """
    frames = rollout_frames(
        model,
        data,
        steps,
        truth=truth,
        truth_mask=truth_mask,
        truth_probability=truth_probability,
        noise_std=noise_std,
        generator=generator,
        recompute=recompute,
        push_forward=push_forward,
    )
    return torch.stack(list(frames), dim=1)


def rollout_frames(
    model: ForecastModel,
    data: Data,
    steps: int,
    *,
    truth: Tensor | None = None,
    truth_mask: Tensor | None = None,
    truth_probability: float = 0.0,
    noise_std: float = 0.0,
    generator: torch.Generator | None = None,
    recompute: bool = False,
    push_forward: int = 0,
) -> Iterator[Tensor]:
    """The frames of :func:`rollout` one by one, as they are computed; no earlier frame or state is kept.

    Args:
        model, data, steps, truth, truth_mask, truth_probability, noise_std, generator, recompute, push_forward: as
            there. Each frame is computed in the gradient mode in which it is asked for, but for those without gradient.

    Returns:
        T frames [N, C].

    Raises:
        ValueError: as there, at once and not with the first frame.
    """
    check_rollout(data, steps, truth, truth_mask, truth_probability, noise_std, generator)
    if not 0 <= push_forward < steps:
        raise ValueError(f"push_forward: wanted an integer ≥ 0 and below the {steps} steps, given {push_forward}")
    inputs = input_frames(data, truth, truth_mask, truth_probability, noise_std, generator)
    return _frames(model, data, steps, inputs, recompute, push_forward)


def input_frames(
    data: Data,
    truth: Tensor | None,
    truth_mask: Tensor | None,
    truth_probability: float,
    noise_std: float,
    generator: torch.Generator | None,
) -> Callable[[int], tuple[Tensor, Tensor] | None]:
    """What is put in the place of the prediction at a frame, and where.

    Args:
        data, truth, truth_mask, truth_probability, noise_std, generator: as in :func:`rollout`.

    Returns:
        Gives (values [N, C], mask [N] bool) for frames 0, 1, 2 … in this order, once each, as it draws; None: nothing.
    """
    observations, masks = _observations(data, noise_std, generator)
    batch, num_graphs = graph_index(data)

    def inputs(index: int) -> tuple[Tensor, Tensor] | None:
        ahead = index - observations.size(1)
        if ahead < 0:
            return observations[:, index], masks[:, index]
        if truth is None or truth_probability == 0:
            return None
        forced = _coins(num_graphs, truth_probability, generator).to(batch.device).index_select(0, batch)
        return truth[:, ahead], forced if truth_mask is None else forced & truth_mask[:, ahead]

    return inputs


def _frames(
    model: ForecastModel,
    data: Data,
    steps: int,
    inputs: Callable[[int], tuple[Tensor, Tensor] | None],
    recompute: bool,
    push_forward: int,
) -> Iterator[Tensor]:
    """The loop itself."""
    prediction = torch.zeros_like(data.x[:, 0])
    nothing = torch.zeros(prediction.size(0), dtype=torch.bool, device=prediction.device)
    with pooled(MemoryPool()):  # of its own, as a step makes others
        state = model.start(data)
    step = _recomputed_step if recompute else step_from
    first = data.x.size(1) - 1
    pool = MemoryPool()
    useful = first if model.memoryless and _observed_at(data, first) else 0
    graded = first + push_forward if push_forward else 0
    for index in range(first + steps):
        reading, observed = inputs(index) or (None, nothing)
        if index < useful:  # nothing of it is left when the next reading comes
            continue
        if index == graded > 0:
            torch.clear_autocast_cache()  # older PyTorch would find weights again that were cast without a graph
        with torch.no_grad() if index < graded else nullcontext(), pooled(pool):
            prediction, state = step(model, data, index, prediction, state, reading, observed)
        if index >= first:
            yield prediction


def step_from(
    model: ForecastModel,
    data: Data,
    index: int,
    prediction: Tensor,
    state: Any,
    reading: Tensor | None,
    observed: Tensor,
) -> tuple[Tensor, Any]:
    """One step from a prediction [N, C], with a reading [N, C] in its place where there is one."""
    frame = prediction if reading is None else torch.where(observed.unsqueeze(1), reading, prediction)
    return model.step(frame, state, data, index, observed)


def _recomputed_step(
    model: ForecastModel,
    data: Data,
    index: int,
    prediction: Tensor,
    state: Any,
    reading: Tensor | None,
    observed: Tensor,
) -> tuple[Tensor, Any]:
    """A step that keeps its inputs alone. All randomness is drawn before it, so no generator has to be put back."""
    leaves, form = pytree.tree_flatten(state)

    def run(prediction: Tensor, *leaves: Any) -> tuple[Tensor, Any]:
        state = pytree.tree_unflatten(leaves, form)
        return step_from(model, data, index, prediction, state, reading, observed)

    # Tensors as arguments, not in a closure: they are then saved as autograd saves, and guarded against change.
    return checkpoint(
        run,
        prediction,
        *leaves,
        use_reentrant=False,
        preserve_rng_state=False,
        context_fn=lambda: (nullcontext(), _buffers_kept(model)),
    )


@contextmanager
def _buffers_kept(model: ForecastModel) -> Iterator[None]:
    """Running statistics, as of a batch normalisation, are not taken a second time."""
    buffers = [
        (module, name, buffer)
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    for module, name, buffer in buffers:
        module._buffers[name] = buffer.clone()
    try:
        yield
    finally:
        for module, name, buffer in buffers:
            module._buffers[name] = buffer


def _observed_at(data: Data, index: int) -> bool:
    """Whether every node has a reading at a frame."""
    mask = getattr(data, "x_mask", None)
    return mask is None or bool(mask[:, index].all())


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


def check_rollout(
    data: Data,
    steps: int,
    truth: Tensor | None,
    truth_mask: Tensor | None,
    truth_probability: float,
    noise_std: float,
    generator: torch.Generator | None,
) -> None:
    """Raises the errors of :func:`rollout`."""
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
