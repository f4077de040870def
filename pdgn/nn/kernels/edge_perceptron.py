"""Calls of the kernels of an edge perceptron."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from pdgn.nn.incidence import Incidence
from pdgn.nn.kernels.arguments import run, structure
from pdgn.nn.kernels.compiled import UNIT

ACTIVATIONS = {"relu": 0, "silu": 1}
_FORM = structure(
    "EdgePerceptron",
    "edges inputs width outputs activation",
    "edge at_target at_source target source first second bias first_back out "
    "grad by_edge by_target by_source by_first by_second by_bias",
)


class Derivatives(NamedTuple):
    """By e [E, R] (None where not asked for), by the terms of both ends [N, H], by W_e, W_2 and b_2."""

    by_edge: Tensor | None
    at_target: Tensor
    at_source: Tensor
    by_first: Tensor
    by_second: Tensor
    by_bias: Tensor


def forward(
    graph: Incidence,
    activation: str,
    edge: Tensor,
    terms: tuple[Tensor, Tensor],
    first: Tensor,
    second: Tensor,
    bias: Tensor,
) -> Tensor:
    """W_2 σ(terms of both ends + W_e e) + b_2, [E, O].

    Args:
        graph: E edges. activation: of ACTIVATIONS. edge: e, [E, R]. terms: at target and source, each [N, H].
        first: W_e, [H, R]. second: W_2, [O, H]. bias: b_2, [O].
    """
    padding = -second.size(0) % UNIT
    out = edge.new_empty(edge.size(0), second.size(0))
    run(
        "pdgn_edge_perceptron_forward",
        _FORM,
        **_given(graph, activation, edge, terms, first, second),
        second=functional.pad(second, (0, 0, 0, padding)).t().contiguous(),
        bias=functional.pad(bias, (0, padding)),
        out=out,
    )
    return out


def backward(
    graph: Incidence,
    activation: str,
    edge: Tensor,
    terms: tuple[Tensor, Tensor],
    first: Tensor,
    second: Tensor,
    grad: Tensor,
    edge_needed: bool,
) -> Derivatives:
    """The derivatives of :func:`forward`, from that by its result, [E, O]."""
    threads, wide, padding = torch.get_num_threads(), -first.size(1) % UNIT, -second.size(0) % UNIT
    by_edge = torch.empty_like(edge) if edge_needed and edge.size(1) > 0 else None
    at_target, at_source = (torch.zeros_like(term) for term in terms)
    by_first = edge.new_zeros(threads, first.size(0), first.size(1) + wide)
    by_second = edge.new_zeros(threads, *second.shape)
    by_bias = edge.new_zeros(threads, second.size(0) + padding)
    run(
        "pdgn_edge_perceptron_backward",
        _FORM,
        **_given(graph, activation, edge, terms, first, second),
        second=second.contiguous(),
        first_back=functional.pad(first, (0, wide)).contiguous(),
        grad=grad,
        by_edge=by_edge,
        by_target=at_target,
        by_source=at_source,
        by_first=by_first,
        by_second=by_second,
        by_bias=by_bias,
    )
    if edge_needed and by_edge is None:
        by_edge = torch.zeros_like(edge)
    sums = by_first.sum(dim=0)[:, : first.size(1)], by_second.sum(dim=0), by_bias.sum(dim=0)[: second.size(0)]
    return Derivatives(by_edge, at_target, at_source, *sums)


def _given(
    graph: Incidence, activation: str, edge: Tensor, terms: tuple[Tensor, Tensor], first: Tensor, second: Tensor
) -> dict[str, Any]:
    """The arguments of both passes."""
    return {
        "edges": edge.size(0),
        "inputs": edge.size(1),
        "width": first.size(0),
        "outputs": second.size(0),
        "activation": ACTIVATIONS[activation],
        "edge": edge,
        "at_target": terms[0],
        "at_source": terms[1],
        "target": graph.target,
        "source": graph.source,
        "first": first.t().contiguous(),
    }
