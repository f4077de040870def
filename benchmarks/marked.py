"""Parts of a document of Markdown that are written by a program, between markers."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from pathlib import Path

from pdgn.data.disk import write_bytes


class MarkerError(ValueError):
    """A document without markers, or with wrong ones; one line."""


def fill(document: Path, label: str, known: Container[str], wanted: str, content: Callable[[str], str]) -> list[str]:
    """Replaces what stands between <!-- LABEL:NAME --> and <!-- /LABEL -->, for every name.

    Args:
        document: changed whole or not at all, and only if all its markers are right.
        label: of the markers.
        known: the names that there are. wanted: which these are, in words, for the message about another one.
        content: of a name, without the newlines around it.

    Returns:
        The names that were written.

    Raises:
        MarkerError: no such file, no marker, one that is not closed, or an unknown name.
    """
    try:
        text = document.read_text()
    except OSError as error:
        raise MarkerError(f"{document}: wanted a document of Markdown, given no file ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise MarkerError(f"{document}: wanted a document in UTF-8, given another ({error.reason})") from None
    parts, names, end, opened = [], [], 0, None
    for found in re.finditer(rf"<!-- ({label}:(?P<name>[\w-]+)|/{label}) -->", text):
        name, line = found["name"], text.count("\n", 0, found.start()) + 1
        if (name is None) == (opened is None):
            wanted = f"<!-- /{label} --> after {label}:{opened}" if opened else f"<!-- {label}:NAME --> before it"
            raise MarkerError(f"{document}:{line}: wanted {wanted}, given {found.group()}")
        if name is not None:
            if name not in known:
                raise MarkerError(f"{document}:{line}: wanted {wanted}, given {name!r}")
            parts.append(f"{text[end : found.end()]}\n{content(name)}\n")
            names.append(name)
        else:
            end = found.start()
        opened = name
    if opened is not None:
        raise MarkerError(f"{document}: wanted <!-- /{label} --> after {label}:{opened}, given the end")
    if not names:
        raise MarkerError(f"{document}: wanted <!-- {label}:NAME --> … <!-- /{label} -->, given none")
    write_bytes(document, ("".join(parts) + text[end:]).encode())
    return names
