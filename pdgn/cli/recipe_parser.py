"""The options of a recipe, whose help also lists the keys inside keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docstring_parser import parse

from pdgn.cli.keys import keys_of
from pdgn.cli.parser import StrictParser


class RecipeParser(StrictParser):
    """A parser whose help ends with the keys of those options that hold keys.

    Args:
        prog, description: as `StrictParser`.
        keys: option → dataclass whose arguments are its keys.
        entries: option → dataclass whose arguments are the keys of an entry, of options that are lists.
        options: as `StrictParser`.
    """

    def __init__(
        self,
        prog: str,
        description: str = "",
        *,
        keys: Mapping[str, type],
        entries: Mapping[str, type] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(prog, description, **options)
        self._keys, self._entries = dict(keys), dict(entries or {})

    def format_help(self, *given: Any, **named: Any) -> str:
        """The help of the options, and after it that of the keys inside them."""
        parts = [super().format_help(*given, **named)]
        for option, kind in self._keys.items():
            about = (parse(kind.__doc__ or "").short_description or "").rstrip(".")
            parts.append(f"keys of --{option}: {about}\n{keys_of(kind, f'--{option}.')}\n")
        for option, kind in self._entries.items():
            parts.append(f"keys of an entry of --{option}:\n{keys_of(kind)}\n")
        return "\n".join(parts)
