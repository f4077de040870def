"""A learned reaction of each node by itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn.inits import reset

from pdgn.models.channels import Channels
from pdgn.models.node_functions import perceptron, slope
from pdgn.models.sample import forcing_inputs, node_inputs, physical_zero


class LocalReaction(nn.Module):
    r"""A linear reaction and a network,

    .. math:: R f_i + \rho(f_i, \text{context}_i, \text{forcing}_i)

    both zero in a fresh module; where it is proportional, times the distance of f from the physical zero.

    Args:
        channels: widths of signal, node context and forcing. hidden_channels: width of ρ.
        proportional: so that what is not there does not begin to react: populations, concentrations.

    Shapes:
        frame [N, C], a sample or batch of N nodes, index of the frame in data.forcing; output [N, C].

    Raises:
        ValueError: data lacks what the module was built for.
    """

    def __init__(self, channels: Channels, hidden_channels: int, proportional: bool = False) -> None:
        super().__init__()
        self.channels, self.proportional = channels, proportional
        signal, node, _, forcing = channels
        self.linear = nn.Parameter(torch.empty(signal, signal))
        self.network = perceptron(signal + node + 2 * forcing, hidden_channels, signal)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws every parameter anew."""
        reset(self.network)
        with torch.no_grad():
            self.linear.zero_()
            for parameter in self.network[-1].parameters():
                parameter.zero_()

    def forward(self, frame: Tensor, data: Data, index: int) -> Tensor:
        """The reaction."""
        parts = [frame, node_inputs(data, self.channels)]
        if self.channels.forcing > 0:
            parts.append(forcing_inputs(data, self.channels, index))
        value = frame @ self.linear.t() + self.network(torch.cat(parts, dim=1))
        return value * (frame - physical_zero(data, frame)) if self.proportional else value

    def slope(self, frame: Tensor, data: Data, index: int) -> Tensor:
        """Its derivative at a frame, [N, C, C]."""
        return slope(lambda moved: self(moved, data, index), frame)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.channels}, proportional={self.proportional})"
