"""Calls of the kernels of weighted differences."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pdgn.nn.incidence import Incidence
from pdgn.nn.kernels.arguments import run, structure
from pdgn.nn.memory_pool import empty_again

WEIGHTS = ("w1", "w2", "v1", "v2")
_FORM = structure(
    "Differences",
    "nodes edges kernels channels w1_stride w1_step w2_stride w2_step v1_stride v1_step v2_stride v2_step",
    "x w1 w2 v1 v2 source target by_target target_ptr gradient laplacian by_gradient by_laplacian "
    "by_x by_w1 by_w2 by_v1 by_v2",
)


def forward(x: Tensor, graph: Incidence, *weights: Tensor) -> tuple[Tensor, Tensor]:
    """The differences (gradient [E, K, C], laplacian [N, K, C]) of x [N, C] with weights w1, w2, v1, v2 [E, K, C]."""
    x, shape = x.contiguous(), weights[0].shape
    gradient, laplacian = empty_again(shape, x), empty_again((x.size(0), *shape[1:]), x)
    run("pdgn_differences_forward", _FORM, **_given(x, graph, weights), gradient=gradient, laplacian=laplacian)
    return gradient, laplacian


def backward(
    x: Tensor,
    graph: Incidence,
    weights: tuple[Tensor, ...],
    grads: tuple[Tensor | None, Tensor | None],
    needed: tuple[bool, ...],
) -> tuple[Tensor | None, ...]:
    """The derivatives by x and the four weights, those that are needed, from those by both results."""
    x = x.contiguous()
    by_gradient, by_laplacian = (None if grad is None else grad.contiguous() for grad in grads)
    by_x = torch.zeros_like(x) if needed[0] else None
    by_weights = [empty_again(weights[0].shape, x) if wanted else None for wanted in needed[1:]]
    run(
        "pdgn_differences_backward",
        _FORM,
        **_given(x, graph, weights),
        by_gradient=by_gradient,
        by_laplacian=by_laplacian,
        by_x=by_x,
        **{f"by_{name}": by_weight for name, by_weight in zip(WEIGHTS, by_weights)},
    )
    return by_x, *by_weights


def _given(x: Tensor, graph: Incidence, weights: tuple[Tensor, ...]) -> dict[str, Any]:
    """The arguments of both passes."""
    given: dict[str, Any] = {
        "nodes": x.size(0),
        "edges": weights[0].size(0),
        "kernels": weights[0].size(1),
        "channels": weights[0].size(2),
        "x": x,
        "source": graph.source,
        "target": graph.target,
        "by_target": graph.by_target,
        "target_ptr": graph.target_ptr,
    }
    for name, weight in zip(WEIGHTS, weights):
        row = _rows(weight)
        given |= {name: row, f"{name}_stride": row.stride(0), f"{name}_step": row.stride(1)}
    return given


def _rows(weight: Tensor) -> Tensor:
    """A weight [E, K, C] as [E, K·C] with numbers behind each other, or one number a row, expanded."""
    width = weight.size(1) * weight.size(2)
    if weight.stride()[1:] == (0, 0):
        return weight.as_strided((weight.size(0), width), (weight.stride(0), 0))
    flat = weight.flatten(1)
    return flat if flat.stride(1) == 1 else flat.contiguous()
