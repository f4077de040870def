"""`pdgn summary FILE [FILE ...]`: the metrics of several seeds in one table."""

from __future__ import annotations

import argparse
from pathlib import Path

from pdgn.cli.one_line_parser import OneLineParser

MARKDOWN = (".md", ".markdown")


def build_parser() -> argparse.ArgumentParser:
    """The options of `pdgn summary`.

    Returns:
        The parser.
    """
    parser = OneLineParser(
        prog="pdgn summary",
        description="Reads the metrics.json of runs that differ in their seed alone and prints the errors of every "
        "model on every group of surfaces: mean ± sample standard deviation over the seeds.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="metrics.json of a run, as pdgn evaluate writes it")
    parser.add_argument(
        "--steps", nargs="+", type=int, default=[], metavar="N",
        help="predicted steps, counted from 1, whose MAE is told; by default the first and the last",
    )  # fmt: skip
    parser.add_argument("--markdown", metavar="FILE.md", help="write the tables to this Markdown file too")
    return parser


def run(args: argparse.Namespace) -> None:
    """Prints the tables, and writes them where that is asked for.

    Args:
        args: what `build_parser` parsed.

    Raises:
        ValueError: files that are not those of several seeds of one experiment, a step that they do not have, or
            a Markdown file of another ending.
        OSError: a file that cannot be read or written.
    """
    from pdgn.data.disk import clear_errors, write_bytes  # torch is loaded only once the options are known to be right
    from pdgn.evaluation.seed_table import read_seeds, seed_tables

    if args.markdown is not None and Path(args.markdown).suffix not in MARKDOWN:  # a metrics.json is never overwritten
        raise ValueError(
            f"--markdown: wanted a file name that ends in {' or '.join(MARKDOWN)}, given {args.markdown!r}"
        )
    try:
        tables = seed_tables(read_seeds(args.files), args.steps)
    except (KeyError, AttributeError, TypeError) as error:
        wanted = f"{', '.join(args.files)}: wanted metrics.json as 'pdgn evaluate' writes it"
        raise ValueError(f"{wanted}, given an edited or damaged one ({error})") from None
    print("\n\n".join(table.text() for table in tables))
    if args.markdown is not None:
        with clear_errors(f"cannot write {args.markdown}", "choose another place for --markdown"):
            text = "\n\n".join(table.markdown() for table in tables)
            write_bytes(Path(args.markdown), f"{text}\n".encode())
