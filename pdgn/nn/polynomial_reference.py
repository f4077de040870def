"""What a layer of learned derivatives on scattered points starts from."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pdgn.nn.incidence import Incidence
from pdgn.nn.segments import gather_source, gather_target, mean_at_target, sum_at_target


class PolynomialReference(NamedTuple):
    """Weights of derivatives at scattered points that are exact for polynomials, and the polynomials.

    Attributes:
        monomials: p_b(ξ_im) = ξ, η, ξ²/2, ξη, η²/2, … of the tangent coordinates of source m at
            target i, [E, Q], Q ≥ 5.
        weights: W⁰ of the derivatives in that order, [E, Q], with Σ_m W⁰ᵃ_im p_b(ξ_im) = δ_ab.
    """

    monomials: Tensor
    weights: Tensor

    def require_rows(self, rows: int) -> None:
        """Raises ValueError where the two are not [rows, Q] with Q ≥ 5."""
        given = [tuple(part.shape) for part in self]
        if given[0] != given[1] or len(given[0]) != 2 or given[0][0] != rows or given[0][1] < 5:
            shapes = f"{list(given[0])} and {list(given[1])}"
            raise ValueError(f"reference: wanted monomials and weights [{rows}, Q], Q ≥ 5, given {shapes}")

    def to(self, target: torch.dtype | torch.device) -> PolynomialReference:
        """Both in another type or on another device."""
        return PolynomialReference(self.monomials.to(target), self.weights.to(target))

    def operators(self) -> Tensor:
        """The weights of f_m − f_i in the gradient (two) and in −Δ with f_i − f_m (one), [E, 3]."""
        laplacian = self.weights[:, 2:3] + self.weights[:, 4:5]
        return torch.cat([self.weights[:, :2], laplacian], dim=1)

    def sizes(self, graph: Incidence) -> Tensor:
        """Mean length of these weights over the edges into a node, [N, 3]; that of the gradient twice."""
        weights = self.operators()
        gradient = weights[:, :2].norm(dim=1, keepdim=True)
        return mean_at_target(torch.cat([gradient, gradient, weights[:, 2:].abs()], dim=1), graph)

    def fit(self, x: Tensor, graph: Incidence) -> tuple[Tensor, Tensor]:
        """The polynomial through each node: its derivatives [N, Q, C], and what it leaves unexplained [E, C].

        Args:
            x: [N, C]. graph: E edges.
        """
        step = gather_source(x, graph) - gather_target(x, graph)
        terms = self.weights.unsqueeze(2) * step.unsqueeze(1)
        jet = sum_at_target(terms.flatten(1), graph)
        explained = self.monomials.unsqueeze(2) * gather_target(jet, graph).view(terms.shape)
        return jet.view(x.size(0), *terms.shape[1:]), step - explained.sum(dim=1)

    def null_space(self, g: Tensor, graph: Incidence) -> Tensor:
        """P(g): g without its moments on the polynomials, [E, ...]."""
        flat = g.flatten(1)
        products = self.monomials.unsqueeze(2) * flat.unsqueeze(1)
        moments = gather_target(sum_at_target(products.flatten(1), graph), graph).view(products.shape)
        return (flat - (self.weights.unsqueeze(2) * moments).sum(dim=1)).view_as(g)
