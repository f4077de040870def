"""How many channels of each kind a model takes."""

from __future__ import annotations

from typing import NamedTuple


class Channels(NamedTuple):
    """Widths of what a sample carries.

    Attributes:
        signal: C, channels of the frames.
        node_context: P, context of a node.
        edge_context: R, context of an edge.
        forcing: Q, inputs known at every frame, the future included.
    """

    signal: int
    node_context: int = 0
    edge_context: int = 0
    forcing: int = 0
