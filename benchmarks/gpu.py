"""The layer and the training step on a graphics processor: times, bandwidth, and that a step waits for nothing."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import torch

from benchmarks import layer, training_step
from benchmarks.arithmetic import difference_bytes, step_bytes, step_operations
from benchmarks.graphs import BatchSize, training_batch
from benchmarks.machine import Work, copy, matrix_product, synchronize
from benchmarks.measure import Comparison, alternate, announce, comparison, skipped

REPEATS = 20
KINDS = ("ours", "bfloat16", "plain")
SIZES = (layer.Size(100_000, 64, 64, 16, REPEATS), layer.Size(1_000_000, 64, 64, 16, REPEATS))


def comparisons(quick: bool = False, device: str = "cuda") -> Iterator[Comparison]:
    """Ours against plain, in turn, each run waited for; skipped where there is no such device."""
    if device == "cuda" and not torch.cuda.is_available():
        yield skipped("on a graphics processor", None, "this machine has none that torch can use")
        return
    yield from _layers(layer.QUICK if quick else SIZES, device)
    size = training_step.QUICK if quick else BatchSize()
    for variant in training_step.VARIANTS:
        yield from _steps(variant, size, device)
        yield without_waiting(variant, size, device)


def waited_for(function: Callable[[], object], device: str) -> Callable[[], None]:
    """A function whose work is done when it returns."""

    def run() -> None:
        function()
        synchronize(device)

    return run


def rate(work: Work, device: str) -> float:
    """Operations or bytes a second, the median of some runs."""
    seconds = alternate({"": waited_for(work.run, device)}, REPEATS)[""]
    return work.amount / statistics.median(seconds)


def _layers(sizes: tuple[layer.Size, ...], device: str) -> Iterator[Comparison]:
    bandwidth = rate(copy(device), device)
    for size in sizes:
        for which in layer.PASSES:
            name = f"{device}: differences, {size.nodes:,} nodes, {size.channels} ch, {which}"
            announce(name)
            sides = {side: waited_for(layer.differences(side, size, device)[which], device) for side in layer.SIDES}
            found = comparison(name, 1.0, alternate(sides, size.repeats))
            edges, backward = layer.DEGREE * size.nodes, which == layer.PASSES[1]
            moved = difference_bytes(size.nodes, edges, size.channels, backward)
            fraction = moved / found.medians[0] / bandwidth
            facts = {"bytes": moved, "copy_bandwidth": bandwidth, "fraction_of_bandwidth": fraction}
            yield found._replace(facts=facts)
            del sides


def _steps(variant: str, size: BatchSize, device: str) -> Iterator[Comparison]:
    announce(f"{device}: training step, {variant}")
    sides = {side: waited_for(training_step.training_step(variant, side, size, device), device) for side in KINDS}
    seconds = alternate(sides, REPEATS)
    batch, model = training_batch(size), training_step.our_model(variant)
    counts = batch.x.size(0), batch.edge_index.size(1), size.steps
    operations, moved = step_operations(model, *counts), step_bytes(model, *counts)
    bandwidth, product = rate(copy(device), device), rate(matrix_product(device), device)
    for side in ("ours", "bfloat16"):
        median = statistics.median(seconds[side])
        facts = {
            "bytes": moved,
            "operations": operations,
            "copy_bandwidth": bandwidth,
            "matrix_product_rate": product,
            "fraction_of_rate": operations / median / product,
            "fraction_of_bandwidth": moved / median / bandwidth,
        }
        pair = {side: seconds[side], "plain": seconds["plain"]}
        label = variant if side == "ours" else f"{variant}, {side}"
        yield comparison(f"{device}: step, {label}, against plain", 1.0, pair, facts=facts)


def without_waiting(variant: str, size: BatchSize, device: str = "cuda") -> Comparison:
    """Time until the host has issued a step of ours, while torch makes an error of whatever waits for the device.

    Raises:
        RuntimeError: something in the step waits.
    """
    step = training_step.training_step(variant, "ours", size, device)
    for _ in range(3):  # the edges are sorted, memory is taken and Adam makes its state, which may wait
        step()
    synchronize(device)
    if device == "cuda":
        torch.cuda.set_sync_debug_mode("error")
    try:
        start = time.perf_counter()
        step()
        seconds = time.perf_counter() - start
    finally:
        if device == "cuda":
            torch.cuda.set_sync_debug_mode("default")
    synchronize(device)
    return comparison(f"{device}: step, {variant}, issued without waiting", None, {"ours": [seconds]})
