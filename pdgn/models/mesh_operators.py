"""The operators that an operator network makes of a mesh and its context."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import silu, softplus
from torch_geometric.data import Data
from torch_geometric.nn.inits import reset

from pdgn.models.channels import Channels
from pdgn.models.node_functions import positive
from pdgn.models.options import require_choice
from pdgn.models.sample import edge_inputs, node_inputs, reference_weights
from pdgn.nn.incidence import Incidence, incidence_of
from pdgn.nn.reverse_edges import reverse_edges
from pdgn.nn.segments import gather_source, gather_target, sum_at_target

SIDES = {"forward": (True, False), "backward": (False, True), "all": (True, True)}  # of a coupling's diagonal


class OperatorWeights(NamedTuple):
    """What operators weigh on a mesh.

    Attributes:
        operator: weights of the differences f_j − f_i, [E, C, C], row of the channel that changes.
        inflow: what convection brings to a node of its own value, [N, C].
        share: weights [E, C] of the differences that are taken off f before, or None without a correction.
        mobility: weights [E, C] of the differences of a potential, or None without one.
    """

    operator: Tensor
    inflow: Tensor
    share: Tensor | None
    mobility: Tensor | None


class MeshOperators(nn.Module):
    r"""Diffusion, convection and coupling, anchored at the reference Laplacian w⁰ of the mesh: weights of

    .. math::
        \sum_{j \to i} w^0_{ij} \alpha_{ij} \odot (f_j - f_i)
            + \sum_k A_k \sum_{j \to i} w^0_{ij} \gamma^k_{ij} (f_j - f_i)
            + \sum_k c_k \odot \sum_{j \to i} \beta^k_{ij} (f_i + f_j)

    with α > 0 and γ symmetric in the two ends of an edge and β skew, and all functions of the context of the edge and
    of its ends,

    .. math::
        \alpha_{ij} = \sigma\,\mathrm{softplus}(q_{ij} + q_{ji} + \log(e - 1)), \quad
        \gamma_{ij} = 1 + q_{ij} + q_{ji}, \quad
        \beta_{ij} = w^0_{ij} (q_{ij} - q_{ji}) + (q'_{ij} - q'_{ji}) / m_i,

    each q linear plus a small network. Fresh ones are at the reference weights with small coefficients.

    Args:
        channels: widths of signal, node context and edge context. hidden_channels: width of the network.
        num_kernels: K, of the coupling (where there are several channels) and of the convection.
        coupling: "forward": A_k strictly lower triangular, so that a channel drives those after it; "backward":
            strictly upper; "all": both.
        correction: whether there is a share :math:`c \odot w^0 \alpha / \sum |w^0 \alpha|` with |c| < 1/2.
        mobility: whether there is a mobility, made like α.

    Shapes:
        a sample or batch of N nodes and E edges without repetitions, normalised; output :class:`OperatorWeights`.

    Raises:
        ValueError: an unknown coupling; data lacks what the module was built for.
    """

    def __init__(
        self,
        channels: Channels,
        hidden_channels: int,
        num_kernels: int,
        coupling: Literal["forward", "backward", "all"] = "forward",
        correction: bool = False,
        mobility: bool = False,
    ) -> None:
        super().__init__()
        require_choice("coupling", coupling, SIDES)
        self.channels, self.sides = channels, SIDES[coupling]
        signal, node, edge, _ = channels
        self.widths = signal, num_kernels if signal > 1 else 0, num_kernels, num_kernels, signal if mobility else 0
        with _no_inputs_allowed():
            self.linear = nn.Linear(2 * node + edge, sum(self.widths))
            self.first = nn.Linear(2 * node + edge, hidden_channels)
        self.last = nn.Linear(hidden_channels, sum(self.widths))
        self.size = nn.Parameter(torch.empty(signal))
        self.coupling = nn.Parameter(torch.empty(self.widths[1], signal, signal))
        self.convection = nn.Parameter(torch.empty(num_kernels, signal))
        self.correction = nn.Parameter(torch.empty(signal)) if correction else None
        self.mobility = nn.Parameter(torch.empty(signal)) if mobility else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws every parameter anew."""
        with _no_inputs_allowed():
            reset(self.linear)
            reset(self.first)
        with torch.no_grad():
            self.linear.weight.mul_(0.1)
            self.linear.bias.zero_()
            self.last.weight.normal_(std=0.01)
            self.last.bias.zero_()
            self.size.fill_(-3.0)
            self.coupling.normal_(std=0.01)
            self.convection.normal_(std=0.3)
            if self.correction is not None:
                self.correction.zero_()
            if self.mobility is not None:
                self.mobility.fill_(-3.0)

    def forward(self, data: Data) -> OperatorWeights:
        """The weights, all kernels in one."""
        graph = incidence_of(data.edge_index, data.x.size(0))
        even, odd = self._edge_functions(data, graph)
        reference = reference_weights(data)[1].unsqueeze(1)
        diffusion = reference * softplus(self.size) * positive(even[0])
        convection = self._flux(data, reference, odd, graph)
        operator = torch.diag_embed(diffusion + convection)
        if self.channels.signal > 1:
            below, above = self.sides
            coupled = below * self.coupling.tril(-1) + above * self.coupling.triu(1)
            operator = operator + ((reference * (1 + even[1])) @ coupled.flatten(1)).view_as(operator)
        share = mobility = None
        if self.correction is not None:
            around = sum_at_target(diffusion.abs(), graph)
            share = 0.5 * torch.tanh(self.correction) * diffusion
            share = share / gather_target(torch.where(around > 0, around, 1), graph)
        if self.mobility is not None:
            mobility = reference * softplus(self.mobility) * positive(even[4])
        return OperatorWeights(operator, 2 * sum_at_target(convection, graph), share, mobility)

    def _edge_functions(self, data: Data, graph: Incidence) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """q_ij + q_ji and q_ij − q_ji of each kind; of an edge without a reverse, q_ij."""
        node, edge = node_inputs(data, self.channels), edge_inputs(data, self.channels)
        inputs = torch.cat([gather_target(node, graph), gather_source(node, graph), edge], dim=1)
        out = self.linear(inputs) + self.last(silu(self.first(inputs)))
        back, found = reverse_edges(data.edge_index, data.x.size(0))
        other = torch.where(found.unsqueeze(1), out.index_select(0, back), out.new_zeros(()))
        return (out + other).split(self.widths, dim=1), (out - other).split(self.widths, dim=1)

    def _flux(self, data: Data, reference: Tensor, odd: tuple[Tensor, ...], graph: Incidence) -> Tensor:
        """Σ_k c_k β^k, [E, C]."""
        inverse = getattr(data, "inverse_mass", None)
        inverse = data.x.new_ones(data.x.size(0)) if inverse is None else inverse.to(data.x.dtype)
        skew = reference * odd[2] + gather_target(inverse.unsqueeze(1), graph) * odd[3]
        return skew @ self.convection

    def __repr__(self) -> str:
        kernels, hidden = self.widths[2], self.first.out_features
        return f"{type(self).__name__}({self.channels}, hidden_channels={hidden}, num_kernels={kernels})"


@contextmanager
def _no_inputs_allowed() -> Iterator[None]:
    """Without PyTorch's warning of layers without inputs, of which the bias is left."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Initializing zero-element tensors")
        yield
