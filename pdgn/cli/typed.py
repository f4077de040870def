"""Dictionaries, as YAML has them, to typed dataclasses, strictly."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, Literal, TypeVar

from pdgn.cli.nearest import nearest
from pdgn.cli.parser import readable

T = TypeVar("T")


def typed(kind: type[T], values: Any, where: str) -> T:
    """Builds a dataclass from a dictionary whose every key and type is checked.

    Args:
        kind: the dataclass.
        values: its arguments.
        where: dotted key of the dictionary, for messages.

    Returns:
        The dataclass.

    Raises:
        ValueError: an unknown or missing key, or a value of another type; the message names the key, what was
            wanted, what was given and the nearest valid key.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{where}: wanted keys and values, given {values!r}")
    hints = typing.get_type_hints(kind)
    items = {item.name: item for item in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key, value in values.items():
        if key not in items:
            raise ValueError(f"{where}.{key}: unknown key, wanted one of {', '.join(items)}{nearest(str(key), items)}")
        if not fits(value, hints[key]):
            raise ValueError(f"{where}.{key}: wanted {readable(hints[key])}, given {value!r}")
    for key, item in items.items():
        required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if required and key not in values:
            raise ValueError(f"{where}.{key}: wanted {readable(hints[key])}, given nothing")
    return kind(**values)


def fits(value: Any, hint: Any) -> bool:
    """Whether a value read from YAML is of a type; an integer is a number, a truth value is neither.

    Args:
        value: the value.
        hint: int, float, str, bool, None, Any, Literal, a union, list[...], dict[...] or tuple[...], which YAML has as
            a list.

    Returns:
        True where it is.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return value in arguments
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, argument) for argument in arguments)
    if origin is tuple:
        right = isinstance(value, (list, tuple)) and len(value) == len(arguments)
        return right and all(fits(entry, argument) for entry, argument in zip(value, arguments))
    if origin in (list, dict):
        entries = value.values() if isinstance(value, dict) else value
        return isinstance(value, origin) and all(fits(entry, arguments[-1]) for entry in entries)
    if hint in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, (int, float) if hint is float else hint)
