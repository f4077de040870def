"""The nearest valid name, for error messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, valid: Iterable[str]) -> str:
    """A hint for a misspelt name.

    Args:
        name: what was given.
        valid: what would have been right.

    Returns:
        " (did you mean 'x'?)", or "" where nothing is near.
    """
    matches = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.5)
    return f" (did you mean '{matches[0]}'?)" if matches else ""
