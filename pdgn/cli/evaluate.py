"""`pdgn evaluate`: a checkpoint to a table, metrics.json, figures and report.html."""

from __future__ import annotations

import argparse

from pdgn.cli.one_line_parser import OneLineParser


def build_parser() -> argparse.ArgumentParser:
    """The options of `pdgn evaluate`.

    Returns:
        The parser.
    """
    parser = OneLineParser(
        prog="pdgn evaluate",
        description="Rolls models and the baselines of their configs out over the test trajectories, prints their "
        "errors and writes metrics.json, figures/* and report.html.",
    )
    parser.add_argument(
        "--checkpoint", required=True, action="append", metavar="FILE",
        help="best.ckpt of a run; given several times, all are compared in one report on the same predicted frames",
    )  # fmt: skip
    parser.add_argument(
        "--data", metavar="FILE", help="dataset to test on; by default the one of the (first) run's config"
    )
    parser.add_argument("--device", default="auto", help="auto (a GPU where there is one), cpu or cuda")
    parser.add_argument("--output", metavar="DIR", help="folder for the results; by default that of the checkpoint")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an evaluation on other data or of other checkpoints"
    )
    return parser


def run(args: argparse.Namespace) -> None:
    """Evaluates, prints the tables and says where the report is.

    Args:
        args: what `build_parser` parsed.
    """
    from pdgn.evaluation import evaluate  # torch and matplotlib are loaded only once the options are known to be right

    result = evaluate(args.checkpoint, args.data, output=args.output, device=args.device, overwrite=args.overwrite)
    for table in result.printed:
        print(table.text(), end="\n\n")
    print(f"report: {result.report}")
