"""Runs the benchmarks: python -m benchmarks [NAME ...] [--quick] [--output FILE]."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":  # before the linear algebra is loaded: one thread here, as a worker computes
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import torch

from benchmarks import geodesics, layer, loader, results, rollouts, simulation, training_step
from benchmarks.machine import machine
from benchmarks.measure import Comparison
from benchmarks.processes import ProcessError
from benchmarks.table import header, line

NAMES = ("layer", "step", "rollout", "heat", "geodesics", "loader", "sequences")
GROUPS = {"layer": layer.comparisons, "step": training_step.comparisons, "rollout": rollouts.comparisons}


def measured(name: str, quick: bool) -> Iterator[Comparison]:
    """The comparisons of a name, as they become ready."""
    torch.set_num_threads(1)
    if name in GROUPS:
        yield from GROUPS[name](quick)
    elif name == "heat":
        yield simulation.heat_against_the_sparse_library()
    elif name == "geodesics":
        yield from (geodesics.distances(method) for method in geodesics.BARE)
    elif name == "loader":
        with tempfile.TemporaryDirectory() as folder:
            path = loader.write_dataset(Path(folder) / "windows.h5")
            for order in ("shuffled", "in order"):
                yield loader.windows_against_h5py(path, order)
            yield loader.workers_against_none(path)
    elif name == "sequences":
        yield simulation.thousand_sequences()


def main(arguments: list[str] | None = None) -> int:
    """Prints the table and writes it as JSON.

    Returns:
        0 where every limit is kept, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all by default")
    parser.add_argument("--output", type=Path, default=Path("runs/benchmarks.json"), help="JSON file to write")
    parser.add_argument("--quick", action="store_true", help="small sizes: whether it runs, not how fast")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"wanted names of {', '.join(NAMES)}, got {unknown[0]!r}")
    facts, groups, kept = machine(), {}, True
    print(f"{facts['processor']}, {facts['cores']} cores, load {os.getloadavg()[0]:.1f}")
    print(header(), flush=True)
    for name in options.names or NAMES:
        load, found = os.getloadavg()[0], []
        try:
            for one in measured(name, options.quick):
                one = one._replace(limit=None) if options.quick else one  # small sizes say nothing of speed
                found.append(one)
                print(line(one), flush=True)
        except ProcessError as error:
            print(f"{name}: {error}", file=sys.stderr)
            kept = False
        groups[name] = results.group(found, load)
        kept = kept and all(one.holds for one in found)
        results.write(options.output, facts, groups)
    print(f"written to {options.output}")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
