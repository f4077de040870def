"""Where to look at a surface from, and what is seen: an orthographic camera."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Array = np.ndarray
FLAT = 1e-6  # thickness over size below which a surface is drawn as a map


class View(NamedTuple):
    """An orthographic camera; three orthonormal directions.

    Args:
        right: [3], to the right of the picture. up: [3]. toward: [3], from the surface to the viewer.
    """

    right: Array
    up: Array
    toward: Array

    def project(self, points: Array) -> tuple[Array, Array]:
        """Positions in the picture [..., 2] and depth [...], growing toward the viewer, of points [..., 3]."""
        return np.stack([points @ self.right, points @ self.up], axis=-1), points @ self.toward


def is_flat(pos: Array) -> bool:
    """Whether all positions [V, 3] lie in one plane of constant third coordinate."""
    extent = np.ptp(pos, axis=0)
    return bool(extent[2] <= FLAT * max(extent.max(), np.finfo(float).tiny))


def look_from(azimuth: float, elevation: float) -> View:
    """The view from an azimuth about the second axis, which is up (0: from the third), and an elevation; radians."""
    toward = np.array(
        [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)],
    )
    right = np.array([np.cos(azimuth), 0.0, -np.sin(azimuth)])
    return View(right, np.cross(toward, right), toward)


def best_view(corners: Array) -> View:
    """The view that shows most of a surface: straight from above for a plane, else from a quarter turn about the front.

    Models are commonly stored with the second axis up and facing the third, so the candidates look from there, slightly
    from above; the one in which the surface's outline box is largest wins, the one nearest to 30 degrees at equal size.

    Args:
        corners: [F, 3, 3] positions of the corners of each face.
    """
    if is_flat(corners.reshape(-1, 3)):
        return View(*np.eye(3))
    azimuths = np.deg2rad([30.0, 20.0, 40.0, 10.0, 50.0, 60.0, -30.0, -20.0, -40.0])
    views = [look_from(azimuth, np.deg2rad(18.0)) for azimuth in azimuths]
    sizes = [np.prod(np.ptp(view.project(corners)[0].reshape(-1, 2), axis=0)) for view in views]
    return views[int(np.argmax(np.round(np.array(sizes) / max(sizes), 2)))]
