"""The spatial difference layer, with given weights and with its own, at a thousand to a million nodes."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch

from benchmarks.arithmetic import difference_bytes
from benchmarks.graphs import mesh_like
from benchmarks.machine import copy, threads
from benchmarks.measure import Comparison, alternate, announce, comparison
from benchmarks.plain import plain_difference
from benchmarks.plain_forecast import plain_layer
from benchmarks.processes import call, peak_memory
from pdgn.nn import DifferenceWeights, SpatialDifferenceLayer, spatial_difference

SIDES = ("ours", "plain")
PASSES = ("forward", "forward + backward")
COPY = "copy"
DEGREE = 6
HEADLINE = 100_000  # nodes at which the limit is set


class Size(NamedTuple):
    """What is measured at a number of nodes: channels with given weights; hidden channels and kernels of the layer with
    its own (one channel, three of context); runs of each side."""

    nodes: int
    channels: int
    hidden: int
    kernels: int
    repeats: int


# At a million nodes fewer channels, so that the plain side stays below 8 GB.
SIZES = (Size(1_000, 64, 64, 16, 50), Size(10_000, 64, 64, 16, 15), Size(HEADLINE, 64, 64, 16, 7))
SIZES += (Size(1_000_000, 8, 16, 2, 3),)
QUICK = (Size(200, 4, 4, 2, 2), Size(400, 4, 4, 2, 2))


def differences(side: str, size: Size, device: str = "cpu") -> dict[str, Callable[[], object]]:
    """Forward, and forward and backward, of the differences with given weights, K = 1."""
    torch.manual_seed(0)
    edges = mesh_like(size.nodes, DEGREE).to(device)
    x = torch.randn(size.nodes, size.channels, device=device, requires_grad=True)
    shape = edges.size(1), 1, size.channels
    weights = DifferenceWeights(*(torch.randn(shape, device=device, requires_grad=True) for _ in range(4)))
    grads = torch.randn(shape, device=device), torch.randn(size.nodes, 1, size.channels, device=device)
    function = spatial_difference if side == "ours" else plain_difference
    return _passes(lambda: function(x, edges, weights), grads, [x, *weights])


def layer(side: str, size: Size, device: str = "cpu") -> dict[str, Callable[[], object]]:
    """Forward, and forward and backward, of a layer with free weights, context and two hops."""
    torch.manual_seed(0)
    edges = mesh_like(size.nodes, DEGREE).to(device)
    x = torch.randn(size.nodes, 1, device=device, requires_grad=True)
    context = torch.randn(size.nodes, 3, device=device)
    module = SpatialDifferenceLayer(1, 3, size.hidden, num_kernels=size.kernels, anchored=False).to(device)
    grads = tuple(torch.randn(rows, size.kernels, 1, device=device) for rows in (edges.size(1), size.nodes))

    def function() -> tuple[torch.Tensor, torch.Tensor]:
        return module(x, edges, context) if side == "ours" else plain_layer(module, x, edges, context)

    return _passes(function, grads, [x, *module.parameters()])


def _passes(
    function: Callable[[], tuple[torch.Tensor, torch.Tensor]], grads: tuple[torch.Tensor, ...], inputs: list
) -> dict[str, Callable[[], object]]:
    def forward() -> object:
        with torch.no_grad():
            return function()

    def both() -> object:
        for tensor in inputs:
            tensor.grad = None
        return torch.autograd.backward(function(), grads)

    return dict(zip(PASSES, (forward, both)))


KINDS = {"differences": differences, "layer": layer}


def times(kind: str, size: list[int]) -> dict[str, dict[str, list[float]]]:
    """Seconds of each of PASSES, of both sides and of a copy, in turn."""
    given, copied = Size(*size), copy().run
    sides = {side: KINDS[kind](side, given) for side in SIDES}
    return {
        which: alternate({**{side: sides[side][which] for side in SIDES}, COPY: copied}, given.repeats)
        for which in PASSES
    }


def peak(kind: str, size: list[int], side: str) -> int:
    """Peak memory of forward and backward above that of inputs and weights, in bytes."""
    return peak_memory(KINDS[kind](side, Size(*size))[PASSES[1]], repeats=2)


def comparisons(quick: bool = False, count: int | None = None) -> Iterator[Comparison]:
    """Both kinds at all sizes against the plain equations; peaks of memory at the last but one size.

    Args:
        quick: small sizes in this process, to see whether it runs. count: threads, all cores if None.
    """
    sizes, count = (QUICK, 0) if quick else (SIZES, count or threads())
    for kind in KINDS:
        for size in sizes:
            announce(_name(kind, size))
            for which, seconds in call(times, kind, size, threads=count).items():
                name = f"{_name(kind, size)}, {which}"
                headline = (kind, size.nodes, which) == ("differences", HEADLINE, PASSES[1])
                bandwidth = copy().amount / statistics.median(seconds.pop(COPY))
                found = comparison(name, 1 / 6 if headline else 1.0, seconds)
                yield found._replace(facts=_facts(found, kind, size, which, count, bandwidth))
        size = sizes[-2]
        announce(f"peak of {_name(kind, size)}")
        peaks = {side: [float(call(peak, kind, size, side, threads=count))] for side in SIDES}
        yield comparison(f"peak of {_name(kind, size)}", 1.0, peaks, unit="byte")


def _facts(found: Comparison, kind: str, size: Size, which: str, count: int, bandwidth: float) -> dict[str, float]:
    facts: dict[str, float] = {"threads": count, "nodes": size.nodes, "edges": DEGREE * size.nodes}
    if kind == "differences":
        moved = difference_bytes(size.nodes, DEGREE * size.nodes, size.channels, which == PASSES[1])
        facts |= {"bytes": moved, "copy_bandwidth": bandwidth}
        facts["fraction_of_bandwidth"] = moved / found.medians[0] / bandwidth
    return facts


def _name(kind: str, size: Size) -> str:
    widths = f"{size.channels} ch" if kind == "differences" else f"H {size.hidden}, K {size.kernels}"
    return f"{kind}, {size.nodes:,} nodes, {widths}"
