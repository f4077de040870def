"""A gated recurrent update whose input terms are computed elsewhere."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class GatedUpdate(nn.Module):
    r"""The hidden half of a gated recurrent unit: takes W x + b of its three gates, updates h.

    .. math::
        r = \sigma(a_r + U_r h), \quad z = \sigma(a_z + U_z h), \quad n = \tanh(a_n + r \odot (U_n h + b_n)), \quad
        h' = n + z \odot (h - n)

    with :math:`[a_r, a_z, a_n] = W x + b`. The caller forms that sum, per node where it can.

    Args:
        hidden_channels: H.

    Shapes:
        gates [M, 3H], h [M, H]; output [M, H].

    Reference:
        Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014, as in torch.nn.GRUCell.
    """

    def __init__(self, hidden_channels: int) -> None:
        super().__init__()
        self.hidden_channels = hidden_channels
        self.weight = nn.Parameter(torch.empty(3 * hidden_channels, hidden_channels))
        self.bias = nn.Parameter(torch.empty(hidden_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws U and b from U(±1/√H)."""
        bound = 1 / math.sqrt(self.hidden_channels)
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, gates: Tensor, hidden: Tensor) -> Tensor:
        """The updated hidden state h'."""
        # split, not slices: the backward of a slice fills a whole tensor of zeros.
        widths = [2 * self.hidden_channels, self.hidden_channels]
        gates, candidate = gates.split(widths, dim=1)
        recurrent, memory = functional.linear(hidden, self.weight).split(widths, dim=1)
        reset, update = torch.sigmoid(gates + recurrent).chunk(2, dim=1)
        new = torch.tanh(torch.addcmul(candidate, reset, memory + self.bias))
        # Under autocast the gates come in half precision; the state keeps its own.
        return torch.lerp(new.to(hidden.dtype), hidden, update.to(hidden.dtype))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.hidden_channels})"
