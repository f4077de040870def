"""The spatial difference layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pdgn.nn.difference_weights import DifferenceWeights
from pdgn.nn.differences import differences
from pdgn.nn.incidence import Incidence, incidence_of
from pdgn.nn.segments import gather_target, mean_at_target
from pdgn.nn.shapes import checked_reference, require_edge_index, require_shape
from pdgn.nn.weight_network import WeightNetwork


def spatial_difference(x: Tensor, edge_index: Tensor, weights: DifferenceWeights) -> tuple[Tensor, Tensor]:
    r"""Weighted differences of a signal across the edges of a graph.

    .. math::
        (\nabla_w f)_{ij} = w^1_{ij} (f_j - w^2_{ij} f_i), \qquad
        (\Delta_w f)_i = \sum_{j \to i} v^1_{ij} (f_i - v^2_{ij} f_j)

    The Laplacian has the sign of the stiffness matrix, −Δ. It is 0 at a node without edges.

    On a CPU, edges are taken in slices that fit its cache: beside the weights and the result nothing of their size is
    made, and beside the weights nothing of it is kept for the backward pass. Where edges are sorted by target, as
    datasets and :meth:`~pdgn.mesh.TriMesh.to_data` have them, the sum at each node reads one run of edges in place of
    scattered additions; any other order gives the same result more slowly.

    Args:
        x: the signal [N, C].
        edge_index: [2, E] int64, source j and target i.
        weights: each [E, K, C].

    Returns:
        (gradient [E, K, C], laplacian [N, K, C]).
    """
    return differences(x, incidence_of(edge_index, x.size(0)), *weights)


class SpatialDifferenceLayer(nn.Module):
    r"""Gradient- and Laplacian-like differences whose weights a graph network sets, K of each per channel.

    .. math::
        (\nabla_w f)_{ij} = w^1_{ij} (f_j - w^2_{ij} f_i), \qquad
        (\Delta_w f)_i = \sum_{j \to i} v^1_{ij} (f_i - v^2_{ij} f_j)

    Differences cross one edge; the weights see the signal and the context within `num_hops` hops of the edge.
    The Laplacian has the sign of the stiffness matrix, −Δ.

    Without a reference the weights are free, :math:`(w^1, w^2, v^1, v^2) = GN(\cdot)`, as published. With reference
    weights :math:`w^0, v^0` they are anchored:

    .. math::
        w^1_{ij} = w^0_{ij} + s_i\, g^w_{ij}, \quad v^1_{ij} = v^0_{ij} + t_i\, g^v_{ij}, \quad w^2 = v^2 = 1,
        \qquad s_i = \tfrac{1}{d_i}\sum_{j \to i} |w^0_{ij}|, \quad t_i = \tfrac{1}{d_i}\sum_{j \to i} |v^0_{ij}|

    g is zero at initialisation: with fresh parameters every kernel is the fixed operator (in float32 to 1e-6 of the
    sum of its terms' sizes), and constants are mapped to 0 always. The sizes s_i, t_i see all edges into i, whatever k.
    Kernels that start equal part only if what consumes them treats them differently, so mix them with
    weights that differ (a random linear layer does). Free and anchored weights have networks of their own.

    Invariances: equivariant under relabelling of nodes and of edges. Positions enter through context and reference
    alone: what leaves these as they are (a rigid motion, if they are lengths, cotangents, geodesic distances) leaves
    the result as it is. Scaling lengths by a with context unchanged scales anchored results by the factor of their
    reference, 1/a for the gradient, 1/a² for the Laplacian. With `signal_in_weights=False` the layer is linear in x;
    anchored, it is then unchanged when a constant is added to x.

    Args:
        in_channels: C, channels of the signal.
        context_channels: P, context of a node (coordinates, normals, coefficients ...); may be 0.
        hidden_channels: width of the weight network.
        num_hops: k, the hops that weights see; 0 sees the two ends of the edge.
        num_kernels: K, operators of each kind.
        edge_context_channels: R, context of an edge (length ...); may be 0.
        signal_in_weights: whether the weights see the signal; if not, they depend on context alone and may be kept.
        anchored: which of the two networks to build: True needs a reference in every call, False takes none,
            None builds both and decides call by call (one that is never called gets no gradients).

    Shapes:
        x [N, C], edge_index [2, E] int64, context [N, P] or None, reference None or (gradient [E], laplacian [E]),
        edge_context [E, R] or None; output (gradient [E, K, C], laplacian [N, K, C]), of the dtype of x, in which
        the reference is taken too.

    Raises:
        ValueError: num_kernels < 1, num_hops < 0, an input of another shape, or a reference that the layer was not
            built for.

    Reference:
        Seo, Meng, Liu, "Physics-aware Difference Graph Networks for Sparsely-Observed Dynamics", ICLR 2020.
    """

    def __init__(
        self,
        in_channels: int,
        context_channels: int,
        hidden_channels: int = 64,
        num_hops: int = 2,
        num_kernels: int = 16,
        edge_context_channels: int = 0,
        signal_in_weights: bool = True,
        anchored: bool | None = None,
    ) -> None:
        super().__init__()
        if num_kernels < 1:
            raise ValueError(f"num_kernels: wanted an integer ≥ 1, given {num_kernels}")
        self.in_channels = in_channels
        self.context_channels = context_channels
        self.hidden_channels = hidden_channels
        self.num_hops = num_hops
        self.num_kernels = num_kernels
        self.edge_context_channels = edge_context_channels
        self.signal_in_weights = signal_in_weights
        inputs = context_channels + (in_channels if signal_in_weights else 0), edge_context_channels, hidden_channels
        outputs = num_kernels * in_channels
        self.free = None if anchored else WeightNetwork(*inputs, 4 * outputs, num_hops)
        self.anchored = None if anchored is False else WeightNetwork(*inputs, 2 * outputs, num_hops, zero_init=True)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the weight networks anew; the anchored one starts at g = 0."""
        for network in (self.free, self.anchored):
            if network is not None:
                network.reset_parameters()

    def weights(
        self,
        x: Tensor,
        edge_index: Tensor,
        context: Tensor | None = None,
        reference: tuple[Tensor, Tensor] | None = None,
        edge_context: Tensor | None = None,
    ) -> DifferenceWeights:
        """The weights (w¹, w², v¹, v²), each [E, K, C], the very tensors that :meth:`forward` uses.

        Raises:
            ValueError: a tensor has another shape than the layer was built for.
        """
        require_edge_index(edge_index)
        require_shape("edge_context", edge_context, edge_index.size(1), self.edge_context_channels)
        node = self._node_inputs(x, context)
        network = self.free if reference is None else self.anchored
        if network is None:
            wanted, given = ("a reference", "None") if reference is None else ("None", "a reference")
            raise ValueError(f"reference: wanted {wanted}, as the layer was built, given {given}")
        parts = 4 if reference is None else 2
        out = network(node, edge_index, edge_context).unflatten(1, (parts, self.num_kernels, self.in_channels))
        if reference is None:
            return DifferenceWeights(*out.unbind(1))
        reference = checked_reference(reference, edge_index, x.dtype)
        fixed = DifferenceWeights.from_reference(reference, self.num_kernels, self.in_channels)
        gradient, laplacian = (
            base + _mean_size(weight, incidence_of(edge_index, x.size(0))).view(-1, 1, 1) * g
            for base, weight, g in zip((fixed.gradient, fixed.laplacian), reference, out.unbind(1))
        )
        return fixed._replace(gradient=gradient, laplacian=laplacian)

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        context: Tensor | None = None,
        reference: tuple[Tensor, Tensor] | None = None,
        edge_context: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Both learned differences (gradient [E, K, C], laplacian [N, K, C])."""
        return spatial_difference(x, edge_index, self.weights(x, edge_index, context, reference, edge_context))

    def _node_inputs(self, x: Tensor, context: Tensor | None) -> Tensor:
        require_shape("x", x, x.size(0), self.in_channels)
        require_shape("context", context, x.size(0), self.context_channels)
        parts = [x] if self.signal_in_weights else []
        if context is not None:
            parts.append(context)
        return torch.cat(parts, dim=-1) if parts else x.new_empty(x.size(0), 0)

    def __repr__(self) -> str:
        widths = f"{self.in_channels}, {self.context_channels}, {self.hidden_channels}"
        return f"{type(self).__name__}({widths}, num_hops={self.num_hops}, num_kernels={self.num_kernels})"


def _mean_size(weight: Tensor, graph: Incidence) -> Tensor:
    """Mean |w⁰| over the edges into the target node of each edge, [E]."""
    return gather_target(mean_at_target(weight.abs().unsqueeze(1), graph), graph).squeeze(1)
