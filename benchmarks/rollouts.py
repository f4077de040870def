"""Roll-outs of a trained-size model: growth with the mesh, and the plain equations."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch_geometric.data import Data

from benchmarks.graphs import mesh_like
from benchmarks.machine import threads
from benchmarks.measure import Comparison, announce, comparison
from benchmarks.plain_forecast import PlainPADGN
from benchmarks.processes import call, peak_memory
from pdgn.models import PADGN, Channels
from pdgn.rollout import rollout_frames

CHANNELS = Channels(signal=1, node_context=4, edge_context=3)
GROWTH_LIMIT = 1.2


class Size(NamedTuple):
    """Nodes, steps of a roll-out, hidden channels, kernels and variant."""

    nodes: int
    steps: int
    hidden: int
    kernels: int
    variant: str = "recurrent"


SIZES = (Size(10_000, 12, 32, 16), Size(100_000, 6, 32, 16), Size(1_000_000, 3, 32, 16))
QUICK = (Size(300, 3, 4, 2), Size(600, 3, 4, 2))
# Its first step computes the weights and the others are short: both are measured together.
SUM_SIZES = tuple(Size(nodes, 19, 64, 16, "sum") for nodes in (10_000, 100_000, 1_000_000))
SUM_QUICK = (Size(300, 3, 4, 2, "sum"), Size(600, 3, 4, 2, "sum"))


def sample(num_nodes: int) -> Data:
    """One observed frame of noise on a mesh-like graph with all that the model reads."""
    generator = torch.Generator().manual_seed(0)
    edges = mesh_like(num_nodes)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    return Data(
        x=normal(num_nodes, 1, 1),
        edge_index=edges,
        node_context=normal(num_nodes, 4),
        edge_context=normal(edges.size(1), 3),
        reference_gradient=normal(edges.size(1)).abs(),
        reference_laplacian=normal(edges.size(1)).abs(),
    )


def forecaster(side: str, size: Size) -> PADGN | PlainPADGN:
    """PADGN of this width, its operator step not limited, as the plain one knows no limit."""
    torch.manual_seed(0)
    sizes = {"hidden_channels": size.hidden, "num_kernels": size.kernels}
    model = PADGN(CHANNELS, size.variant, limited=False, **sizes).eval()
    return model if side == "ours" else PlainPADGN(model)


def step_times(sides: list[str], size: list[Any]) -> dict[str, list[float]]:
    """Seconds of each step after the first, which also computes the weights; sides in turn, step by step."""
    given = Size(*size)
    data = sample(given.nodes)
    frames = {side: rollout_frames(forecaster(side, given), data, given.steps + 1) for side in sides}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    with torch.no_grad():
        for step, (side, run) in itertools.product(range(given.steps + 1), frames.items()):
            start = time.perf_counter()
            next(run)
            if step > 0:
                seconds[side].append(time.perf_counter() - start)
    return seconds


def total_times(size: list[Any]) -> list[float]:
    """Seconds of each of three roll-outs of ours, from the weights to the last step."""
    given = Size(*size)
    model, data, seconds = forecaster("ours", given), sample(given.nodes), []
    with torch.no_grad():
        for _ in range(3):
            start = time.perf_counter()
            for _ in rollout_frames(model, data, given.steps + 1):
                pass
            seconds.append(time.perf_counter() - start)
    return seconds


def peak(side: str, size: list[Any]) -> int:
    """Peak memory of a roll-out of two steps above that of model and sample, in bytes."""
    given = Size(*size)
    model, data = forecaster(side, given), sample(given.nodes)

    def run() -> None:
        with torch.no_grad():
            for _ in rollout_frames(model, data, 2):
                pass

    return peak_memory(run, repeats=1)


def comparisons(quick: bool = False, count: int | None = None) -> Iterator[Comparison]:
    """Time of a step and peak memory, by node, of each size against the least one; the least one against plain.

    Args:
        quick: small sizes in this process, to see whether it runs. count: threads, all cores if None.
    """
    sizes, count = (QUICK, 0) if quick else (SIZES, count or threads())
    first = sizes[0]
    name = f"roll-out, {first.nodes:,} nodes"
    announce(f"{name}: ours, plain")
    seconds = call(step_times, ["ours", "plain"], first, threads=count)
    yield comparison(f"{name}, a step, against plain", 1.0, seconds)
    peaks = {side: [float(call(peak, side, first, threads=count))] for side in ("ours", "plain")}
    yield comparison(f"peak of {name}, against plain", 1.0, peaks, unit="byte")
    yield from _growth(sizes, count)
    yield from _growth(SUM_QUICK if quick else SUM_SIZES, count)


def _growth(sizes: tuple[Size, ...], count: int) -> Iterator[Comparison]:
    """Time and peak by node of each size against the least one."""
    first = sizes[0]
    for size in sizes[1:]:
        name = f"roll-out by node, {size.variant}, {size.nodes:,} to {first.nodes:,} nodes"
        announce(name)
        # The small one again, so that both are of the same minutes.
        runs = [_seconds(one, count) for one in (size, first)]
        what = f"all {size.steps + 1} steps" if size.variant == "sum" else "a step"
        yield comparison(f"{name}, {what}", GROWTH_LIMIT, _by_node(size, first, *runs))
        runs = [[float(call(peak, "ours", one, threads=count))] for one in (size, first)]
        yield comparison(f"peak of {name}", GROWTH_LIMIT, _by_node(size, first, *runs), unit="byte")


def _seconds(size: Size, count: int) -> list[float]:
    if size.variant == "sum":
        return call(total_times, size, threads=count)
    return call(step_times, ["ours"], size, threads=count)["ours"]


def _by_node(size: Size, first: Size, large: list[float], small: list[float]) -> dict[str, list[float]]:
    sides = ((size.nodes, large), (first.nodes, small))
    return {f"{nodes:,} nodes": [value / nodes for value in values] for nodes, values in sides}
