"""Difference operators with given weights."""

from __future__ import annotations

from torch import Tensor, nn

from pdgn.nn.difference_weights import DifferenceWeights
from pdgn.nn.shapes import checked_reference, require_edge_index, require_shape
from pdgn.nn.spatial_difference import spatial_difference


class FixedDifferenceLayer(nn.Module):
    r"""Fixed difference operators in the form of a :class:`SpatialDifferenceLayer`; nothing is learned.

    .. math::
        (\nabla f)_{ij} = w^0_{ij} (f_j - f_i), \qquad (\Delta f)_i = \sum_{j \to i} v^0_{ij} (f_i - f_j)

    The Laplacian has the sign of the stiffness matrix, −Δ.

    Invariances: equivariant under relabelling of nodes and edges; linear in the signal, constants map to 0; whatever
    leaves the reference weights as they are (rigid motions of the mesh) leaves the result as it is.

    Args:
        in_channels: C, channels of the signal.

    Shapes:
        x [N, C], edge_index [2, E], reference (gradient [E], laplacian [E]);
        output (gradient [E, 1, C], laplacian [N, 1, C]).
    """

    num_kernels = 1
    signal_in_weights = False

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.in_channels = in_channels

    def weights(
        self,
        x: Tensor,
        edge_index: Tensor,
        context: Tensor | None = None,
        reference: tuple[Tensor, Tensor] | None = None,
        edge_context: Tensor | None = None,
    ) -> DifferenceWeights:
        """The reference as weights; signal and context are not looked at.

        Raises:
            ValueError: reference is None, or a tensor has another shape than the layer was built for.
        """
        if reference is None:
            raise ValueError("reference: wanted (gradient [E], laplacian [E]) for fixed weights, given None")
        require_edge_index(edge_index)
        require_shape("x", x, x.size(0), self.in_channels)
        return DifferenceWeights.from_reference(checked_reference(reference, edge_index, x.dtype), 1, self.in_channels)

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        context: Tensor | None = None,
        reference: tuple[Tensor, Tensor] | None = None,
        edge_context: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Both fixed differences (gradient [E, 1, C], laplacian [N, 1, C])."""
        return spatial_difference(x, edge_index, self.weights(x, edge_index, context, reference, edge_context))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.in_channels})"
