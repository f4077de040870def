"""Runs the benchmarks: python -m benchmarks [NAME ...] [--output FILE]."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":  # before the linear algebra is loaded: one thread for all sides, as a worker computes
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import torch

from benchmarks import geodesics, loader, simulation
from benchmarks.measure import Comparison, machine, table

NAMES = ("heat", "geodesics", "loader", "sequences")


def measured(names: list[str]) -> Iterator[Comparison]:
    """The comparisons of these names, as they become ready."""
    torch.set_num_threads(1)
    if "heat" in names:
        yield simulation.heat_against_the_sparse_library()
    if "geodesics" in names:
        yield from (geodesics.distances(method) for method in geodesics.BARE)
    if "loader" in names:
        with tempfile.TemporaryDirectory() as folder:
            path = loader.write_dataset(Path(folder) / "windows.h5")
            for order in ("shuffled", "in order"):
                yield loader.windows_against_h5py(path, order)
            yield loader.workers_against_none(path)
    if "sequences" in names:
        yield simulation.thousand_sequences()


def main(arguments: list[str] | None = None) -> int:
    """Prints the table and writes it as JSON.

    Returns:
        0 where every limit is kept, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all by default")
    parser.add_argument("--output", type=Path, default=Path("runs/benchmarks.json"), help="JSON file to write")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"wanted names of {', '.join(NAMES)}, got {unknown[0]!r}")
    facts = machine()
    print(f"{facts['processor']}, {facts['cores']} cores, load {facts['load'][0]:.1f}, one thread a process")
    comparisons = []
    for comparison in measured(options.names or list(NAMES)):
        comparisons.append(comparison)
        print(table([comparison]).splitlines()[-1] if len(comparisons) > 1 else table([comparison]), flush=True)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(
        json.dumps({"machine": facts, "comparisons": [one.record() for one in comparisons]}, indent=1) + "\n"
    )
    print(f"written to {options.output}")
    return 0 if all(one.holds for one in comparisons) else 1


if __name__ == "__main__":
    raise SystemExit(main())
