"""The training step of Seo, Meng and Liu: forward, backward, Adam, in both variants.

As a program it measures in its own process and prints JSON (or with memory in place of time):
python -m benchmarks.training_step sum time 5 ours plain
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Iterator

import torch
from torch_geometric.data import Data

from benchmarks.arithmetic import step_operations
from benchmarks.graphs import BatchSize, training_batch
from benchmarks.machine import matrix_product, threads
from benchmarks.measure import Comparison, alternate, announce, comparison, skipped
from benchmarks.plain import PlainPublished
from benchmarks.processes import call, peak_memory
from benchmarks.published import FOLDER, Published, published_folder
from pdgn.models import Channels, PublishedPADGN
from pdgn.rollout import rollout
from pdgn.training.bfloat16 import SLOW, bfloat16_ratio

VARIANTS = {"sum": 1, "recurrent": 16}  # kernels of the publication
OURS = ("ours", "bfloat16", "recompute")  # as it stands; under autocast; steps run again in the backward pass
PRODUCT = "matrix product"
QUICK = BatchSize(graphs=2, nodes=50, steps=3)
# (other side, ours) → limits of the ratios of time and of peak memory.
LIMITS: dict[tuple[str, str], tuple[float | None, float | None]] = {
    ("plain", "ours"): (1.0, 1.0),
    ("published", "ours"): (1 / 5, 1 / 4),
    ("published", "bfloat16"): (1 / 8, 1 / 4),
    ("published", "recompute"): (None, 1 / 4),
}


def our_model(variant: str) -> PublishedPADGN:
    """The published networks, from a fixed seed."""
    torch.manual_seed(0)
    return PublishedPADGN(Channels(1, 2), "sum" if variant == "sum" else "recurrent", num_kernels=VARIANTS[variant])


def forecaster(variant: str, side: str) -> Callable[[Data], torch.Tensor]:
    """The module of a side: data → predicted frames [N, T, 1]."""
    if side == "published":
        folder = published_folder()
        if folder is None:
            raise ValueError(f"{FOLDER}: wanted a checkout of the published program, given {folder}")
        return Published(folder, variant)
    model = our_model(variant)

    class Forecast(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = PlainPublished(model) if side == "plain" else model

        def forward(self, data: Data) -> torch.Tensor:
            return rollout(
                self.model, data, data.y.size(1), truth=data.y, truth_probability=1.0, recompute=side == "recompute"
            )

    return Forecast()


def training_step(variant: str, side: str, size: BatchSize, device: str = "cpu") -> Callable[[], torch.Tensor]:
    """A function that takes one step of a side and gives its loss."""
    data = training_batch(size).to(device)
    model = forecaster(variant, side).to(device)  # type: ignore[attr-defined]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=5e-4)

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        with torch.autocast(device, dtype=torch.bfloat16, enabled=side == "bfloat16"):
            out = model(data)
        loss = (out.float() - data.y).square().mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def times(variant: str, sides: list[str], repeats: int, size: list[int]) -> dict[str, list[float]]:
    """Seconds of steps of each side and of a matrix product, in turn."""
    functions = {side: training_step(variant, side, BatchSize(*size)) for side in sides}
    return alternate({**functions, PRODUCT: matrix_product().run}, repeats)


def peak(variant: str, side: str, size: list[int]) -> int:
    """Peak memory of some steps above that of the process with data and model, in bytes."""
    return peak_memory(training_step(variant, side, BatchSize(*size)))


def operations(variant: str, size: BatchSize) -> int:
    """Floating-point operations that a step needs."""
    batch = training_batch(size)
    return step_operations(our_model(variant), batch.x.size(0), batch.edge_index.size(1), size.steps)


def comparisons(quick: bool = False, count: int | None = None) -> Iterator[Comparison]:
    """Time and memory of both variants against the plain equations and, where it is at hand, the published program.

    Args:
        quick: small sizes in this process, to see whether it runs. count: threads, all cores if None.
    """
    size, repeats, count = (QUICK, 1, 0) if quick else (BatchSize(), 7, count or threads())
    others = ["plain", *(["published"] if published_folder() else [])]
    slow = 1.0 if quick else bfloat16_ratio()
    for variant in VARIANTS:
        sides = [side for side in (*OURS, *others) if side != "bfloat16" or slow < SLOW]
        announce(f"training step, {variant}: {', '.join(sides)}")
        seconds = call(times, variant, sides, repeats, size, threads=count)
        needed = operations(variant, size)
        rate = matrix_product().amount / statistics.median(seconds[PRODUCT])
        facts = {"operations": needed, "matrix_product_rate": rate, "threads": count}
        for other, side in LIMITS:
            if side not in sides:
                reason = f"a product takes {slow:.0f} times as long in it as in float32 on this processor"
                yield skipped(_name(variant, side, other), None, reason)
            elif other in others:
                pair = {side: seconds[side], other: seconds[other]}
                found = comparison(_name(variant, side, other), LIMITS[other, side][0], pair)
                yield found._replace(facts={**facts, "fraction_of_rate": needed / found.medians[0] / rate})
        yield from _memory(variant, sides, size, count)
        if "published" not in others:
            yield skipped(f"step, {variant}, against published", None, f"name a checkout of it in {FOLDER}")


def _memory(variant: str, sides: list[str], size: BatchSize, count: int) -> Iterator[Comparison]:
    announce(f"peak memory of the training step, {variant}")
    peaks = {side: [float(call(peak, variant, side, size, threads=count))] for side in sides}
    for (other, side), (_, limit) in LIMITS.items():
        if {side, other} <= peaks.keys():
            pair = {side: peaks[side], other: peaks[other]}
            yield comparison(f"peak of {_name(variant, side, other)}", limit, pair, unit="byte")


def _name(variant: str, side: str, other: str) -> str:
    return f"step, {variant}{'' if side == 'ours' else ', ' + side}, against {other}"


if __name__ == "__main__":
    chosen, quantity, count, *which = sys.argv[1:]
    if quantity == "time":
        print(json.dumps(times(chosen, which, int(count), list(BatchSize()))))
    else:
        print(json.dumps({side: peak(chosen, side, list(BatchSize())) for side in which[:1]}))
