"""The last frames that a model has seen."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class FrameWindow(NamedTuple):
    """The last h frames, the newest first; before the first reading of a node, h times the frame of now.

    Attributes:
        frames: h tensors [N, C].
        known: [N] bool, whether the node has had a reading.
    """

    frames: tuple[Tensor, ...]
    known: Tensor

    @classmethod
    def empty(cls, like: Tensor, count: int) -> FrameWindow:
        """A window before the first frame.

        Args:
            like: [N, C], of the dtype and on the device of the frames.
            count: h ≥ 1.
        """
        known = torch.zeros(like.size(0), dtype=torch.bool, device=like.device)
        return cls((torch.zeros_like(like),) * count, known)

    def pushed(self, frame: Tensor, observed: Tensor) -> FrameWindow:
        """The window one frame later; this one is not changed.

        Args:
            frame: [N, C]. observed: [N] bool, where it is a reading.
        """
        known = self.known.unsqueeze(1)
        earlier = (torch.where(known, old, frame) for old in self.frames[:-1])
        return FrameWindow((frame, *earlier), self.known | observed)

    def increments(self, scale: Tensor) -> list[Tensor]:
        """The h − 1 steps between the frames, in units of the usual increment, the newest first.

        Args:
            scale: usual increment, [N, C].

        Returns:
            Each [N, C]; 0 before the first reading of a node.
        """
        size = scale.clamp(min=1e-6)
        return [(new - old) / size for new, old in zip(self.frames, self.frames[1:])]
