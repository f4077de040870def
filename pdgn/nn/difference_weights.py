"""The weights of the difference operators."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class DifferenceWeights(NamedTuple):
    r"""Weights of K difference operators per kind, on every edge and channel; each tensor is [E, K, C].

    .. math::
        (\nabla_w f)_{ij} = w^1_{ij} (f_j - w^2_{ij} f_i), \qquad
        (\Delta_w f)_i = \sum_{j \to i} v^1_{ij} (f_i - v^2_{ij} f_j)

    Attributes:
        gradient: w¹. gradient_ratio: w². laplacian: v¹. laplacian_ratio: v².
    """

    gradient: Tensor
    gradient_ratio: Tensor
    laplacian: Tensor
    laplacian_ratio: Tensor

    @classmethod
    def from_reference(cls, reference: tuple[Tensor, Tensor], num_kernels: int, channels: int) -> DifferenceWeights:
        """The fixed operators as weights: w¹ = gradient, v¹ = laplacian, w² = v² = 1, the same in every kernel.

        Args:
            reference: (gradient [E], laplacian [E]).
            num_kernels: K. channels: C.

        Returns:
            Views of the reference (nothing is copied), each [E, K, C].
        """
        gradient, laplacian = (weight.view(-1, 1, 1).expand(-1, num_kernels, channels) for weight in reference)
        ones = gradient.new_ones(()).expand_as(gradient)
        return cls(gradient, ones, laplacian, ones)
