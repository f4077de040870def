"""Learned derivatives on scattered points that stay exact for polynomials."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pdgn.nn.incidence import incidence_of
from pdgn.nn.polynomial_reference import PolynomialReference
from pdgn.nn.segments import gather_target, sum_at_target
from pdgn.nn.shapes import require_edge_index, require_shape
from pdgn.nn.weight_network import WeightNetwork


class PolynomialDifferenceLayer(nn.Module):
    r"""Gradients and Laplacians over a k-hop stencil: moving least squares and a learned part that keeps its exactness.

    .. math::
        (\nabla_w f)_i = \sum_{m \to i} w_{im} (f_m - f_i), \qquad
        (\Delta_w f)_i = \sum_{m \to i} v_{im} (f_i - f_m), \\
        w_{im} = w^0_{im} + s_i P(\alpha_{im} \hat\xi_{im} + \beta_{im} J \hat\xi_{im}), \qquad
        v_{im} = v^0_{im} + t_i P(\gamma_{im}), \qquad (\alpha, \beta, \gamma)_{im} = GN(\cdot), \\
        P(g)_{im} = g_{im} - \sum_b W^{0,b}_{im} \sum_{n \to i} p_b(\xi_{in})\, g_{in}

    A spatial difference layer crosses one edge, and no weight on one edge makes a difference exact for quadratics. Here
    the edges are those of the k-hop graph and a derivative is a sum over all that end at a node. ξ are coordinates in
    the tangent plane at i (on a surface geodesic normal coordinates), J turns by a right angle, w⁰ and v⁰ are the
    weights of a reference that is exact for polynomials p_b, and s_i and t_i their mean sizes at the node. P takes out
    of g what would change the result on these polynomials: whatever the parameters are, derivatives of polynomials of
    the reference's degree are exact, and constants map to 0. α, β and γ are zero at initialisation: a fresh layer is
    the reference. The Laplacian has the sign of the stiffness matrix, −Δ.

    Invariances: equivariant under relabelling of nodes and of edges. Another choice of the tangent frames turns the
    gradient with it and leaves the Laplacian; what leaves contexts and lengths as they are (a rigid motion, if the
    contexts do not hold coordinates) does likewise. With `signal_in_weights=False` linear in the signal.

    Args:
        in_channels: C, channels of the signal.
        context_channels: P, context of a node; may be 0.
        hidden_channels: width of the weight network.
        num_hops: rounds of message passing of the weight network on the stencil's edges; 0 sees the two ends.
        num_kernels: K, operators of each kind.
        edge_context_channels: R, context of an edge of the stencil (its length ...); may be 0.
        signal_in_weights: whether the weights see the signal.

    Shapes:
        x [N, C], edge_index [2, E] int64 (of the stencil), reference ([E, Q], [E, Q]), context [N, P] or None,
        edge_context [E, R] or None; output (gradient [N, K, 2, C], laplacian [N, K, C]).

    Raises:
        ValueError: num_kernels < 1, num_hops < 0, or an input of another shape.

    Reference:
        Seo, Meng, Liu, "Physics-aware Difference Graph Networks for Sparsely-Observed Dynamics", ICLR 2020, for the
        learned weights; Bar-Sinai et al., "Learning data-driven discretizations for partial differential equations",
        PNAS 2019, for learning in the null space of the polynomials.
    """

    def __init__(
        self,
        in_channels: int,
        context_channels: int,
        hidden_channels: int = 64,
        num_hops: int = 0,
        num_kernels: int = 1,
        edge_context_channels: int = 0,
        signal_in_weights: bool = True,
    ) -> None:
        super().__init__()
        if num_kernels < 1:
            raise ValueError(f"num_kernels: wanted an integer ≥ 1, given {num_kernels}")
        self.in_channels = in_channels
        self.context_channels = context_channels
        self.num_kernels = num_kernels
        self.edge_context_channels = edge_context_channels
        self.signal_in_weights = signal_in_weights
        node_channels = context_channels + (in_channels if signal_in_weights else 0)
        self.network = WeightNetwork(
            node_channels,
            edge_context_channels,
            hidden_channels,
            3 * num_kernels * in_channels,
            num_hops,
            zero_init=True,
        )

    def reset_parameters(self) -> None:
        """Draws the weight network anew, with α = β = γ = 0."""
        self.network.reset_parameters()

    def weights(
        self,
        x: Tensor,
        edge_index: Tensor,
        reference: PolynomialReference,
        context: Tensor | None = None,
        edge_context: Tensor | None = None,
    ) -> Tensor:
        """w and v of every edge, [E, K, 3, C]: the two components of the gradient and the Laplacian.

        Raises:
            ValueError: a tensor has another shape than the layer was built for.
        """
        learned, reference = self._learned(x, edge_index, reference, context, edge_context), reference.to(x.dtype)
        graph = incidence_of(edge_index, x.size(0))
        change = reference.null_space(_in_the_frame(learned, reference.monomials[:, :2]), graph)
        sizes = gather_target(reference.sizes(graph), graph)
        return reference.operators().view(-1, 1, 3, 1) + sizes.view(-1, 1, 3, 1) * change

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        reference: PolynomialReference,
        context: Tensor | None = None,
        edge_context: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Both derivatives at every node, (gradient [N, K, 2, C], laplacian [N, K, C]); 0 at a node without edges.

        P acts on the signal in place of the weights: Σ P(g) (f_m − f_i) = Σ g r, with r what the polynomial at i leaves
        unexplained at m.
        """
        learned, reference = self._learned(x, edge_index, reference, context, edge_context), reference.to(x.dtype)
        graph = incidence_of(edge_index, x.size(0))
        jet, residual = reference.fit(x, graph)
        fixed = torch.cat([jet[:, :2], jet[:, 2:3] + jet[:, 4:5]], dim=1)  # [N, 3, C]
        terms = _in_the_frame(learned, reference.monomials[:, :2]) * residual.view(-1, 1, 1, self.in_channels)
        change = sum_at_target(terms.flatten(1), graph).view(x.size(0), *terms.shape[1:])
        sums = fixed.unsqueeze(1) + reference.sizes(graph).view(-1, 1, 3, 1) * change
        return sums[:, :, :2], -sums[:, :, 2]

    def _learned(
        self,
        x: Tensor,
        edge_index: Tensor,
        reference: PolynomialReference,
        context: Tensor | None,
        edge_context: Tensor | None,
    ) -> Tensor:
        """(α, β, γ) of every edge, [E, K, 3, C]."""
        require_edge_index(edge_index)
        require_shape("x", x, x.size(0), self.in_channels)
        require_shape("context", context, x.size(0), self.context_channels)
        require_shape("edge_context", edge_context, edge_index.size(1), self.edge_context_channels)
        reference.require_rows(edge_index.size(1))
        node = [x] * self.signal_in_weights + ([] if context is None else [context])
        inputs = torch.cat(node, dim=1) if node else x.new_empty(x.size(0), 0)
        return self.network(inputs, edge_index, edge_context).unflatten(1, (self.num_kernels, 3, self.in_channels))

    def __repr__(self) -> str:
        widths = f"{self.in_channels}, {self.context_channels}, {self.network.hidden_channels}"
        hops = self.network.num_hops
        return f"{type(self).__name__}({widths}, num_hops={hops}, num_kernels={self.num_kernels})"


def _in_the_frame(learned: Tensor, offset: Tensor) -> Tensor:
    """α ξ̂ + β Jξ̂ and γ, [E, K, 3, C], of (α, β, γ)."""
    xi, eta = (offset / offset.norm(dim=1, keepdim=True)).unsqueeze(2).unsqueeze(2).unbind(1)
    along, across, scalar = learned.unbind(2)
    return torch.stack([along * xi - across * eta, along * eta + across * xi, scalar], dim=2)
