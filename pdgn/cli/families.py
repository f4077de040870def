"""Entries with numbered names that are alike, as one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Entry = TypeVar("Entry")


def families(
    entries: Sequence[Entry], name: Callable[[Entry], str], kind: Callable[[Entry], Any]
) -> dict[str, list[Entry]]:
    """Groups entries whose names differ in their last number alone and that are of one kind.

    Args:
        entries: what is grouped.
        name: the name of an entry, for example "bumpy_3".
        kind: entries of one group agree in this; its repr is compared.

    Returns:
        Label → members, in the order of their numbers: "bumpy_0 … bumpy_7 (8)", or the name of one that is alone.
    """
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((re.sub(r"\d+(?=\D*$)", "#", name(entry)), repr(kind(entry))), []).append(entry)
    found = {}
    for members in groups.values():
        members = sorted(members, key=lambda entry: (_number(name(entry)), name(entry)))
        names = [name(member) for member in members]
        label = names[0] if len(names) == 1 else f"{names[0]} … {names[-1]} ({len(names)})"
        found[label] = members
    return found


def _number(name: str) -> int:
    digits = re.findall(r"\d+", name)
    return int(digits[-1]) if digits else -1
