"""What a model that sees no neighbours is given at each node."""

from __future__ import annotations

from torch import Tensor
from torch_geometric.data import Data

from pdgn.models.channels import Channels
from pdgn.models.frame_window import FrameWindow
from pdgn.models.sample import forcing_inputs, node_inputs


def node_width(channels: Channels, frames: int) -> int:
    """Numbers per node in `node_features` of h frames."""
    return frames * channels.signal + channels.node_context + 2 * channels.forcing


def node_features(window: FrameWindow, scale: Tensor, data: Data, channels: Channels, index: int) -> list[Tensor]:
    """The newest frame, the increments that led to it, the context of the node, and the forcing of now and next.

    Args:
        window: h frames. scale: usual increment, [N, C]. data: the sample. channels: widths that the model was built
            for. index: position of the newest frame.

    Returns:
        Tensors [N, ·], `node_width` wide together.

    Raises:
        ValueError: data lacks what the model was built for.
    """
    parts = [window.frames[0], *window.increments(scale), node_inputs(data, channels)]
    return [*parts, forcing_inputs(data, channels, index)] if channels.forcing > 0 else parts


def node_symmetries(channels: Channels) -> frozenset[str]:
    """Those of a model on `node_features`: the context alone knows of lengths."""
    lengths = {"scaling of lengths"} if channels.node_context == 0 else set()
    return frozenset({"relabelling", "translation", "rotation", "reflection"} | lengths)
