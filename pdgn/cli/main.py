"""The command `pdgn`: finds the module of a subcommand, runs it, and turns a user's mistake into one line."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from pdgn.cli.nearest import nearest
from pdgn.version import __version__

COMMANDS = {
    "generate": "simulate a recipe on meshes, or read sensor tables, into one HDF5 file",
    "train": "train a model and its baselines from a config",
    "evaluate": "roll a checkpoint out on test data: table, metrics.json, figures, report.html",
    "predict": "run a checkpoint on your own mesh and observations, without truth",
    "check": "verify a dataset file against its schema and checksums",
    "info": "print what is in a dataset file, and how to regenerate it",
    "export": "write a dataset file as animations for ParaView",
    "summary": "put the metrics of several seeds in one table: mean ± standard deviation",
}


def usage() -> str:
    """The text that `pdgn --help` prints.

    Returns:
        One line per command.
    """
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()]
    return "usage: pdgn COMMAND [options]      (pdgn COMMAND --help tells the options)\n\n" + "\n".join(lines)


def one_line(error: BaseException) -> str:
    """An error's message on a single line.

    Args:
        error: what was raised.

    Returns:
        The message, white space folded; the file name in front where the system named one.
    """
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return f"{where}{error.strerror}"
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, MemoryError):
        return f"this needs more memory than there is: {text}"
    return text


def main(arguments: Sequence[str] | None = None, command: str | None = None) -> int:
    """Runs one command.

    Args:
        arguments: the words after `pdgn` (after the command where `command` is given); sys.argv without it.
        command: the subcommand, for the scripts train.py, evaluate.py and datasets/generate.py.

    Returns:
        The exit status: 0; 1 where a check found something; 2 for a user's mistake; 130 when interrupted.
        With PDGN_TRACEBACK=1 in the environment errors keep their traceback.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if command is None:
        if not words or words[0] in {"-h", "--help", "help"}:
            print(usage())
            return 0
        if words[0] in {"-V", "--version"}:
            print(f"pdgn {__version__}")
            return 0
        command = words.pop(0)
    if command not in COMMANDS:
        hint = nearest(command, COMMANDS)
        print(f"pdgn: error: unknown command '{command}'; wanted one of {', '.join(COMMANDS)}{hint}", file=sys.stderr)
        return 2
    module = importlib.import_module(f"pdgn.cli.{command}")
    try:
        return module.run(module.build_parser().parse_args(words)) or 0
    except (ValueError, TypeError, OSError, OverflowError, MemoryError) as error:
        if os.environ.get("PDGN_TRACEBACK") == "1":
            raise
        print(f"pdgn: error: {one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("pdgn: interrupted; what was finished is kept, the same command continues", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
