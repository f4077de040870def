"""Runs the benchmarks, prints a table and writes JSON: python -m benchmarks [NAME ...] [--quick] [--compare OLD.json].

With --report alone nothing is measured: the tables of a document of Markdown are written anew from the JSON.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

if __name__ == "__main__":  # before the linear algebra is loaded: one thread here, as a worker computes
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import torch

from benchmarks import geodesics, gpu, layer, loader, results, rollouts, simulation, training_step
from benchmarks.changes import changes
from benchmarks.machine import machine
from benchmarks.marked import MarkerError
from benchmarks.measure import Comparison
from benchmarks.processes import ProcessError
from benchmarks.report import write_report
from benchmarks.table import header, line

NAMES = ("layer", "step", "rollout", "gpu", "heat", "geodesics", "loader", "sequences")
# Each takes: small sizes or not, threads (None: all cores).
GROUPS: dict[str, Callable[[bool, int | None], Iterator[Comparison]]] = {
    "layer": layer.comparisons,
    "step": training_step.comparisons,
    "rollout": rollouts.comparisons,
    "gpu": lambda quick, threads: gpu.comparisons(quick),
}


def measured(name: str, quick: bool, threads: int | None) -> Iterator[Comparison]:
    """The comparisons of a name, as they become ready."""
    torch.set_num_threads(1)
    if name in GROUPS:
        yield from GROUPS[name](quick, threads)
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


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options; wrong ones end the program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0].split(":")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all by default")
    parser.add_argument("--output", type=Path, default=Path("runs/benchmarks.json"), help="JSON file to write")
    parser.add_argument("--quick", action="store_true", help="small sizes: whether it runs, not how fast")
    parser.add_argument("--threads", type=int, help="of layer, step and rollout; all cores by default")
    parser.add_argument("--compare", type=Path, metavar="OLD.json", help="earlier results: says what changed")
    parser.add_argument("--report", type=Path, metavar="FILE.md", help="document whose measured tables are renewed")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"wanted names of {', '.join(NAMES)}, got {unknown[0]!r}")
    if options.threads is not None and options.threads < 1:
        parser.error(f"--threads: wanted an integer ≥ 1, got {options.threads}")
    if options.report is None or options.names or options.quick or options.compare:
        options.names = options.names or list(NAMES)
    return options


def measure(names: list[str], quick: bool, threads: int | None, output: Path) -> bool:
    """Measures, prints each line as it is ready and writes it.

    Returns:
        Whether every limit is kept.
    """
    facts, groups, kept = machine(), {}, True
    print(f"{facts['processor']}, {facts['cores']} cores, load {os.getloadavg()[0]:.1f}")
    print(header(), flush=True)
    for name in names:
        load, found = os.getloadavg()[0], []
        try:
            for one in measured(name, quick, threads):
                found.append(one._replace(limit=None) if quick else one)  # small sizes say nothing of speed
                print(line(found[-1]), flush=True)
                results.write(output, facts, {**groups, name: results.group(found, load)})  # what is ended is kept
        except ProcessError as error:
            print(f"{name}: {error}", file=sys.stderr)
            kept = False
        groups[name] = results.group(found, load)
        kept = kept and all(one.holds for one in found)
        others = results.write(output, facts, groups)
    print(f"written to {output}{', with what it held of this machine' if others else ''}")
    return kept


def main(arguments: list[str] | None = None) -> int:
    """Measures, compares and reports as it is told.

    Returns:
        0 where every limit is kept, 1 where one is not, 2 for a file that cannot be used (one line on stderr).
    """
    options, kept = parsed(arguments), True
    try:
        old = None if options.compare is None else results.read(options.compare)  # the output may be the same file
        if options.names:
            kept = measure(options.names, options.quick, options.threads, options.output)
        if old is not None:
            new = results.read(options.output)
            new["groups"] = {name: new["groups"][name] for name in options.names}
            print("\n".join(["", f"against {options.compare}:", *changes(old, new)]))
        if options.report is not None:
            names = write_report(options.report, results.read(options.output))
            print(f"{options.report}: {', '.join(names)}")
    except (results.ResultsError, MarkerError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
