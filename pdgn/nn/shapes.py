"""What layers require of the shapes of their inputs; torch alone would broadcast some of the mistakes in silence."""

from __future__ import annotations

import torch
from torch import Tensor


def require_shape(name: str, value: Tensor | None, rows: int, channels: int) -> None:
    """Checks that value is [rows, channels]; None stands for no channels.

    Raises:
        ValueError: another shape; the message names it, what was wanted and what was given.
    """
    if value is None and channels == 0:
        return
    if value is None or tuple(value.shape) != (rows, channels):
        given = None if value is None else list(value.shape)
        raise ValueError(f"{name}: wanted {[rows, channels]}, given {given}")


def require_edge_index(edge_index: Tensor) -> None:
    """Checks that edge_index is int64 [2, E].

    Raises:
        ValueError: another shape or type.
    """
    if edge_index.dim() != 2 or edge_index.size(0) != 2 or edge_index.dtype != torch.long:
        raise ValueError(f"edge_index: wanted torch.int64 [2, E], given {edge_index.dtype} {list(edge_index.shape)}")


def checked_reference(
    reference: tuple[Tensor, Tensor], edge_index: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The reference (gradient [E], laplacian [E]) in the given dtype.

    Raises:
        ValueError: it is no pair, or one of its tensors is not [E].
    """
    wanted = [edge_index.size(1)]
    given = [list(weight.shape) for weight in reference]
    if given != [wanted, wanted]:
        raise ValueError(f"reference: wanted (gradient {wanted}, laplacian {wanted}), given {given}")
    gradient, laplacian = reference
    return gradient.to(dtype), laplacian.to(dtype)
