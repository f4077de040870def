"""An animation of truth and predictions of one roll-out on the surface."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from pdgn.evaluation.example import Example
from pdgn.evaluation.labels import model_label, time_label, with_unit
from pdgn.evaluation.palette import INK, STYLE
from pdgn.evaluation.raster import Raster
from pdgn.evaluation.surface_figure import colour_scales, panel_aspect

Array = np.ndarray
COLUMNS = 4
PANEL = 260  # pixels
TITLE, FOOT, BAR = 26, 30, 96  # pixels above each panel, below all, and right of them
MAX_FRAMES = 60
FRAME_MS, LAST_MS = 110, 1600
QUALITY = 82


def animation(examples: Mapping[str, Example]) -> bytes:
    """Truth and predictions side by side, frame by frame, on one colour scale taken from the truth.

    Args:
        examples: {model: its forecast}, all of the same window.

    Returns:
        An animated WebP of at most 60 frames, without end; a few hundred kilobytes.
    """
    first = next(iter(examples.values()))
    truth = np.where(first.mask, first.truth, np.nan)
    courses = {"Truth": truth} | {model_label(name): example.prediction for name, example in examples.items()}
    colours, _ = colour_scales(truth, np.zeros(1))
    height = round(PANEL * panel_aspect(first))
    raster = Raster.of(first.stage, PANEL, height)
    background, places = _background(list(courses), height, colours, first)
    font = ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", 14)
    frames = []
    for step in animated_steps(truth.shape[1]):
        picture = background.copy()
        for values, (top, left) in zip(courses.values(), places, strict=True):
            picture[top : top + height, left : left + PANEL] = raster.paint(values[:, step], colours)
        image = Image.fromarray(picture)
        text = time_label(first.time[step], first.time_unit)
        ImageDraw.Draw(image).text((8, picture.shape[0] - FOOT + 6), text, fill=INK, font=font)
        frames.append(image)
    return _encoded(frames)


def animated_steps(steps: int) -> list[int]:
    """All predicted steps, or sixty of them evenly spread, the first and the last among them."""
    return sorted({int(step) for step in np.round(np.linspace(0, steps - 1, min(MAX_FRAMES, steps)))})


def _background(
    names: Sequence[str], height: int, colours: ScalarMappable, example: Example
) -> tuple[Array, list[tuple[int, int]]]:
    """Everything that does not move, [h, w, 3] uint8, and where the panels go: their top and left pixel."""
    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    width, total = columns * PANEL + BAR, rows * (TITLE + height) + FOOT
    places = [(TITLE + place // columns * (TITLE + height), place % columns * PANEL) for place in range(len(names))]
    with rc_context(STYLE):
        figure = Figure(figsize=(width / 100, total / 100), dpi=100)
        for name, (top, left) in zip(names, places, strict=True):
            x, y = (left + PANEL / 2) / width, 1 - (top - 5) / total
            figure.text(x, y, name, ha="center", va="bottom", fontsize=10, fontweight="bold")
        bar = min(height, 260) / total
        axes = figure.add_axes((1 - (BAR - 12) / width, 1 - TITLE / total - bar, 12 / width, bar))
        figure.colorbar(colours, cax=axes).set_label(with_unit(example.channel, example.unit), fontsize=8)
        axes.tick_params(labelsize=8)
        axes.grid(False)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy(), places


def _encoded(frames: Sequence[Image.Image]) -> bytes:
    target = io.BytesIO()
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_MS]
    options = {"save_all": True, "append_images": frames[1:], "duration": durations, "loop": 0}
    frames[0].save(target, "WEBP", quality=QUALITY, method=4, **options)
    return target.getvalue()
