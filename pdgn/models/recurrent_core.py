"""The recurrent core: increments from a difference graph with a memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.utils import scatter

from pdgn.models.mixing import KernelMixing
from pdgn.nn import DifferenceGraph, DifferenceWeights, RecurrentGraphNetwork, RecurrentState
from pdgn.nn.incidence import incidence_of
from pdgn.nn.segments import gather_source, gather_target, sum_at_target
from pdgn.nn.silu_linear import silu_linear
from pdgn.nn.transport import transport


class RecurrentCore(nn.Module):
    r"""Increment of a frame from its difference graph, a recurrent graph network and a decoder.

    .. math::
        v' = \mathrm{RGN}(z, h), \qquad
        \delta_i = W_2\,\mathrm{SiLU}(W_1 v'_i + b_1) + b_2
        \;[\; + r_i \textstyle\sum_{j \to i} a_{ij} (f_j - f_i) \,], \qquad
        a_{ij} = -\textstyle\sum_k c_k v^1_{ijk}, \qquad r_i = \min\Big(1, 1 \Big/ s \sum_{j \to i} |a_{ij}|\Big)

    The bracket, :math:`r_i \sum_k c_k (\Delta_w f)_{ik}`, is the operator step: the operator moves the frame itself and
    is not a feature only. r keeps it inside the bound of an explicit diffusion: as a step s δ of a frame, no node moves
    by more than the weighted mean difference to its neighbours, however small its cell (a diffusion that is too stiff
    for the step ends at the neighbours' mean). Where a ≥ 0 this is the maximum principle, and repeated steps are
    stable. Nothing forces that sign: r bounds one step, and repeated ones may still grow. Limited, the operator step is
    cut off, in evaluation mode, where it would leave the range of the node and its neighbours,

    .. math::
        \min_{j \in N(i) \cup i} f_j \le f_i + s\,[\dots] \le \max_{j \in N(i) \cup i} f_j,

    which convection and diffusion keep by themselves as long as they reach no further than one edge in a step. The
    operator then makes no new extremum on any mesh, with any weights, and as the decoder is bounded a roll-out cannot
    grow faster than linearly. The price: a peak that passes between nodes is cut off. (In training the limit is left
    away: it hides from the gradient the steps that most need correction, and costs two more reductions.)
    W_2 and b_2 start at zero and c sums to zero over the kernels, so that a fresh core on anchored
    or fixed operators gives δ = 0.

    Invariances: equivariant under relabelling of nodes and of edges.

    Args:
        in_channels: C. num_kernels: K. context_channels: features appended to the nodes, edge_context_channels: to the
        edges. hidden_channels: H. num_layers: of the recurrent network. operator_step: whether the bracket is there,
        limited: whether the operator step is kept in the range of the neighbours.

    Shapes:
        x [N, C], gradient [E, K, C], laplacian [N, K, C], edge_index [2, E]; output δ [N, C] and the new state.
    """

    def __init__(
        self,
        in_channels: int,
        num_kernels: int,
        context_channels: int,
        edge_context_channels: int,
        hidden_channels: int = 64,
        num_layers: int = 2,
        operator_step: bool = True,
        limited: bool = True,
    ) -> None:
        super().__init__()
        self.graph = DifferenceGraph(in_channels, num_kernels, context_channels, edge_context_channels)
        self.network = RecurrentGraphNetwork(
            self.graph.node_channels, self.graph.edge_channels, hidden_channels, num_layers
        )
        self.hidden = nn.Linear(hidden_channels, hidden_channels)
        self.decoder = nn.Linear(hidden_channels, in_channels)
        self.operator = KernelMixing(num_kernels, in_channels) if operator_step else None
        self.limited = limited
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the network anew; the decoder's last layer is zero."""
        self.network.reset_parameters()
        self.hidden.reset_parameters()
        nn.init.zeros_(self.decoder.weight)
        nn.init.zeros_(self.decoder.bias)
        if self.operator is not None:
            self.operator.reset_parameters()

    def initial_state(self, x: Tensor, edge_index: Tensor) -> RecurrentState:
        """Hidden states of zero, of the dtype and on the device of x."""
        return self.network.initial_state(x.size(0), edge_index.size(1), x.dtype, x.device)

    def transport(self, weights: DifferenceWeights, edge_index: Tensor, scale: Tensor) -> Tensor | None:
        """The operator step as weights r_i a_ij of one-hop differences.

        Args:
            weights: anchored or fixed (w² = v² = 1), each [E, K, C].
            edge_index: [2, E].
            scale: s, the usual increment, [N, C].

        Returns:
            [E, C]; None without operator step.
        """
        if self.operator is None:
            return None
        size = -self.operator(weights.laplacian)
        graph = incidence_of(edge_index, scale.size(0))
        rows = scale * sum_at_target(size.abs(), graph)
        return size / gather_target(rows.clamp(min=1), graph)

    def forward(
        self,
        x: Tensor,
        differences: tuple[Tensor, Tensor],
        edge_index: Tensor,
        context: Tensor | None,
        edge_context: Tensor | None,
        state: RecurrentState,
        operator: Tensor | None = None,
        scale: Tensor | None = None,
    ) -> tuple[Tensor, RecurrentState]:
        """The increment δ in units of the usual increment, and the new state; without an operator [E, C] from
        :meth:`transport`, r = 1."""
        graph = self.graph(x, *differences, context, edge_context)
        node, _, state = self.network(graph.node, graph.edge, edge_index, state)
        increment = silu_linear(self.hidden(node), self.decoder.weight, self.decoder.bias)
        if operator is not None:
            increment = increment + self._operator_step(x, edge_index, operator, scale)
        elif self.operator is not None:
            increment = increment + self.operator(differences[1])
        return increment, state

    def _operator_step(self, x: Tensor, edge_index: Tensor, weight: Tensor, scale: Tensor | None) -> Tensor:
        """r_i Σ_j a_ij (f_j − f_i), limited where the core is."""
        graph = incidence_of(edge_index, x.size(0))
        step = transport(x, graph, weight)
        if not self.limited or self.training or scale is None:
            return step
        difference = gather_source(x, graph) - gather_target(x, graph)
        lowest, highest = (
            scatter(difference, edge_index[1], dim=0, dim_size=x.size(0), reduce=reduce) for reduce in ("min", "max")
        )
        # PyG gives nodes without edges 0, the range of a node alone.
        size = scale.clamp(min=torch.finfo(scale.dtype).tiny)
        return step.clamp(min=lowest.clamp(max=0) / size, max=highest.clamp(min=0) / size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.graph}, {self.network}, operator_step={self.operator is not None})"


def last_increment(frame: Tensor, previous: Tensor, known: Tensor, scale: Tensor) -> Tensor:
    """The step that led to a frame, in units of the usual increment; 0 where the frame before was not known.

    Args:
        frame, previous: [N, C]. known: [N] bool. scale: usual increment, [N, C] or a scalar tensor.

    Returns:
        [N, C].
    """
    increment = (frame - previous) / scale.clamp(min=1e-6)
    return torch.where(known.unsqueeze(1), increment, torch.zeros_like(increment))
