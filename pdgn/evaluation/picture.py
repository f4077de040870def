"""A figure of the report, as a file."""

from __future__ import annotations

import io
from typing import NamedTuple

from matplotlib.figure import Figure
from PIL import Image

from pdgn.evaluation.palette import RESOLUTION


class Picture(NamedTuple):
    """A figure of the report.

    Args:
        name: file name without ending. content: of the file. caption: one or two sentences.
        alternative: what it shows, for those who cannot see it. kind: "png" or "webp", the ending.
    """

    name: str
    content: bytes
    caption: str
    alternative: str
    kind: str = "png"

    @classmethod
    def of(cls, name: str, figure: Figure, caption: str, alternative: str) -> Picture:
        """A still picture of a figure."""
        target = io.BytesIO()
        figure.savefig(target, format="png", dpi=RESOLUTION, metadata={"Software": None})
        return cls(name, target.getvalue(), caption, alternative)

    @property
    def file(self) -> str:
        """File name."""
        return f"{self.name}.{self.kind}"

    @property
    def width(self) -> int:
        """Width at which it is shown; stills have three dots for two pixels, which looks sharp."""
        with Image.open(io.BytesIO(self.content)) as image:
            return image.width * 2 // 3 if self.kind == "png" else image.width
