"""Where two nested dictionaries differ, such as two configs."""

from __future__ import annotations

from typing import Any


def first_difference(given: Any, stored: Any, prefix: str = "") -> tuple[str, Any, Any] | None:
    """The first key in which two nested dictionaries differ.

    Args:
        given: one of them.
        stored: the other.
        prefix: dotted key of both.

    Returns:
        (dotted key, value in `given`, value in `stored`), None standing for an absent key; None where they are equal.
    """
    if not (isinstance(given, dict) and isinstance(stored, dict)):
        return None if given == stored else (prefix, given, stored)
    for key in [*given, *(key for key in stored if key not in given)]:
        dotted = f"{prefix}.{key}" if prefix else str(key)
        found = first_difference(given.get(key), stored.get(key), dotted)
        if found:
            return found
    return None
