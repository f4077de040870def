"""Units of parameters in a recipe's own units."""

from __future__ import annotations

from collections.abc import Mapping


def unit_in(text: str, units: Mapping[str, str]) -> str:
    """A unit such as "length^2/time" with each kind of quantity replaced by the unit that it has.

    Args:
        text: factors joined by "*" or blanks, over those after each "/"; a factor may have a power, "length^2".
        units: kind of quantity → unit, "1" where it has none, for example {"length": "m", "time": "s"}.

    Returns:
        For example "m^2/s"; "1" where nothing is left.
    """
    over: list[str] = []
    under: list[str] = []
    for position, part in enumerate(text.split("/")):
        for factor in part.replace("*", " ").replace("·", " ").split():
            kind, _, power = factor.partition("^")
            unit = units.get(kind, kind)
            if unit == "1":
                continue
            compound = any(sign in unit for sign in "/*^ ")
            term = unit if not compound or (not power and not position) else f"({unit})"
            (under if position else over).append(f"{term}^{power}" if power else term)
    if not under:
        return " ".join(over) or "1"
    return "/".join([" ".join(over) or "1", *under])
