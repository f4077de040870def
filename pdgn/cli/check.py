"""`pdgn check FILE.h5`: verifies a dataset file and names the first violations."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from tqdm import tqdm

from pdgn.cli.one_line_parser import OneLineParser

SHOWN = 10
PATIENCE = 2.0  # seconds before the bar appears


def build_parser() -> argparse.ArgumentParser:
    """The options of `pdgn check`.

    Returns:
        The parser.
    """
    parser = OneLineParser(
        prog="pdgn check",
        description="Reads every array of dataset files and verifies names, shapes, dtypes, index ranges, units, "
        "splits, chunks, the config and its hash, where NaN and infinity stand, every checksum, and that the arrays of "
        "a mesh fit together. Names the first ten violations by their paths inside the file. Exit status: 0 where all "
        "files are good, 1 where one has a violation, 2 where one cannot be opened.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE.h5", help="dataset files, as pdgn generate writes them")
    return parser


def run(args: argparse.Namespace) -> int:
    """Checks each file and prints what is wrong with it.

    Args:
        args: what `build_parser` parsed.

    Returns:
        0 where every file is good, else 1.

    Raises:
        OSError, ValueError: a file cannot be opened, or is of another schema.
    """
    from pdgn.data import check_file  # loaded only once the options are known to be right

    bad = 0
    for name in args.files:
        # On a terminal alone (None), on the stream of errors, so that what is printed can be piped.
        with tqdm(unit="B", unit_scale=True, desc=name, delay=PATIENCE, disable=None, file=sys.stderr) as bar:
            violations = check_file(name, progress=partial(_advance, bar))
        bad += bool(violations)
        print(f"{name}: " + (f"{len(violations)} violation{'s' * (len(violations) > 1)}" if violations else "good"))
        for violation in violations[:SHOWN]:
            print(f"  {violation.path}: {violation.message}")
        if len(violations) > SHOWN:
            print(f"  and {len(violations) - SHOWN} more")
    return int(bad > 0)


def _advance(bar: tqdm, read: int, total: int) -> None:
    bar.total = total
    bar.update(read)
