"""The baseline of a gated recurrent network at each node."""

from __future__ import annotations

from typing import NamedTuple

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
from pdgn.nn import GatedUpdate


class GRUState(NamedTuple):
    """What the recurrent network carries: the last two frames, and the hidden state of each layer, [N, H]."""

    window: FrameWindow
    hidden: tuple[Tensor, ...]


class GRU(ForecastModel):
    r"""One gated recurrent network for all nodes, on what a node itself sees: its frames, its context and the forcing.

    .. math::
        h_i^1 = \mathrm{GRU}\big([f_i(t), \delta_i(t), c_i, q(t), q(t + 1)], h_i^1\big), \quad
        h_i^l = \mathrm{GRU}(h_i^{l-1}, h_i^l), \qquad f_i(t + 1) = f_i(t) + s \odot (W h_i^L + b)

    with :math:`\delta_i(t) = (f_i(t) - f_i(t - 1))/s` and s = data.increment_scale. Hidden states start at zero, and so
    do W and b: a fresh model is persistence. Neighbours have no part in it: it shows what space adds to the others.

    Symmetries: equivariant under relabelling; positions enter through the node context alone.

    Args:
        channels: widths of signal, node context and forcing; edge context is not read.
        hidden_channels: H.
        num_layers: L.

    Raises:
        ValueError: an option outside its range.

    Reference:
        Baseline of Seo, Meng, Liu, "Physics-aware Difference Graph Networks for Sparsely-Observed Dynamics", ICLR 2020;
        Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014.
    """

    trainable = True
    reach = (0, 0)

    def __init__(self, channels: Channels, hidden_channels: int = 64, num_layers: int = 2) -> None:
        super().__init__()
        require_at_least("hidden_channels", hidden_channels, 1)
        require_at_least("num_layers", num_layers, 1)
        self.channels = Channels(*channels)
        self.symmetries = node_symmetries(self.channels)
        self.hidden_channels = hidden_channels
        widths = [node_width(self.channels, frames=2), *(hidden_channels,) * (num_layers - 1)]
        self.gates = nn.ModuleList(nn.Linear(width, 3 * hidden_channels) for width in widths)
        self.updates = nn.ModuleList(GatedUpdate(hidden_channels) for _ in widths)
        self.decoder = nn.Linear(hidden_channels, self.channels.signal)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws every parameter anew; the decoder is zero."""
        reset(self.gates)
        reset(self.updates)
        nn.init.zeros_(self.decoder.weight)
        nn.init.zeros_(self.decoder.bias)

    def start(self, data: Data) -> GRUState:
        """No frames, and hidden states of zero."""
        hidden = data.x.new_zeros(data.x.size(0), self.hidden_channels)
        return GRUState(FrameWindow.empty(data.x[:, 0], 2), (hidden,) * len(self.updates))

    def step(self, frame: Tensor, state: GRUState, data: Data, index: int, observed: Tensor) -> tuple[Tensor, GRUState]:
        """The next frame [N, C] and the next state; see :class:`ForecastModel`."""
        window, scale = state.window.pushed(frame, observed), increment_scale(data, frame)
        inputs = torch.cat(node_features(window, scale, data, self.channels, index), dim=1)
        hidden: list[Tensor] = []
        for gates, update, before in zip(self.gates, self.updates, state.hidden):
            inputs = update(gates(inputs), before)
            hidden.append(inputs)
        return frame + scale * self.decoder(inputs), GRUState(window, tuple(hidden))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.channels}, {self.hidden_channels}, num_layers={len(self.updates)})"
