"""A surface as a picture of numbered pixels, on which any number of frames can be painted quickly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from scipy.spatial import cKDTree

from pdgn.evaluation.palette import MISSING_COLOUR
from pdgn.evaluation.surface_drawing import Stage

Array = np.ndarray
DOTS = 100  # per inch; any number will do
FINER = 2  # pixels are painted so many times finer and averaged, which smooths the outline
MARGIN = 0.03
DISC = 0.9  # diameter of a sensor's disc over the mean distance between sensors


@dataclass(frozen=True, eq=False)
class Raster:
    """What each pixel of a picture of a surface shows.

    Args:
        node: [h, w, 3] int64, the corners of the face that is seen there. weight: [h, w, 3], barycentric; of sum 1.
        shade: [h, w], brightness. seen: [h, w] bool, where there is a surface.
        extent: left, right, bottom and top of the picture, in units of the positions.
    """

    node: Array
    weight: Array
    shade: Array
    seen: Array
    extent: tuple[float, float, float, float]

    @classmethod
    def of(cls, stage: Stage, width: int, height: int) -> Raster:
        """Looks at a stage; of a sensor network every pixel of a disc shows its sensor.

        Args:
            stage: the geometry. width, height: of the picture in pixels.
        """
        shape = (height * FINER, width * FINER)
        corners, face = stage.cells()
        points, depth = stage.view.project(corners)
        centre, scale = _fit(points.reshape(-1, 2), shape)
        pixels = (points - centre) * scale + np.array(shape[::-1]) / 2
        order = np.argsort(depth.mean(1), kind="stable")
        if stage.face is None:
            number = _nearest(pixels[:, 0], shape)
            weight = np.broadcast_to([1.0, 0.0, 0.0], (*shape, 3))
        else:
            cells = PolyCollection(list(pixels[order]), antialiaseds=False, linewidths=0.0)
            number = _numbers(cells, order, shape)
            weight = _barycentric(pixels[number], _centres(shape))
        seen = number >= 0
        half = np.array(shape[::-1]) / 2 / scale
        extent = (centre[0] - half[0], centre[0] + half[0], centre[1] - half[1], centre[1] + half[1])
        return cls(face[number], weight, stage.brightness(number, weight), seen, extent)

    def paint(self, values: Array, colours: ScalarMappable) -> Array:
        """A picture of one frame on white.

        Args:
            values: [V]; NaN is grey. colours: colour map and scale.

        Returns:
            [height, width, 3] uint8.
        """
        values = np.asarray(values, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            inside = np.where(self.weight > 0, values[self.node] * self.weight, 0.0).sum(-1)
        known = np.isfinite(inside)
        colour = np.array(colours.to_rgba(np.where(known, inside, 0.0)))[..., :3]
        colour[~known] = to_rgb(MISSING_COLOUR)
        colour = np.where(self.seen[..., None], colour * self.shade[..., None], 1.0)
        height, width = self.seen.shape[0] // FINER, self.seen.shape[1] // FINER
        coarse = colour.reshape(height, FINER, width, FINER, 3).mean(axis=(1, 3))
        return np.round(255 * coarse).astype(np.uint8)

    def draw(self, axes: Axes, values: Array, colours: ScalarMappable) -> None:
        """Draws one frame into a panel; as :meth:`Stage.draw`."""
        axes.imshow(self.paint(values, colours), extent=self.extent, interpolation="antialiased")
        axes.set_aspect("equal")
        axes.set_axis_off()


def quick_draw(stage: Stage, width: int) -> Callable[[Axes, Array, ScalarMappable], None]:
    """How to draw many frames on one stage: a curved surface by its raster, which saves most of the time.

    Args:
        stage: the geometry. width: of a panel in pixels.
    """
    if stage.face is None or stage.flat:
        return stage.draw
    points, _ = stage.view.project(stage.pos)
    size = np.ptp(points, axis=0)
    return Raster.of(stage, width, max(1, round(width * float(np.clip(size[1] / size[0], 0.25, 4.0))))).draw


def _fit(points: Array, shape: tuple[int, int]) -> tuple[Array, float]:
    """Centre of the drawn points, and pixels per unit of length, so that all of them fit with a margin."""
    low, high = points.min(0), points.max(0)
    size = np.maximum(high - low, 1e-300)
    return (low + high) / 2, float(((1 - 2 * MARGIN) * np.array(shape[::-1]) / size).min())


def _numbers(cells: PolyCollection, order: Array, shape: tuple[int, int]) -> Array:
    """[h, w] number of the cell that each pixel shows, −1 for none: cells are painted in colours that count them."""
    count = np.arange(1, len(order) + 1)
    colours = np.stack([count >> 16, (count >> 8) & 255, count & 255], axis=1) / 255
    cells.set(facecolors=colours, edgecolors="none", snap=False)
    figure = Figure(figsize=(shape[1] / DOTS, shape[0] / DOTS), dpi=DOTS, facecolor=(0, 0, 0))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, shape[1]), ylim=(0, shape[0]))
    axes.set_axis_off()
    axes.add_collection(cells)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    red, green, blue = np.moveaxis(np.asarray(canvas.buffer_rgba())[..., :3].astype(np.int64), -1, 0)
    painted = (red << 16) + (green << 8) + blue
    return np.where(painted > 0, order[np.maximum(painted, 1) - 1], -1)


def _nearest(points: Array, shape: tuple[int, int]) -> Array:
    """[h, w] number of the sensor in whose disc each pixel lies, −1 for none."""
    radius = float(np.clip(DISC / 2 * np.sqrt(shape[0] * shape[1] / len(points)), 4.0, 20.0))
    distance, nearest = cKDTree(points).query(_centres(shape))
    return np.where(distance <= radius, nearest, -1)


def _centres(shape: tuple[int, int]) -> Array:
    """[h, w, 2] centres of the pixels; the first row of a picture is its top."""
    y, x = np.mgrid[shape[0] - 0.5 : 0 : -1, 0.5 : shape[1]]
    return np.stack([x, y], axis=-1)


def _barycentric(corners: Array, p: Array) -> Array:
    """[h, w, 3] weights of the corners [h, w, 3, 2] at points [h, w, 2]; at least 0, of sum 1."""
    a, b, c = np.moveaxis(corners, -2, 0)

    def area(u: Array, v: Array) -> Array:
        return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]

    weight = np.stack([area(b - p, c - p), area(c - p, a - p), area(a - p, b - p)], axis=-1)
    whole = weight.sum(-1, keepdims=True)
    # A face seen from its edge shows its first corner.
    weight = np.where(whole == 0, [1.0, 0.0, 0.0], weight / np.where(whole == 0, 1.0, whole)).clip(min=0)
    return weight / weight.sum(-1, keepdims=True)
