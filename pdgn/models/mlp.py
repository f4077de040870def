"""The baseline of a perceptron at each node."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn.inits import reset

from pdgn.models.channels import Channels
from pdgn.models.forecast_model import ForecastModel
from pdgn.models.frame_window import FrameWindow
from pdgn.models.node_features import node_features, node_symmetries, node_width
from pdgn.models.options import require_at_least
from pdgn.models.sample import increment_scale


class MLP(ForecastModel):
    r"""One perceptron for all nodes, on what a node itself has seen: its last h frames, its context and the forcing.

    .. math::
        f_i(t + 1) = f_i(t) + s \odot \mathrm{MLP}\big([f_i(t), \delta_i(t), \dots, \delta_i(t - h + 2), c_i, q(t),
        q(t + 1)]\big), \qquad \delta_i(t) = (f_i(t) - f_i(t - 1)) / s

    with SiLU between the layers; s is data.increment_scale. The last layer starts at zero, so that a fresh model is
    persistence. Neighbours have no part in it: it shows what space adds to the others.

    Symmetries: equivariant under relabelling; positions enter through the node context alone.

    Args:
        channels: widths of signal, node context and forcing; edge context is not read.
        frames: h.
        hidden_channels: width of the hidden layers.
        num_layers: how many hidden layers.

    Raises:
        ValueError: an option outside its range.

    Reference:
        Baseline of Seo, Meng, Liu, "Physics-aware Difference Graph Networks for Sparsely-Observed Dynamics", ICLR 2020.
    """

    trainable = True
    reach = (0, 0)

    def __init__(self, channels: Channels, frames: int = 5, hidden_channels: int = 64, num_layers: int = 2) -> None:
        super().__init__()
        options = {"frames": frames, "hidden_channels": hidden_channels, "num_layers": num_layers}
        for name, value in options.items():
            require_at_least(name, value, 1)
        self.channels = Channels(*channels)
        self.symmetries = node_symmetries(self.channels)
        self.frames = frames
        widths = [node_width(self.channels, frames), *(hidden_channels,) * num_layers]
        layers = [part for pair in zip(widths, widths[1:]) for part in (nn.Linear(*pair), nn.SiLU())]
        self.hidden = nn.Sequential(*layers)
        self.decoder = nn.Linear(hidden_channels, self.channels.signal)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws every parameter anew; the last layer is zero."""
        reset(self.hidden)
        nn.init.zeros_(self.decoder.weight)
        nn.init.zeros_(self.decoder.bias)

    def start(self, data: Data) -> FrameWindow:
        """The empty window."""
        return FrameWindow.empty(data.x[:, 0], self.frames)

    def step(
        self, frame: Tensor, state: FrameWindow, data: Data, index: int, observed: Tensor
    ) -> tuple[Tensor, FrameWindow]:
        """The next frame [N, C] and the next state; see :class:`ForecastModel`."""
        state, scale = state.pushed(frame, observed), increment_scale(data, frame)
        inputs = torch.cat(node_features(state, scale, data, self.channels, index), dim=1)
        return frame + scale * self.decoder(self.hidden(inputs)), state

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.channels}, frames={self.frames}, {self.decoder.in_features})"
