"""The sum core: increments that are sums of learned differences."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from pdgn.models.mixing import KernelMixing
from pdgn.nn import DifferenceWeights, WeightNetwork
from pdgn.nn.incidence import incidence_of
from pdgn.nn.segments import gather_target, sum_at_target
from pdgn.nn.transport import transport


class SumOperator(NamedTuple):
    r"""Both operators and all kernels in one, :math:`o_i = \sum_{j \to i} a_{ij} (f_j - f_i) + r_i f_i`.

    Attributes:
        neighbours: a, [E, C].
        own: r, [N, C]; None where it is zero.
    """

    neighbours: Tensor
    own: Tensor | None

    def __call__(self, frame: Tensor, edge_index: Tensor) -> Tensor:
        """o [N, C] of a frame [N, C]."""
        moved = transport(frame, incidence_of(edge_index, frame.size(0)), self.neighbours)
        return moved if self.own is None else moved.addcmul(self.own, frame)


class SumCore(nn.Module):
    r"""Increment of a frame as the sum of its learned differences over neighbours, kernels and both operators.

    .. math::
        \delta_i = \sum_{o \in \{\nabla, \Delta\}} \sum_k \sum_{j \to i} c^{ok}_{ij} \,(d^{ok} f)_{ij}, \qquad
        c^{ok}_{ij} = m^{ok} + \phi([\text{context within } h \text{ hops}])

    with :math:`(d^\nabla f)_{ij} = w^1_{ij}(f_j - w^2_{ij} f_i)` and
    :math:`(d^\Delta f)_{ij} = v^1_{ij}(f_i - v^2_{ij} f_j)`: the published
    :math:`\sum_j c_{ij} a_{ij} (f_i - b_{ij} f_j)` for each order. The m sum to zero over the kernels and φ starts at
    zero, so that a fresh core on anchored or fixed operators gives δ = 0. As δ is linear in f, all of it is one number
    per edge and channel and one per node and channel, computed where the weights are,

    .. math::
        \delta_i = \sum_{j \to i} a_{ij} (f_j - f_i) + r_i f_i, \qquad a = \sum_k (w^1 - v^1 v^2), \qquad
        r_i = \sum_{j \to i} \sum_k \big[ w^1 (1 - w^2) + v^1 (1 - v^2) \big]

    with c in w¹ and v¹; r is zero where the weights are anchored or fixed.

    Invariances: equivariant under relabelling of nodes and of edges; linear in the signal where the weights are.

    Args:
        in_channels: C. num_kernels: K. context_channels: inputs of φ per node, edge_context_channels: per edge.
        hidden_channels: width of φ. num_hops: hops that φ sees.

    Shapes:
        weights each [E, K, C]; output s δ [N, C].
    """

    def __init__(
        self,
        in_channels: int,
        num_kernels: int,
        context_channels: int,
        edge_context_channels: int,
        hidden_channels: int = 64,
        num_hops: int = 2,
    ) -> None:
        super().__init__()
        self.gradient = KernelMixing(num_kernels, in_channels)
        self.laplacian = KernelMixing(num_kernels, in_channels)
        self.coefficients = WeightNetwork(
            context_channels,
            edge_context_channels,
            hidden_channels,
            2 * num_kernels * in_channels,
            num_hops,
            zero_init=True,
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws m and φ anew; φ's last layer is zero."""
        for part in (self.gradient, self.laplacian, self.coefficients):
            part.reset_parameters()

    def fold(
        self, weights: DifferenceWeights, edge_index: Tensor, node: Tensor, edge: Tensor | None
    ) -> DifferenceWeights:
        """The weights with the coefficients multiplied in: c·w¹ and c·v¹; w² and v² as they are."""
        out = self.coefficients(node, edge_index, edge).unflatten(1, (2, *weights.gradient.shape[1:]))
        gradient, laplacian = out.unbind(1)
        return weights._replace(
            gradient=(self.gradient.weight + gradient) * weights.gradient,
            laplacian=(self.laplacian.weight + laplacian) * weights.laplacian,
        )

    def operator(
        self, weights: DifferenceWeights, edge_index: Tensor, scale: Tensor, keeps_constants: bool
    ) -> SumOperator:
        """What gives the step s δ of a frame.

        Args:
            weights: folded, each [E, K, C].
            edge_index: [2, E].
            scale: s, the usual increment, [N, C].
            keeps_constants: whether w² = v² = 1, so that r = 0.
        """
        w1, w2, v1, v2 = weights
        graph = incidence_of(edge_index, scale.size(0))
        neighbours = (w1 - (v1 if keeps_constants else v1 * v2)).sum(dim=1)
        own = None
        if not keeps_constants:
            own = scale * sum_at_target((w1 * (1 - w2) + v1 * (1 - v2)).sum(dim=1), graph)
        return SumOperator(gather_target(scale, graph) * neighbours, own)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.gradient}, {self.coefficients})"
