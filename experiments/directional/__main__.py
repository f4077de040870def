"""Trains rows of experiment 1 and prints its table: python -m experiments.directional [MODEL ...] [--seed S]."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import torch

from experiments.directional.row import MODELS, run_row
from experiments.directional.table import table

RESULTS = Path(__file__).resolve().parents[1] / "results" / "directional"
SEEDS = 5


def main(arguments: list[str] | None = None) -> None:
    """Rows that have a metrics.json already are not run again."""
    parser = argparse.ArgumentParser(prog="python -m experiments.directional", description=__doc__.split(":")[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(MODELS)}; none: only the table")
    parser.add_argument("--seed", type=int, nargs="+", default=list(range(SEEDS)))
    parser.add_argument("--minutes", type=float, default=10.0, help="at most, for each row")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for seed in options.seed:
        for model in options.models:
            folder = options.results / f"{model}-{seed}"
            if not (folder / "metrics.json").exists():
                run_row(model, seed, folder, options.minutes)
    print(table(options.results))


if __name__ == "__main__":
    main()
