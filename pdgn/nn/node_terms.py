"""The terms of both ends of an edge in a linear map, computed once per node and beside each other."""

from __future__ import annotations

import torch
from torch import Tensor

from pdgn.nn.memory_pool import linear


def node_terms(x: Tensor, target: Tensor, source: Tensor, bias: Tensor) -> Tensor:
    """[W_t x + b, W_s x] as one product: [N, D], [O, D], [O, D], [O] → [N, 2 O]."""
    return linear(x, torch.cat([target, source]), torch.cat([bias, torch.zeros_like(bias)]))


def derive_node_terms(
    grad: Tensor | None, x: Tensor, target: Tensor, source: Tensor, needed: bool
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Derivatives by x (None if not needed), W_t and W_s from those by the terms, [N, 2 O]."""
    assert grad is not None  # a kernel gives none where it was given no graph
    by_target, by_source = (grad.t() @ x).chunk(2)
    return grad @ torch.cat([target, source]) if needed else None, by_target, by_source
