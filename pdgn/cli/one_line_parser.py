"""A parser of plain options whose mistakes are one line."""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn

from pdgn.cli.nearest import nearest


class OneLineParser(argparse.ArgumentParser):
    """argparse's parser, raising one line where argparse prints its usage, and taking no option for another.

    Args:
        options: as argparse.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Raises what argparse says.

        Raises:
            ValueError: always; an unknown option comes with the nearest valid one.
        """
        unknown = re.match(r"unrecognized arguments: (\S+)", message)
        hint = nearest(unknown[1].partition("=")[0], self._option_string_actions) if unknown else ""
        raise ValueError(f"{self.prog}: {message}{hint}")
