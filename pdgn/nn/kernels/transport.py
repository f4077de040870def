"""Calls of the kernels of weighted sums of differences."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pdgn.nn.incidence import Incidence
from pdgn.nn.kernels.arguments import run, structure
from pdgn.nn.memory_pool import empty

_FORM = structure(
    "Transport",
    "nodes channels matrix",
    "x weight source target by_source by_target source_ptr target_ptr out by_out by_x by_weight",
)


def forward(x: Tensor, graph: Incidence, weight: Tensor) -> Tensor:
    """The sums [N, C] of x [N, C] with weights [E, C] or [E, C, C]."""
    x, weight = x.contiguous(), weight.contiguous()
    out = empty(x.shape, x)
    run("pdgn_transport_forward", _FORM, **_given(x, graph, weight), out=out)
    return out


def backward(
    x: Tensor, graph: Incidence, weight: Tensor, by_out: Tensor, needed: tuple[bool, bool]
) -> tuple[Tensor | None, Tensor | None]:
    """The derivatives by x and by the weights, those that are needed, from that by the sums."""
    x, weight, by_out = x.contiguous(), weight.contiguous(), by_out.contiguous()
    by_x, by_weight = (torch.empty_like(given) if wanted else None for given, wanted in zip((x, weight), needed))
    run("pdgn_transport_backward", _FORM, **_given(x, graph, weight), by_out=by_out, by_x=by_x, by_weight=by_weight)
    return by_x, by_weight


def _given(x: Tensor, graph: Incidence, weight: Tensor) -> dict[str, Any]:
    """The arguments of both passes."""
    return {
        "nodes": x.size(0),
        "channels": x.size(1),
        "matrix": int(weight.dim() == 3),
        "x": x,
        "weight": weight,
        "source": graph.source,
        "target": graph.target,
        "by_source": graph.by_source,
        "by_target": None if graph.sorted_by_target else graph.by_target,
        "source_ptr": graph.source_ptr,
        "target_ptr": graph.target_ptr,
    }
