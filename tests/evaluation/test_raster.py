"""The raster: a pixel shows the point of the surface that is there, the nearest one, in its colour."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb

from pdgn.evaluation.palette import MISSING_COLOUR, SIGNAL_MAP
from pdgn.evaluation.raster import FINER, Raster, quick_draw
from pdgn.evaluation.surface_drawing import AMBIENT, Stage
from pdgn.mesh import grid, icosphere, knn_graph


def stage_of(mesh) -> Stage:
    return Stage.of(mesh.pos, mesh.face, mesh.edge_index, mesh.edge_vector, mesh.period)


def seen_points(raster: Raster, pos: np.ndarray) -> np.ndarray:
    """[h, w, 3] the point of the surface that each pixel shows."""
    return np.einsum("hwk,hwkc->hwc", raster.weight, pos[raster.node])


def pixel_centres(raster: Raster) -> np.ndarray:
    left, right, bottom, top = raster.extent
    height, width = raster.seen.shape
    x = left + (right - left) * (np.arange(width) + 0.5) / width
    y = top + (bottom - top) * (np.arange(height) + 0.5) / height
    return np.stack(np.meshgrid(x, y), axis=-1)


@pytest.mark.parametrize("mesh", [icosphere(2), grid(7, 5, (3.0, 2.0))], ids=["sphere", "map"])
def test_every_pixel_shows_the_point_behind_it(mesh):
    stage = stage_of(mesh)
    raster = Raster.of(stage, 60, 60)
    shown, _ = stage.view.project(seen_points(raster, mesh.pos))
    pixel = (raster.extent[1] - raster.extent[0]) / raster.seen.shape[1]
    wrong = np.abs(shown - pixel_centres(raster))[raster.seen].max(axis=-1) / pixel
    # Between faces a pixel may show its neighbour's edge, less than a pixel away; at the outline faces are seen from
    # their edge, and one thinner than a pixel shows any of its points.
    assert np.median(wrong) < 1e-9 and np.quantile(wrong, 0.98) < 1.0


def test_there_are_no_holes_between_faces():
    raster = Raster.of(stage_of(icosphere(3)), 60, 60)
    assert raster.seen[np.linalg.norm(pixel_centres(raster), axis=-1) < 0.97].all()


def test_the_near_side_of_a_sphere_is_seen_on_a_disc_of_its_area():
    mesh = icosphere(3)
    stage = stage_of(mesh)
    raster = Raster.of(stage, 80, 80)
    _, depth = stage.view.project(seen_points(raster, mesh.pos))
    assert depth[raster.seen].min() > -0.15  # an edge at the outline, 0.15 long
    left, right, bottom, top = raster.extent
    assert raster.seen.mean() * (right - left) * (top - bottom) == pytest.approx(np.pi, rel=0.02)


def test_colours_are_those_of_the_values_darkened_by_the_shade():
    mesh = icosphere(2)
    raster, colours = Raster.of(stage_of(mesh), 50, 50), ScalarMappable(Normalize(0, 2), SIGNAL_MAP)
    picture = raster.paint(np.ones(162), colours) / 255.0
    assert picture.shape == (50, 50, 3) and (picture[0, 0] == 1.0).all()
    inside = raster.seen.reshape(50, FINER, 50, FINER).all(axis=(1, 3))
    ratio = picture[inside] / to_rgb(colours.to_rgba(1.0))
    assert ratio.min() > AMBIENT - 0.02 and ratio.max() < 1.02 and np.ptp(ratio, axis=1).max() < 0.05  # of 256 steps
    flat = Raster.of(stage_of(grid(4, 4)), 20, 20).paint(np.ones(16), colours) / 255.0
    np.testing.assert_allclose(flat[10, 10], to_rgb(colours.to_rgba(1.0)), atol=1 / 255)


def test_a_value_that_is_missing_is_grey():
    mesh = grid(4, 4)
    picture = Raster.of(stage_of(mesh), 20, 20).paint(np.full(16, np.nan), ScalarMappable(Normalize(0, 1), SIGNAL_MAP))
    np.testing.assert_allclose(picture[10, 10] / 255.0, to_rgb(MISSING_COLOUR), atol=1 / 255)


def test_a_sensor_is_a_disc_of_its_value():
    pos = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]])
    stage = Stage.of(pos, None, knn_graph(pos, 2))
    raster = Raster.of(stage, 100, 100)
    shown = seen_points(raster, pos)[raster.seen][:, :2]
    assert set(map(tuple, shown.tolist())) == {(0, 0), (1, 0), (0, 1), (1, 1)}
    assert np.abs(shown - pixel_centres(raster)[raster.seen]).max() < 0.3 and not raster.seen[100, 100]
    assert quick_draw(stage, 100) == stage.draw  # stills of sensors also show their links
