"""The keys of an entry of a recipe, for the help of a command."""

from __future__ import annotations

import dataclasses
import textwrap
import typing
from collections.abc import Iterator
from typing import Any

from docstring_parser import parse

from pdgn.cli.parser import readable


def keys_of(kind: type, prefix: str = "") -> str:
    """What a dataclass's docstring says of its arguments, with types and defaults.

    Args:
        kind: a dataclass. prefix: of every name.

    Returns:
        For each a line with its name, and indented below it lines of at most 78 characters.
    """
    return "\n".join(_lines(kind, prefix))


def _lines(kind: type, prefix: str) -> Iterator[str]:
    meanings = {entry.arg_name: entry.description or "" for entry in parse(kind.__doc__ or "").params}
    hints = typing.get_type_hints(kind)
    for item in dataclasses.fields(kind):
        yield f"  {prefix}{item.name}"
        text = f"{' '.join(meanings.get(item.name, '').split())} ({readable(hints[item.name])}, {_default(item)})"
        yield from textwrap.wrap(text, 78, initial_indent=" " * 8, subsequent_indent=" " * 8)


def _default(item: dataclasses.Field[Any]) -> str:
    if item.default_factory is not dataclasses.MISSING:
        return f"default: {item.default_factory()}"
    if item.default is dataclasses.MISSING:
        return "required"
    return f"default: {'null' if item.default is None else item.default}"
