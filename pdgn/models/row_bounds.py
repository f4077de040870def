"""Bounds of the spectral radius of sparse matrices by weighted sums of their rows."""

from __future__ import annotations

import torch
from torch import Tensor

from pdgn.nn.incidence import Incidence
from pdgn.nn.segments import gather_source, sum_at_target

ROUNDS, LEAST = 10, 1e-20  # after twenty rounds the bounds of meshes were a thousandth lower, no more


def node_weights(sizes: Tensor, graph: Incidence, inner: Tensor | None = None) -> Tensor:
    r"""Weights y > 0 of nodes for which row sums of a matrix of differences are small.

    For every positive y, :math:`\rho(A) \le \max_i \tfrac{1}{y_i} \sum_j |A_{ij}| y_j`. With y = 1 that is Gershgorin's
    bound; rounds of the power iteration with |A| lower it (Collatz and Wielandt), which counts where a few cells are
    much stiffer than those around them.

    Args:
        sizes: |w_ij| of Σ_j w_ij (f_j − f_i), [E].
        graph: E edges, N nodes.
        inner: share p, [E], of a matrix f − Σ_j p_ij (f_j − f_i) that is applied before; None: without.

    Returns:
        [N, 1].
    """
    own = sum_at_target(sizes.unsqueeze(1), graph)
    weights = torch.ones_like(own)
    for _ in range(ROUNDS):
        before = weights if inner is None else smoothed_rows(inner.unsqueeze(1), weights, graph)
        weights = own * before + sum_at_target(sizes.unsqueeze(1) * gather_source(before, graph), graph)
        # In a batch the other graphs shrink beside the stiffest one; any positive number will do for them.
        weights = (weights / weights.max().clamp(min=LEAST)).clamp(min=LEAST)
    return weights


def smoothed_rows(share: Tensor, weights: Tensor, graph: Incidence) -> Tensor:
    """|B| y of the matrix B f = f − Σ_j p_ij (f_j − f_i), [N, K].

    Args:
        share: p, [E, K]. weights: y, [N, 1]. graph: E edges, N nodes.
    """
    own = (1 + sum_at_target(share, graph)).abs()
    return own * weights + sum_at_target(share.abs() * gather_source(weights, graph), graph)


def weighted_rows(sizes: Tensor, weights: Tensor, graph: Incidence) -> Tensor:
    """Σ_j |A_ij| y_j / y_i over the edges into each node, [N, K].

    Args:
        sizes: |A_ij|, [E, K]. weights: y, from :func:`node_weights`. graph: E edges, N nodes.
    """
    return sum_at_target(sizes * gather_source(weights, graph), graph) / weights
