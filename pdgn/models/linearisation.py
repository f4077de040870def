"""The derivative of the rate of an operator network: how large it is, and what of it an implicit step takes."""

from __future__ import annotations

import math
from typing import NamedTuple

import scipy.sparse as sp
import torch
from torch import Tensor
from torch_geometric.utils import scatter

from pdgn.models.implicit_step import difference_matrix
from pdgn.models.mesh_operators import OperatorWeights
from pdgn.models.row_bounds import node_weights, smoothed_rows, weighted_rows
from pdgn.nn.incidence import Incidence
from pdgn.nn.segments import gather_source, sum_at_target


class Linearisation(NamedTuple):
    r"""The derivative at a frame, with :math:`(D_w f)_i = \sum_{j \to i} w_{ij} (f_j - f_i)`,

    .. math::
        s \odot [(D_\text{operator} + \text{inflow}) (1 - D_\text{share}) + (1 - M)\, \text{reaction}
            + D_\text{mobility} (\text{potential} - D_\text{gradient})]

    Attributes:
        graph: E edges, N nodes. graph_index: graph of each node, [N] int64. num_graphs: B.
        weights: of the operators. scale: s, [N, C].
        reaction: derivative of the reaction, [N, C, C], or None without one.
        conservative: whether M is the mass-weighted mean of a graph; else it is 0.
        potential: derivative of the local part of the potential, [N, C, C]; gradient: weights [E, C]; or None.
    """

    graph: Incidence
    graph_index: Tensor
    num_graphs: int
    weights: OperatorWeights
    scale: Tensor
    reaction: Tensor | None = None
    conservative: bool = False
    potential: Tensor | None = None
    gradient: Tensor | None = None

    def spectral_bound(self) -> float:
        """A bound of the spectral radius, rigorous for any weights; inf where something is not finite.

        That of the C × C matrix of the largest row sums of its blocks, which for a wave is √λ and not λ, of each graph;
        sums are weighted, see :func:`node_weights`. Of the gradient flow it is the product of those of its operators.
        """
        weights = self._node_weights()
        blocks = self._operator_blocks(weights)
        if self.conservative and self.reaction is not None:
            blocks = blocks + self._largest(self.scale.unsqueeze(2) * self.reaction.abs())
        if self.weights.mobility is not None:
            outer = self._difference_rows(self.weights.mobility, weights)
            blocks = blocks + self._largest(self.scale * outer).unsqueeze(2) * self._largest(self._inner_rows(weights))
        radius = torch.linalg.eigvals(blocks.detach()).abs().max() if bool(blocks.isfinite().all()) else math.inf
        return float(radius)

    def implicit_part(self) -> sp.spmatrix:
        """The operators and, of what is local, the decay of each channel by itself: a matrix [N·C, N·C], channel
        fastest. A reaction whose mean is taken off is left out, as it would not keep the integral."""
        matrix = difference_matrix(self.weights.operator, self.graph) + _diagonal(self.weights.inflow)
        if self.weights.share is not None:
            matrix = matrix - matrix @ difference_matrix(self.weights.share, self.graph)
        if self.reaction is not None and not self.conservative:
            matrix = matrix + _diagonal(self.reaction.diagonal(dim1=1, dim2=2).clamp(max=0))
        if self.weights.mobility is not None and self.potential is not None and self.gradient is not None:
            inner = _diagonal(self.potential.diagonal(dim1=1, dim2=2).clamp(min=0))
            inner = inner - difference_matrix(self.gradient, self.graph)
            matrix = matrix + difference_matrix(self.weights.mobility, self.graph) @ inner
        return _diagonal(self.scale) @ matrix

    def _node_weights(self) -> Tensor:
        """Weights [N, 1] for sums of rows, from the stiffest of the operators."""
        operator, _, share, mobility = self.weights
        stiffest = operator.flatten(1) if mobility is None else mobility
        most = None if share is None else share.gather(1, share.abs().argmax(dim=1, keepdim=True)).squeeze(1)
        weights = node_weights(stiffest.abs().sum(dim=1), self.graph, most)
        # The mean that is taken off reaches every node.
        return torch.ones_like(weights) if self.conservative else weights

    def _operator_blocks(self, weights: Tensor) -> Tensor:
        """Largest sums of the rows of the operators and the reaction, [B, C, C]."""
        operator, inflow, share, _ = self.weights
        before = weights.expand(-1, operator.size(1)) if share is None else smoothed_rows(share, weights, self.graph)
        reach = operator.abs() * gather_source(before, self.graph).unsqueeze(1)
        rows = sum_at_target(reach.flatten(1), self.graph).view(-1, *operator.shape[1:]) / weights.unsqueeze(2)
        own = torch.diag_embed(inflow) - sum_at_target(operator.flatten(1), self.graph).view_as(rows)
        reaction = torch.zeros_like(own) if self.reaction is None else self.reaction
        if share is None:
            rows = rows + (own + reaction).abs()
        else:
            rows = rows + own.abs() * (before / weights).unsqueeze(1) + reaction.abs()
        return self._largest(self.scale.unsqueeze(2) * rows)

    def _inner_rows(self, weights: Tensor) -> Tensor:
        """Sums of the rows of the derivative of the potential, [N, C, C]."""
        assert self.potential is not None and self.gradient is not None
        return self.potential.abs() + torch.diag_embed(self._difference_rows(self.gradient, weights))

    def _difference_rows(self, differences: Tensor, weights: Tensor) -> Tensor:
        own = sum_at_target(differences, self.graph).abs()
        return weighted_rows(differences.abs(), weights, self.graph) + own

    def _largest(self, values: Tensor) -> Tensor:
        return scatter(values, self.graph_index, dim=0, dim_size=self.num_graphs, reduce="max")


def _diagonal(values: Tensor) -> sp.spmatrix:
    """[N, C] as a matrix [N·C, N·C], channel fastest."""
    return sp.diags(values.detach().cpu().double().numpy().ravel())
