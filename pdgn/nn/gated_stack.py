"""Gated recurrent units behind each other, with a decoder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn.inits import reset

from pdgn.nn.gated_unit import gated_rows
from pdgn.nn.gated_update import GatedUpdate
from pdgn.nn.relu_mask import masked_relu


class GatedStack(nn.Module):
    r"""L gated recurrent units, each fed by the one before, and a linear decoder.

    .. math::
        h'_1 = \mathrm{GRU}_1(a, h_1), \qquad h'_l = \mathrm{GRU}_l(W_l h'_{l-1} + b_l, h_l), \qquad
        y = [\mathrm{ReLU}](W h'_L + b)

    a, the gates of the first unit, come from the caller, who forms them per node where he can.

    Args:
        hidden_channels: H. out_channels: O. num_units: L ≥ 1. activate: whether the decoder ends in a ReLU.
        read_once: whether what reads y keeps it for no backward pass; the ReLU then keeps a byte a number.

    Shapes:
        gates [M, 3H], hidden L × [M, H]; output ([M, O], L × [M, H]).
    """

    def __init__(
        self,
        hidden_channels: int,
        out_channels: int,
        num_units: int = 2,
        activate: bool = True,
        read_once: bool = False,
    ) -> None:
        super().__init__()
        self.updates = nn.ModuleList(GatedUpdate(hidden_channels) for _ in range(num_units))
        self.gates = nn.ModuleList(nn.Linear(hidden_channels, 3 * hidden_channels) for _ in range(num_units - 1))
        self.decoder = nn.Linear(hidden_channels, out_channels)
        self.activate = activate
        self.read_once = read_once

    def reset_parameters(self) -> None:
        """Draws every parameter anew."""
        for part in (self.updates, self.gates, self.decoder):
            reset(part)

    def forward(self, gates: Tensor, hidden: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The output y and the new states."""
        return self.after_first(self.first(gates, hidden[0]), hidden)

    @property
    def first(self) -> GatedUpdate:
        """The first unit."""
        return self.updates[0]  # type: ignore[return-value]

    def after_first(self, state: Tensor, hidden: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The same from the new state of the first unit, [M, H], and the old states of all."""
        states, units = [state], zip(list(self.updates)[1:], self.gates, hidden[1:])
        for update, to_gates, old in cast("Iterator[tuple[GatedUpdate, nn.Linear, Tensor]]", units):
            states.append(gated_rows(to_gates, update, states[-1], old))
        out = self.decoder(states[-1])
        if self.activate:
            out = masked_relu(out) if self.read_once else functional.relu_(out)
        return out, tuple(states)

    def __repr__(self) -> str:
        widths = f"{self.decoder.in_features}, {self.decoder.out_features}, num_units={len(self.updates)}"
        return f"{type(self).__name__}({widths}, activate={self.activate})"
