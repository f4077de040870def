"""A linear map of an edge and its two end nodes, applied per node before it is gathered."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from pdgn.nn.incidence import incidence_of
from pdgn.nn.segments import gather_source, gather_target


class EdgeLinear(nn.Module):
    r"""Linear map of target, source and edge features, without forming their concatenation.

    .. math::
        y_{ij} = W_t x_i + W_s x_j + W_e e_{ij} + b

    The two node terms are computed once per node and gathered, so their cost grows with N and not with E. Of tensors
    of the size of the edges, only e is kept for the backward pass.

    Invariances: equivariant under relabelling of nodes and of edges.

    Args:
        node_channels: D, features of a node; may be 0.
        edge_channels: R, features of an edge; may be 0.
        out_channels: O.

    Shapes:
        x [N, D], edge_index [2, E] int64 (source j, target i), edge [E, R] or None when R = 0; output [E, O].
    """

    def __init__(self, node_channels: int, edge_channels: int, out_channels: int) -> None:
        super().__init__()
        self.node_channels = node_channels
        self.edge_channels = edge_channels
        self.out_channels = out_channels
        self.target = nn.Parameter(torch.empty(out_channels, node_channels))
        self.source = nn.Parameter(torch.empty(out_channels, node_channels))
        self.edge = nn.Parameter(torch.empty(out_channels, edge_channels))
        self.bias = nn.Parameter(torch.empty(out_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws every parameter from U(±1/√fan_in), fan_in counting both nodes and the edge."""
        bound = 1 / math.sqrt(max(1, 2 * self.node_channels + self.edge_channels))
        for parameter in (self.target, self.source, self.edge, self.bias):
            if parameter.numel() > 0:
                nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor, edge_index: Tensor, edge: Tensor | None = None) -> Tensor:
        """The map y_ij of every edge, [E, O]."""
        graph = incidence_of(edge_index, x.size(0))
        # In place on a tensor made here: one pass over [E, O] less for each term.
        out = gather_target(functional.linear(x, self.target, self.bias), graph)
        if self.node_channels > 0:
            out += gather_source(functional.linear(x, self.source), graph)
        if edge is not None and self.edge_channels > 0:
            out.addmm_(edge.to(out.dtype), self.edge.t().to(out.dtype))  # autocast leaves methods in place alone
        return out

    def __repr__(self) -> str:
        return f"{type(self).__name__}(2 * {self.node_channels} + {self.edge_channels}, {self.out_channels})"
