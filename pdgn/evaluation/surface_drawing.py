"""Draws a signal on a surface, a flat map or a sensor network into one panel.

A surface is drawn by an orthographic projection of its faces, sorted from back to front and shaded. Three-dimensional
axes of matplotlib would spend most of each panel on empty space.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.tri import Triangulation

from pdgn.evaluation.palette import FAINT, MISSING_COLOUR
from pdgn.evaluation.view import View, best_view, is_flat
from pdgn.mesh import minimal_image

Array = np.ndarray
MAX_FACES = 24_000  # faces are split for a smooth picture up to about this number
LIGHT = (-0.45, 0.6, 0.66)  # from the upper left, in camera coordinates
AMBIENT = 0.66


@dataclass(frozen=True)
class Stage:
    """The geometry that the panels of one figure share.

    Args:
        pos: [V, 3]. face: [F, 3] int64, or ``None`` for sensors. corners: [F, 3, 3], or ``None``.
        segments: [S, 2, 2] lines of a sensor graph, or ``None``.
        view: the camera. flat: whether the panels are maps.
    """

    pos: Array
    face: Array | None
    corners: Array | None
    segments: Array | None
    view: View
    flat: bool

    @classmethod
    def of(
        cls,
        pos: Array,
        face: Array | None,
        edge_index: Array,
        edge_vector: Array | None = None,
        period: tuple[float, float, float] | None = None,
    ) -> Stage:
        """The stage of a mesh or a sensor network.

        Args:
            pos: [V, 3]. face: [F, 3] or ``None``. edge_index: [2, E], row 0 source j.
            edge_vector: [E, 3] x_j - x_i, the shortest one where the domain is periodic.
            period: (Lx, Ly, Lz) or ``None``.
        """
        pos = np.asarray(pos, dtype=np.float64)
        if face is None or len(face) == 0:
            view = View(*np.eye(3)) if is_flat(pos) else best_view(pos[None])
            return cls(pos, None, None, _segments(pos, edge_index, edge_vector, view), view, is_flat(pos))
        corners = _corners(pos, np.asarray(face), period)
        return cls(pos, np.asarray(face), corners, None, best_view(corners), is_flat(pos))

    def draw(self, axes: Axes, values: Array, colours: ScalarMappable) -> None:
        """Draws one signal.

        Args:
            axes: the panel. values: [V]; NaN is drawn grey. colours: colour map and scale.
        """
        if self.face is None:
            self._draw_sensors(axes, values, colours)
        elif self.flat:
            self._draw_map(axes, values, colours)
        else:
            self._draw_faces(axes, values, colours)
        axes.set_aspect("equal")
        axes.grid(False)
        if not self.flat:
            axes.set_axis_off()

    def cells(self) -> tuple[Array, Array]:
        """What can be seen: corners [F, 3, 3] and nodes [F, 3] of each face; a sensor is one of three equal corners."""
        if self.face is None or self.corners is None:
            return np.repeat(self.pos[:, None], 3, axis=1), np.repeat(np.arange(len(self.pos))[:, None], 3, axis=1)
        return self.corners, self.face

    def brightness(self, cell: Array, weight: Array) -> Array:
        """Brightness [...] of points in cells [...], given by barycentric weights [..., 3]; 1 on maps and sensors."""
        if self.face is None or self.flat:
            return np.ones(cell.shape)
        normals = np.einsum("...k,...kc->...c", weight, self._corner_normals()[cell])
        return _shade(normals.reshape(-1, 3), self.view).reshape(cell.shape)

    def _draw_sensors(self, axes: Axes, values: Array, colours: ScalarMappable) -> None:
        points, depth = self.view.project(self.pos)
        if self.segments is not None:
            axes.add_collection(LineCollection(list(self.segments), colors=FAINT, linewidths=0.7, zorder=1))
        size = float(np.clip(4200.0 / len(points), 9.0, 70.0))
        order = np.argsort(depth, kind="stable")
        colour = _colour(colours, values)[order]
        x, y = points[order].T
        axes.scatter(x, y, s=size, c=colour, edgecolors="#40464f", linewidths=0.35, zorder=2)
        axes.margins(0.06)

    def _draw_map(self, axes: Axes, values: Array, colours: ScalarMappable) -> None:
        assert self.face is not None and self.corners is not None
        x, y = self.corners[..., :2].reshape(-1, 2).T
        samples = np.ma.masked_invalid(np.asarray(values, dtype=np.float64)[self.face].reshape(-1))
        triangles = np.arange(len(x)).reshape(-1, 3)
        hidden = samples.mask.reshape(-1, 3).any(1) if samples.mask is not np.ma.nomask else None
        axes.set_facecolor(MISSING_COLOUR)
        drawn = Triangulation(x, y, triangles, mask=hidden)
        painted = axes.tripcolor(drawn, samples.filled(0.0), shading="gouraud")
        painted.set_cmap(colours.cmap)
        painted.set_norm(colours.norm)
        axes.margins(0.0)

    def _draw_faces(self, axes: Axes, values: Array, colours: ScalarMappable) -> None:
        assert self.face is not None and self.corners is not None
        corners, samples, normals = self.corners, np.asarray(values)[self.face], self._corner_normals()
        while 4 * len(corners) <= MAX_FACES:
            corners, samples, normals = _split(corners), _split(samples), _split(normals)
        points, depth = self.view.project(corners)
        colour = _colour(colours, samples.mean(1))
        colour[:, :3] *= _shade(normals.mean(1), self.view)[:, None]
        order = np.argsort(depth.mean(1), kind="stable")
        # Edges in the face's own colour close the hairlines between neighbours.
        axes.add_collection(
            PolyCollection(list(points[order]), facecolors=colour[order], edgecolors=colour[order], linewidths=0.6)
        )
        low, high = points.reshape(-1, 2).min(0), points.reshape(-1, 2).max(0)
        pad = 0.02 * (high - low).max()
        axes.set_xlim(low[0] - pad, high[0] + pad)
        axes.set_ylim(low[1] - pad, high[1] + pad)

    def _corner_normals(self) -> Array:
        """Vertex normals at the corners of each face, [F, 3, 3]."""
        assert self.face is not None and self.corners is not None
        area = np.cross(self.corners[:, 1] - self.corners[:, 0], self.corners[:, 2] - self.corners[:, 0])
        normal = np.zeros_like(self.pos)
        for corner in range(3):
            np.add.at(normal, self.face[:, corner], area)
        return normal[self.face]


def _corners(pos: Array, face: Array, period: tuple[float, float, float] | None) -> Array:
    """[F, 3, 3] corners, each face in one piece where the domain is periodic."""
    corners = pos[face]
    return corners[:, :1] + minimal_image(corners - corners[:, :1], period)


def _segments(pos: Array, edge_index: Array, edge_vector: Array | None, view: View) -> Array:
    """[S, 2, 2] lines between sensors, each pair once, without those that cross a periodic boundary."""
    source, target = np.asarray(edge_index)
    keep = source < target
    if edge_vector is not None:
        keep &= np.linalg.norm(pos[source] - pos[target] - edge_vector, axis=1) < 1e-6 * max(np.ptp(pos), 1e-300)
    return view.project(pos[np.stack([source[keep], target[keep]], axis=1)])[0]


def _split(corners: Array) -> Array:
    """Each face in four, values and positions alike: [F, 3, ...] to [4F, 3, ...]."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
    return np.concatenate([np.stack(part, axis=1) for part in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])


def _shade(normals: Array, view: View) -> Array:
    """Brightness in [AMBIENT, 1] of faces under one light; both sides of a face are lit."""
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = normals / np.where(length > 0, length, 1.0)
    light = np.array(LIGHT) @ np.stack(view)
    facing = np.where((normals @ view.toward) < 0, -1.0, 1.0)
    return AMBIENT + (1.0 - AMBIENT) * np.clip(facing * (normals @ light) / np.linalg.norm(light), 0.0, 1.0)


def _colour(colours: ScalarMappable, values: Array) -> Array:
    """[..., 4] colours; grey where the value is not finite."""
    values = np.asarray(values, dtype=np.float64)
    rgba = np.array(colours.to_rgba(np.where(np.isfinite(values), values, 0.0)))
    rgba[~np.isfinite(values)] = to_rgba(MISSING_COLOUR)
    return rgba
