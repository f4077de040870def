"""The inputs of a function parted from each other, to derive it by each of them alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def apart(inputs: Iterable[Any]) -> list[Any]:
    """A view of each input; None stays None.

    Where one input depends on another, as edges do on nodes, :func:`torch.autograd.grad` by the inputs themselves would
    count the way through both twice: here, and again where the outer derivative goes back from one to the other.
    """
    return [None if given is None else given.view_as(given) for given in inputs]
