"""Checks of the values in a recipe, each with one line that names the key, what was wanted and what was given."""

from __future__ import annotations

from typing import Any


def require(key: str, condition: bool, wanted: str, given: Any) -> None:
    """Refuse a value unless a condition holds.

    Args:
        key: dotted name of the key.
        condition: whether the value is right.
        wanted: what was wanted, in words.
        given: the value.

    Raises:
        ValueError: it does not hold.
    """
    if not condition:
        raise ValueError(f"{key}: wanted {wanted}, given {given!r}")


def require_at_least(group: str, recipe: object, **smallest: float) -> None:
    """Refuse numbers of a group below their smallest value, and those that are not finite."""
    for name, least in smallest.items():
        value = getattr(recipe, name)
        require(f"{group}.{name}", least <= value < float("inf"), f"a finite number of at least {least}", value)


def require_positive(group: str, recipe: object, *names: str) -> None:
    """Refuse numbers of a group that are not finite and above 0."""
    for name in names:
        value = getattr(recipe, name)
        require(f"{group}.{name}", 0 < value < float("inf"), "a finite number above 0", value)


def require_text(group: str, recipe: object, *names: str) -> None:
    """Refuse empty text."""
    for name in names:
        require(f"{group}{name}", bool(getattr(recipe, name)), "text that is not empty", getattr(recipe, name))
