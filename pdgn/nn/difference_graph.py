"""The difference graph: a signal beside its learned differences."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from pdgn.nn.memory_pool import cat


class DifferenceGraphFeatures(NamedTuple):
    """Features of a difference graph: node [N, C + K·C + P], edge [E, K·C + R]."""

    node: Tensor
    edge: Tensor


class DifferenceGraph(nn.Module):
    r"""Node and edge features of the difference graph of a signal, with context appended.

    .. math::
        z_i = [f_i, (\Delta_w f)_i, p_i], \qquad z_{ij} = [(\nabla_w f)_{ij}, r_{ij}]

    Kernels and channels are flattened kernel by kernel. Nothing is learned.

    Invariances: equivariant under relabelling of nodes and of edges.

    Args:
        in_channels: C. num_kernels: K. context_channels: P. edge_context_channels: R.

    Shapes:
        x [N, C], gradient [E, K, C], laplacian [N, K, C], context [N, P] or None, edge_context [E, R] or None;
        output node [N, node_channels], edge [E, edge_channels].
    """

    def __init__(
        self, in_channels: int, num_kernels: int, context_channels: int = 0, edge_context_channels: int = 0
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.num_kernels = num_kernels
        self.context_channels = context_channels
        self.edge_context_channels = edge_context_channels

    @property
    def node_channels(self) -> int:
        """C + K·C + P."""
        return self.in_channels * (1 + self.num_kernels) + self.context_channels

    @property
    def edge_channels(self) -> int:
        """K·C + R."""
        return self.in_channels * self.num_kernels + self.edge_context_channels

    def forward(
        self,
        x: Tensor,
        gradient: Tensor,
        laplacian: Tensor,
        context: Tensor | None = None,
        edge_context: Tensor | None = None,
    ) -> DifferenceGraphFeatures:
        """The features of nodes and edges.

        Raises:
            ValueError: a feature has another width than the layer was built for.
        """
        node = cat([x, laplacian.flatten(1)] + ([] if context is None else [context]))
        edge = cat([gradient.flatten(1)] + ([] if edge_context is None else [edge_context]))
        if (node.size(1), edge.size(1)) != (self.node_channels, self.edge_channels):
            raise ValueError(
                f"difference graph: wanted {self.node_channels} node and {self.edge_channels} edge features, "
                f"given {node.size(1)} and {edge.size(1)}"
            )
        return DifferenceGraphFeatures(node, edge)

    def __repr__(self) -> str:
        widths = f"{self.in_channels}, {self.num_kernels}, {self.context_channels}, {self.edge_context_channels}"
        return f"{type(self).__name__}({widths})"
