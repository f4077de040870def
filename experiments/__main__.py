"""Runs the experiments: python -m experiments [--only EXPERIMENT[/MODEL[-SEED]] ...] [--jobs N] [--core] [--list]."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from benchmarks.marked import MarkerError
from experiments.commands import Budget, commands
from experiments.dataset import ROOT
from experiments.report import write_report, write_tables
from experiments.results import RESULTS, results_file
from experiments.rows import Row, chosen_rows, core_rows
from experiments.run import Runner, stop_on_termination

REPORT, README = Path("docs/results.md"), Path("README.md")


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options; wrong ones end the program."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments",
        description="Runs the rows of the matrix that have no metrics.json in experiments/results, the core matrix "
        "first, and writes docs/results.md. Stop it when you like: the same command continues, and two of it share the "
        "work.",
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="PATTERN", help="EXPERIMENT[/MODEL[-SEED]], * and ?")
    parser.add_argument("--core", action="store_true", help="the core matrix alone")
    parser.add_argument("--jobs", type=int, default=2, help="rows at a time, one thread each (2)")
    parser.add_argument("--minutes", type=float, help="processor time for the training of a row (10)")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--again", action="store_true", help="run the rows that --only names anew where they are done")
    parser.add_argument("--list", action="store_true", help="print the rows and whether they are done, run nothing")
    parser.add_argument("--commands", action="store_true", help="print the commands of the rows, run nothing")
    parser.add_argument("--report", action="store_true", help="write docs/results.md and README's tables, run nothing")
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs: wanted an integer of at least 1, given {options.jobs}")
    if options.minutes is not None and not options.minutes > 0:
        parser.error(f"--minutes: wanted a positive number, given {options.minutes:g}")
    if options.again and not options.only:
        parser.error("--again: wanted with --only, as it discards what is done")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Does what it is told.

    Returns:
        0; 1 where a row failed; 2 for a pattern that matches nothing; 130 where it was stopped.
    """
    options = parsed(arguments)
    try:
        rows = chosen_rows(options.only, core_rows() if options.core else None)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    budget = Budget(options.minutes, options.device)
    if options.list or options.commands:
        if arguments is None:  # as a program: `| head` ends it without a word
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        for row in rows:
            print("\n".join(commands(row, budget).lines()) if options.commands else _listed(row))
        return 0
    states: list[str] = []
    if not options.report:
        stop_on_termination()
        states = [outcome.state for outcome in Runner(budget, again=options.again).run(rows, options.jobs)]
    write_report(ROOT / REPORT, ROOT / RESULTS)
    refused = ""
    try:
        write_tables(ROOT / README, ROOT / RESULTS)
    except MarkerError as error:
        refused = str(error)
        print(refused, file=sys.stderr)
    print(f"{REPORT}: {', '.join(f'{states.count(state)} {state}' for state in dict.fromkeys(states)) or 'written'}")
    return 130 if "stopped" in states and "failed" not in states else 1 if refused or "failed" in states else 0


def _listed(row: Row) -> str:
    kind, state = "core" if row.core else "extra", "done" if results_file(row).is_file() else "missing"
    return f"{kind:5} {state:7} {row.name}"


if __name__ == "__main__":
    raise SystemExit(main())
