"""Calls of the kernels of an edge perceptron."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from pdgn.nn.incidence import Incidence
from pdgn.nn.kernels.arguments import run, structure
from pdgn.nn.kernels.compiled import UNIT
from pdgn.nn.memory_pool import empty

ACTIVATIONS = {"relu": 0, "silu": 1}
_FORM = structure(
    "EdgePerceptron",
    "edges inputs width outputs activation",
    "edge at_target at_source target source first_bias first second bias first_back out "
    "grad by_edge by_target by_source by_first by_second by_first_bias by_bias",
)


class Derivatives(NamedTuple):
    """By e [E, R] (None where not asked for), by the terms [N, 2H] (None where there are none), by the weights."""

    by_edge: Tensor | None
    by_terms: Tensor | None
    by_first_bias: Tensor
    by_first: Tensor
    by_second: Tensor
    by_bias: Tensor


def forward(
    graph: Incidence | None,
    activation: str,
    edge: Tensor,
    terms: Tensor,
    first: Tensor,
    second: Tensor,
    bias: Tensor,
) -> Tensor:
    """W_2 σ(terms of both ends + W_e e) + b_2, [E, O].

    Args:
        graph: E edges; None: terms are a bias. activation: of ACTIVATIONS. edge: e, [E, R]. terms: [N, 2H] of targets
        and sources, or the bias [H].
        first: W_e, [H, R]. second: W_2, [O, H]. bias: b_2, [O].
    """
    padding = -second.size(0) % UNIT
    out = empty((edge.size(0), second.size(0)), edge)
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
    graph: Incidence | None,
    activation: str,
    edge: Tensor,
    terms: Tensor,
    first: Tensor,
    second: Tensor,
    grad: Tensor,
    edge_needed: bool,
) -> Derivatives:
    """The derivatives of :func:`forward`, from that by its result, [E, O]."""
    threads, wide, padding = torch.get_num_threads(), -first.size(1) % UNIT, -second.size(0) % UNIT
    by_edge = torch.empty_like(edge) if edge_needed and edge.size(1) > 0 else None
    by_terms = None if graph is None else torch.zeros_like(terms)
    by_first_bias = edge.new_zeros(threads, first.size(0))
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
        **_halves(("by_target", "by_source"), by_terms),
        by_first_bias=by_first_bias,
        by_first=by_first,
        by_second=by_second,
        by_bias=by_bias,
    )
    if edge_needed and by_edge is None:
        by_edge = torch.zeros_like(edge)
    sums = by_first.sum(dim=0)[:, : first.size(1)], by_second.sum(dim=0), by_bias.sum(dim=0)[: second.size(0)]
    return Derivatives(by_edge, by_terms, by_first_bias.sum(dim=0), *sums)


def _given(
    graph: Incidence | None, activation: str, edge: Tensor, terms: Tensor, first: Tensor, second: Tensor
) -> dict[str, Any]:
    """The arguments of both passes."""
    ends = {} if graph is None else {"target": graph.target, "source": graph.source}
    given = {"first_bias": terms} if graph is None else _halves(("at_target", "at_source"), terms)
    return {
        **ends,
        **given,
        "edges": edge.size(0),
        "inputs": edge.size(1),
        "width": first.size(0),
        "outputs": second.size(0),
        "activation": ACTIVATIONS[activation],
        "edge": edge,
        "first": first.t().contiguous(),
    }


def _halves(names: tuple[str, str], terms: Tensor | None) -> dict[str, Tensor]:
    """The terms of targets and of sources, which lie beside each other."""
    return {} if terms is None else dict(zip(names, terms.chunk(2, dim=1)))
