"""One step of message passing of MeshGraphNet, and the perceptron that all its networks are."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn.inits import reset

from pdgn.nn import EdgeLinear
from pdgn.nn.incidence import incidence_of
from pdgn.nn.segments import sum_at_target


class Perceptron(nn.Module):
    r"""Two hidden layers with ReLU and, where asked for, a layer norm; the first layer may be the caller's.

    .. math::
        y = [\mathrm{LayerNorm}]\big(W_3\,\sigma(W_2\,\sigma(h) + b_2) + b_3\big), \qquad h = W_1 x + b_1, \quad
        \sigma = \mathrm{ReLU}

    Args:
        first: x → h, [..., H], every time a new tensor. hidden_channels: H. out_channels: O. norm: whether the layer
        norm is there.

    Shapes:
        what first takes; output [M, O].
    """

    def __init__(self, first: nn.Module, hidden_channels: int, out_channels: int, norm: bool = True) -> None:
        super().__init__()
        self.first = first
        self.hidden = nn.Linear(hidden_channels, hidden_channels)
        self.out = nn.Linear(hidden_channels, out_channels)
        self.norm = nn.LayerNorm(out_channels) if norm else None

    def reset_parameters(self) -> None:
        """Draws every parameter anew."""
        for part in self.children():
            reset(part)

    def forward(self, *inputs: Tensor) -> Tensor:
        """The output y, [M, O]."""
        out = self.out(functional.relu_(self.hidden(functional.relu_(self.first(*inputs)))))
        return out if self.norm is None else self.norm(out)


class MeshGraphNetBlock(nn.Module):
    r"""Messages of all edges, then updates of all nodes, with residual connections.

    .. math::
        m_{ij} = f_e([v_i, v_j, e_{ij}]), \quad e'_{ij} = e_{ij} + m_{ij}, \qquad
        v'_i = v_i + f_v\big([v_i, \textstyle\sum_{j \to i} m_{ij}]\big)

    Args:
        hidden_channels: H, of nodes, edges and both networks.

    Shapes:
        node v [N, H], edge e [E, H], edge_index [2, E]; output v' [N, H] and e' [E, H].
    """

    def __init__(self, hidden_channels: int) -> None:
        super().__init__()
        width = hidden_channels
        self.message = Perceptron(EdgeLinear(width, width, width), width, width)
        self.update = Perceptron(nn.Linear(2 * width, width), width, width)

    def reset_parameters(self) -> None:
        """Draws every parameter anew."""
        self.message.reset_parameters()
        self.update.reset_parameters()

    def forward(self, node: Tensor, edge: Tensor, edge_index: Tensor) -> tuple[Tensor, Tensor]:
        """The updated nodes and edges."""
        message = self.message(node, edge_index, edge)
        incoming = sum_at_target(message, incidence_of(edge_index, node.size(0)))
        return node + self.update(torch.cat([node, incoming.to(node.dtype)], dim=1)), edge + message
