"""Models that are fitted in closed form."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Data

from pdgn.models.channels import Channels
from pdgn.models.forecast_model import ForecastModel
from pdgn.models.frame_window import FrameWindow
from pdgn.models.late_tensors import LateTensors
from pdgn.models.normal_equations import NormalEquations
from pdgn.models.options import require_at_least
from pdgn.models.sample import increment_scale


class LinearState(NamedTuple):
    """The last h frames, and of a direct forecast those that are still to be handed out, each [N, C]."""

    window: FrameWindow
    ahead: tuple[Tensor, ...]


class ClosedFormModel(LateTensors, ForecastModel):
    r"""A linear forecast whose weights are a ridge regression; no gradient is needed.

    .. math::
        \hat f(t + \tau) = f(t) + s \odot (W_\tau^T z(t) + b_\tau), \qquad \tau = 1 \dots H

    z is what :meth:`regressors` makes of the last h frames (the newest, and the steps between them in units of s), and
    the forcing of frames t … t + τ. H is 1, and the step is rolled out, or (direct) all of the horizon: then H frames
    are handed out one by one, and the model applies itself to its own predictions after them. Before h frames are there
    the last one is kept.

    To fit: :meth:`accumulate` for all batches, then :meth:`solve` once for each penalty that is tried. Where a reading
    is missing in the observed frames the one before stands in; a target that is missing does not count.

    Args:
        channels: widths of signal and forcing; contexts are not read.
        frames: h.
        direct: whether all frames of the horizon are fitted at once.

    Attributes:
        penalties: λ to try first, of :class:`~pdgn.models.normal_equations.NormalEquations`; the largest leave
            persistence, which no roll-out need be worse than.
        fixed_graph: whether the weights belong to the nodes of one graph.
        weight, bias: [G, F, O] and [G, O], parameters without gradient; empty before the fit.
    """

    trainable = True
    penalties: ClassVar[tuple[float, ...]] = (1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0, 1e2, 1e4, 1e6)
    fixed_graph: bool = True
    weight: Tensor
    bias: Tensor

    def __init__(self, channels: Channels, frames: int, direct: bool) -> None:
        super().__init__()
        require_at_least("frames", frames, 1)
        self.channels = Channels(*channels)
        self.frames, self.direct = frames, direct
        self.add_late("weight", 3, weights=True)
        self.add_late("bias", 2, weights=True)
        self._equations: NormalEquations | None = None

    @abstractmethod
    def regressors(self, values: Tensor, data: Data) -> Tensor:
        """What the frames are to the regressions.

        Args:
            values: [N, h·C], the newest frame and the steps between the frames. data: the sample or batch.

        Returns:
            [R, G, F'].
        """

    @abstractmethod
    def forcing_regressors(self, values: Tensor) -> Tensor:
        """The same for one frame of the forcing, [N, Q] → [R, G, Q]."""

    @abstractmethod
    def feature_count(self) -> int:
        """F', once the model is fitted."""

    @property
    def horizon(self) -> int:
        """H of the fitted weights; 0 before the fit."""
        return self.bias.size(1) // self.outputs

    @property
    def outputs(self) -> int:
        """Outputs of a regression for each frame."""
        return self.channels.signal

    @property
    def blocks(self) -> int:
        """Outputs of a frame that may be missing one by one."""
        return self.outputs // self.channels.signal

    def fit_window(self, history: int, horizon: int) -> tuple[int, int]:
        """Observed and further frames of the samples that :meth:`accumulate` takes.

        Args:
            history, horizon: of the samples that the model will be used on.
        """
        return min(self.frames, history), horizon if self.direct else 1

    def begin(self, data: Data) -> None:
        """Prepares a model for the graph of the first batch of a fit."""

    def require(self, data: Data) -> None:
        """Raises ValueError where data are of another graph than that of the weights."""

    def accumulate(self, data: Data) -> None:
        """Adds the samples of a batch to the sums of the fit.

        Args:
            data: normalised, with x [N, h', C], y [N, H, C], their masks, increment_scale and what the model reads.

        Raises:
            ValueError: another graph than that of the batches before, for weights that belong to nodes.
        """
        if self._equations is None:
            self.begin(data)
        self.require(data)
        window, scale = _observed(data, self.frames)
        horizon = data.y.size(1) if self.direct else 1
        features = self._features(window, scale, data, data.x.size(1) - 1, horizon)
        steps = data.y[:, :horizon].double() - window.frames[0].unsqueeze(1)
        steps = steps / scale.clamp(min=1e-6).unsqueeze(1)
        shape = (*features.shape[:2], horizon * self.blocks)
        if self._equations is None:
            self._equations = NormalEquations(shape[1], features.size(2), shape[2], self.channels.signal)
        mask = data.y_mask[:, :horizon].reshape(shape)
        self._equations.add(features, steps.reshape(*shape, self.channels.signal), mask)

    def solve(self, penalty: float) -> None:
        """Sets the weights to the regressions of what was accumulated.

        Args:
            penalty: λ.

        Raises:
            ValueError: nothing was accumulated.
            torch.linalg.LinAlgError: a penalty too small for regressors that depend on each other.
        """
        if self._equations is None:
            raise ValueError(f"{type(self).__name__}: wanted batches to fit, given none")
        solution = self._equations.solve(penalty, self._used(self._equations))
        self.set_late("weight", solution.weight)
        self.set_late("bias", solution.bias)

    def _used(self, equations: NormalEquations) -> Tensor | None:
        """Frame τ of a direct forecast is not told the forcing after it: it may lie beyond what is known."""
        if self.channels.forcing == 0 or not self.direct:
            return None
        leads = torch.arange(equations.blocks + 1).repeat_interleave(self.channels.forcing)
        first = equations.features - leads.numel()
        lead = torch.cat([leads.new_zeros(first), leads])
        return lead <= torch.arange(1, equations.blocks + 1).unsqueeze(1)

    def forget(self) -> None:
        """Frees the sums of the fit."""
        self._equations = None

    def start(self, data: Data) -> LinearState:
        """No frames.

        Raises:
            ValueError: the model was not fitted, or data are of another graph than that of its weights.
        """
        if self.bias.numel() == 0:
            raise ValueError(f"{type(self).__name__}: wanted a fitted model, given one without weights; train it first")
        self.require(data)
        return LinearState(FrameWindow.empty(data.x[:, 0], self.frames), ())

    def step(
        self, frame: Tensor, state: LinearState, data: Data, index: int, observed: Tensor
    ) -> tuple[Tensor, LinearState]:
        """The next frame [N, C] and the next state; see :class:`ForecastModel`."""
        window, place = state.window.pushed(frame, observed), index - data.x.size(1) + 1
        if place < 0 and (self.direct or index + 1 < self.frames):
            return frame, LinearState(window, ())
        turn = place % self.horizon
        ahead = self._ahead(window, data, index) if turn == 0 else state.ahead
        return ahead[turn], LinearState(window, ahead)

    def _ahead(self, window: FrameWindow, data: Data, index: int) -> tuple[Tensor, ...]:
        """The H frames after the newest of a window."""
        frame = window.frames[0]
        scale = increment_scale(data, frame)
        features = self._features(window, scale, data, index, self.horizon)
        steps = torch.baddbmm(self.bias.unsqueeze(1), features.transpose(0, 1), self.weight).transpose(0, 1)
        steps = steps.reshape(frame.size(0), self.horizon, frame.size(1))
        return tuple(frame + scale * step for step in steps.unbind(1))

    def _features(self, window: FrameWindow, scale: Tensor, data: Data, index: int, horizon: int) -> Tensor:
        values = torch.cat([window.frames[0], *window.increments(scale)], dim=1)
        parts = [self.regressors(values, data)]
        if self.channels.forcing > 0:
            forcing = _forcing(data, self.channels, index, horizon).to(values.dtype)
            parts += [self.forcing_regressors(lead) for lead in forcing.unbind(1)]
        return torch.cat(parts, dim=2)

    def fault(self) -> str | None:
        """Weights that do not fit the options."""
        if self.bias.numel() == 0:
            return None
        features = self.feature_count() + self.channels.forcing * (self.horizon + 1)
        wanted = (self.bias.size(0), features, self.bias.size(1))
        whole = self.bias.size(1) == self.horizon * self.outputs and (self.direct or self.horizon == 1)
        if tuple(self.weight.shape) != wanted or not whole:
            return f"weight: wanted {list(wanted)}, given {list(self.weight.shape)}"
        return None


def _observed(data: Data, frames: int) -> tuple[FrameWindow, Tensor]:
    """The window after the observed frames, float64, the frame before where a reading is missing; and the scale."""
    values = data.x.double()
    mask = getattr(data, "x_mask", None)
    mask = torch.ones(values.shape[:2], dtype=torch.bool, device=values.device) if mask is None else mask
    frame = torch.zeros_like(values[:, 0])
    window = FrameWindow.empty(frame, frames)
    for index in range(values.size(1)):
        frame = torch.where(mask[:, index].unsqueeze(1), values[:, index], frame)
        window = window.pushed(frame, mask[:, index])
    return window, increment_scale(data, frame)


def _forcing(data: Data, channels: Channels, index: int, horizon: int) -> Tensor:
    """data.forcing at a frame and the H after it, [N, H + 1, Q]; the last one again where there are no more."""
    forcing = getattr(data, "forcing", None)
    if forcing is None or forcing.size(1) < index + 2 or forcing.size(2) != channels.forcing:
        given = None if forcing is None else list(forcing.shape)
        raise ValueError(f"data.forcing: wanted [{data.x.size(0)}, ≥ {index + 2}, {channels.forcing}], given {given}")
    known = forcing[:, index : index + horizon + 1]
    return torch.cat([known, known[:, -1:].expand(-1, horizon + 1 - known.size(1), -1)], dim=1)
