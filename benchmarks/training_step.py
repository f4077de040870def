"""The training step of Seo, Meng and Liu: forward, backward, Adam, in both variants.

Run as a program it measures in a process of its own and prints JSON:
python -m benchmarks.training_step VARIANT time|memory SIDE ...
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.arithmetic import matrix_product_rate, step_operations
from benchmarks.graphs import training_batch
from benchmarks.measure import Comparison, skipped
from benchmarks.plain import PlainPADGN
from benchmarks.published import FOLDER, Published, published_folder
from pdgn.models import Channels, PublishedPADGN
from pdgn.rollout import rollout

VARIANTS = ("sum", "recurrent")
STEPS = 18
SIDES = ("ours", "recompute", "bfloat16", "plain", "published")
LIMITS = {"plain": 1.0, "published": 1 / 5, "published, bfloat16": 1 / 8}
MEMORY_LIMIT = 1 / 4


def our_model(variant: str) -> PublishedPADGN:
    """The published networks, from a fixed seed."""
    torch.manual_seed(0)
    return PublishedPADGN(Channels(1, 2), "sum" if variant == "sum" else "recurrent", num_kernels=kernels(variant))


def kernels(variant: str) -> int:
    """K of the publication."""
    return 1 if variant == "sum" else 16


def training_step(variant: str, side: str) -> Callable[[], float]:
    """One step of a side, and its loss."""
    data = training_batch()
    if side == "published":
        folder = published_folder()
        assert folder is not None
        model: torch.nn.Module = Published(folder, variant)
    else:
        model = our_model(variant)
        model = PlainPADGN(model) if side == "plain" else model  # type: ignore[arg-type]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=5e-4)

    def step() -> float:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=side == "bfloat16"):
            if side == "published":
                out = model(data)
            else:
                out = rollout(model, data, STEPS, truth=data.y, truth_probability=1.0, recompute=side == "recompute")  # type: ignore[arg-type]
        loss = (out.float() - data.y).square().mean()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def resident(which: str) -> int:
    """A line of the kernel's account of this process, VmRSS (now) or VmHWM (peak), in bytes."""
    text = Path("/proc/self/status").read_text()
    return int(text.split(f"{which}:")[1].split()[0]) * 1024


def peak_memory(variant: str, side: str, steps: int = 3) -> int:
    """Peak resident memory of some steps above that of the process with model and data, in bytes."""
    step = training_step(variant, side)
    before = resident("VmRSS")
    for _ in range(steps):
        step()
    return resident("VmHWM") - before


def times(variant: str, sides: list[str], repeats: int) -> dict[str, list[float]]:
    """Seconds of steps of each side, in turn, after one untimed step of each."""
    functions = {side: training_step(variant, side) for side in sides}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(repeats + 1):
        for side, function in functions.items():
            start = time.perf_counter()
            function()
            if turn > 0:
                seconds[side].append(time.perf_counter() - start)
    return seconds


def child(variant: str, what: str, sides: list[str], threads: int, repeats: int) -> dict[str, list[float]]:
    """What a process of its own measures: seconds, or one peak in bytes, of each side."""
    command = [sys.executable, "-m", "benchmarks.training_step", variant, what, str(repeats), *sides]
    counts = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(counts, str(threads))}
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment, cwd=Path(__file__).parents[1]
    )
    return json.loads(done.stdout.splitlines()[-1])


def comparisons(threads: int = 0, repeats: int = 5) -> list[Comparison]:
    """Time and memory of the step in both variants against the plain equations and, where it is at hand, the
    published program; all sides of a variant alternate in one process."""
    threads = threads or os.cpu_count() or 1
    torch.set_num_threads(threads)
    rate = matrix_product_rate()
    found = []
    others = ["plain", *(["published"] if published_folder() else [])]
    for variant in VARIANTS:
        seconds = child(variant, "time", ["ours", "recompute", "bfloat16", *others], threads, repeats)
        peaks = {
            side: child(variant, "memory", [side], threads, repeats)[side][0]
            for side in ("ours", "recompute", "bfloat16", *others)
        }
        batch = training_batch()
        operations = step_operations(our_model(variant), batch.x.size(0), batch.edge_index.size(1), STEPS)
        for other in others:
            for side in ("ours", "recompute", "bfloat16"):
                limit = LIMITS["plain"] if other == "plain" else LIMITS["published"]
                limit = LIMITS["published, bfloat16"] if (other, side) == ("published", "bfloat16") else limit
                median, base = (statistics.median(seconds[name]) for name in (side, other))
                facts = {
                    "peak_bytes": [peaks[side], peaks[other]],
                    "memory_ratio": peaks[side] / peaks[other],
                    "operations": operations,
                    "matrix_product_rate": rate,
                    "fraction_of_rate": operations / median / rate,
                }
                name = f"training step, {variant}, {side}, against {other}"
                pair = {side: seconds[side], other: seconds[other]}
                found.append(Comparison(name, pair, median / base, limit, facts=facts))
        if "published" not in others:
            name = f"training step, {variant}, against the published program"
            found.append(skipped(name, LIMITS["published"], f"name a checkout of it in {FOLDER}"))
    return found


if __name__ == "__main__":
    chosen, quantity, count, *which = sys.argv[1:]
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if quantity == "time":
        print(json.dumps(times(chosen, which, int(count))))
    else:
        print(json.dumps({which[0]: [peak_memory(chosen, which[0])]}))
