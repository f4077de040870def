"""`pdgn check FILE.h5`: verifies a dataset file and names the first violations."""

from __future__ import annotations

import argparse

from pdgn.cli.one_line_parser import OneLineParser
from pdgn.data import check_file

SHOWN = 10


def build_parser() -> argparse.ArgumentParser:
    """The options of `pdgn check`.

    Returns:
        The parser.
    """
    parser = OneLineParser(
        prog="pdgn check",
        description="Reads every array of dataset files and verifies names, shapes, dtypes, index ranges, units, "
        "splits, where NaN and infinity stand, and every checksum. Exit status 1 where something is wrong.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE.h5")
    return parser


def run(args: argparse.Namespace) -> int:
    """Checks each file and prints what is wrong with it.

    Args:
        args: what `build_parser` parsed.

    Returns:
        0 where every file is good, else 1.
    """
    bad = 0
    for name in args.files:
        violations = check_file(name)
        bad += bool(violations)
        print(f"{name}: " + ("good" if not violations else f"{len(violations)} violations"))
        for violation in violations[:SHOWN]:
            print(f"  {violation.path}: {violation.message}")
        if len(violations) > SHOWN:
            print(f"  and {len(violations) - SHOWN} more")
    return int(bad > 0)
