"""Units of parameters in a recipe's own units."""

from __future__ import annotations

import re
from collections.abc import Mapping


def unit_in(text: str, units: Mapping[str, str]) -> str:
    """A unit such as "length^2/time" with each kind of quantity replaced by the unit that it has.

    Args:
        text: factors with blanks between them, over factors after "/" (in brackets where there are several); a factor
            may have a power, "length^2".
        units: kind of quantity → unit, "1" where it has none, for example {"length": "m", "time": "s"}.

    Returns:
        For example "m^2/s"; "1" where nothing is left.
    """
    above, _, below = text.partition("/")
    over, under = (_factors(part.strip(" ()"), units) for part in (above, below))
    # One compound unit alone reads without brackets.
    numerator = over[0].strip("()") if len(over) == 1 and over[0].endswith(")") else " ".join(over)
    if not under:
        return numerator or "1"
    return f"{numerator or '1'}/{under[0] if len(under) == 1 else '(' + ' '.join(under) + ')'}"


def _factors(part: str, units: Mapping[str, str]) -> list[str]:
    found = []
    for factor in part.split():
        kind, _, power = factor.partition("^")
        unit = units.get(kind, kind)
        if unit != "1":
            term = f"({unit})" if re.search(r"[/ ^]", unit) else unit
            found.append(f"{term}^{power}" if power else term)
    return found
