"""The potential of a learned gradient flow."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch_geometric.nn.inits import reset

from pdgn.models.node_functions import perceptron, slope
from pdgn.nn.incidence import Incidence
from pdgn.nn.transport import transport


class ChemicalPotential(nn.Module):
    r"""A potential, as of Cahn and Hilliard, with a learned local part and a learned stiffness of gradients.

    .. math::
        \mu_i = P f_i + \nu(f_i, \text{context}_i) - \epsilon \odot \sum_{j \to i} w^0_{ij} (f_j - f_i)

    P and ν are zero in a fresh module, ε is small.

    Args:
        channels: C, of the signal. context: P, of a node. hidden_channels: width of ν.

    Shapes:
        frame [N, C], node [N, P], reference [E], graph of E edges; output [N, C].
    """

    def __init__(self, channels: int, context: int, hidden_channels: int) -> None:
        super().__init__()
        self.linear = nn.Parameter(torch.empty(channels, channels))
        self.local = perceptron(channels + context, hidden_channels, channels)
        self.stiffness = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws every parameter anew."""
        reset(self.local)
        with torch.no_grad():
            self.linear.zero_()
            self.stiffness.fill_(-3.0)
            for parameter in self.local[-1].parameters():
                parameter.zero_()

    def forward(self, frame: Tensor, node: Tensor, reference: Tensor, graph: Incidence) -> Tensor:
        """The potential [N, C]."""
        return self._local(frame, node) - transport(frame, graph, self.gradient_weights(reference))

    def gradient_weights(self, reference: Tensor) -> Tensor:
        """ε w⁰, [E, C], from w⁰ [E]."""
        return reference.unsqueeze(1) * softplus(self.stiffness)

    def slope(self, frame: Tensor, node: Tensor) -> Tensor:
        """Derivative of the local part at a frame, [N, C, C]."""
        return slope(lambda moved: self._local(moved, node), frame)

    def _local(self, frame: Tensor, node: Tensor) -> Tensor:
        return frame @ self.linear.t() + self.local(torch.cat([frame, node], dim=1))
