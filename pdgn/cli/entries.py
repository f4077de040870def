"""Single entries of keys that hold keys, set on the command line: --sensors.noise 0.1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml


def take_entries(words: list[str], keys: Iterable[str]) -> tuple[list[tuple[str, list[str], Any]], list[str]]:
    """The entries that a command line sets, and the words without them.

    Args:
        words: those of the command line.
        keys: dotted names of the keys that hold keys.

    Returns:
        (key, path inside it, value as YAML has it) of every entry, in order; the other words.

    Raises:
        ValueError: an entry without a value, or one that is not YAML.
    """
    known, found, rest = list(keys), [], []
    iterator = iter(words)
    for word in iterator:
        option, equals, value = word.partition("=")
        name = option.removeprefix("--")
        key = next((key for key in known if name.startswith(f"{key}.")), None)
        if key is None or name == option:
            rest.append(word)
            continue
        if not equals:
            value = next(iterator, "")
        found.append((key, name.removeprefix(f"{key}.").split("."), _read(option, value)))
    return found, rest


def with_entry(values: Any, path: list[str], value: Any) -> dict[str, Any]:
    """A copy of nested keys and values with one of them set; what is no keys and values gives way.

    Args:
        values: nested dictionaries.
        path: keys from the outermost to that of the entry.
        value: what it becomes.

    Returns:
        The copy.
    """
    inside = values if isinstance(values, dict) else {}
    name, *deeper = path
    return {**inside, name: with_entry(inside.get(name), deeper, value) if deeper else value}


def _read(option: str, text: str) -> Any:
    if not text:
        raise ValueError(f"{option}: wanted a value, given nothing")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ValueError(f"{option}: wanted a value as in YAML, given {text!r}") from None
    # YAML 1.1 reads 1e-3 as text.
    number = isinstance(value, str) and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)[eE][+-]?\d+", value)
    return float(value) if number else value
