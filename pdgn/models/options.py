"""Options of a model: what there is, and one-line errors for what there is not."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin, get_type_hints


def unknown(what: str, name: object, valid: Iterable[str]) -> ValueError:
    """A ValueError of one line: what was given, the nearest valid name, and all valid names."""
    valid = sorted(valid)
    near = difflib.get_close_matches(str(name), valid, n=1, cutoff=0.0)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return ValueError(f"{what}: unknown {name!r}; {hint}valid: {', '.join(valid) or 'none'}")


def require_choice(name: str, value: object, valid: Iterable[str]) -> None:
    """Raises ValueError where value is none of the valid names."""
    if value not in tuple(valid):
        raise unknown(name, value, valid)


def require_at_least(name: str, value: int, least: int) -> None:
    """Raises ValueError where value is less than least."""
    if value < least:
        raise ValueError(f"{name}: wanted an integer ≥ {least}, given {value}")


@cache
def options_of(model: type) -> Mapping[str, Any]:
    """Options of a model class and their types, in the order of its constructor; channels is not one of them."""
    hints = get_type_hints(model.__init__)  # type: ignore[misc]
    return MappingProxyType({name: hints[name] for name in inspect.signature(model).parameters if name != "channels"})


def check_options(name: str, model: type, options: dict[str, Any]) -> None:
    """Checks the names, types and choices of options for a model.

    Raises:
        ValueError: an unknown option or choice; the message names it, the nearest valid one and all that are valid.
        TypeError: an option of another type; the message names it, the type that was wanted and what was given.
    """
    valid = options_of(model)
    for key, value in options.items():
        if key not in valid:
            raise unknown(f"option of model {name!r}", key, valid)
        _check_type(f"model option {key!r}", value, valid[key])


def _check_type(what: str, value: object, hint: Any) -> None:
    kind = str if get_origin(hint) is Literal else hint
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{what}: wanted {kind.__name__}, given {value!r} ({type(value).__name__})")
    if get_origin(hint) is Literal:
        require_choice(what, value, get_args(hint))
