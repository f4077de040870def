from __future__ import annotations

import numpy as np
import pytest

from pdgn.geodesics import area_above, level_set_curves
from pdgn.mesh import TriMesh, grid, icosphere, torus


def enclosed(points):
    """Signed area of a polygon in the plane, positive counter-clockwise."""
    x, y = points[:, 0], points[:, 1]
    return 0.5 * (x * np.roll(y, -1) - np.roll(x, -1) * y).sum()


def tip(size):
    """Values of a cone on a grid of integer places, 0 at distance `size` from the middle in the city-block metric."""
    mesh = grid(9, 9, (8.0, 8.0))
    return mesh, size - np.abs(mesh.pos[:, :2] - 4).sum(axis=1)


def test_circle_of_latitude_has_its_length_and_encloses_its_cap():
    errors = []
    for level in (2, 3, 4):
        mesh = icosphere(level)
        (curve,) = level_set_curves(mesh, mesh.pos[:, 2], 0.5)
        points = curve.points(mesh)
        np.testing.assert_allclose(points[:, 2], 0.5, atol=1e-14)  # exact for a linear function but for rounding
        turning = np.cross(points, np.roll(points, -1, axis=0))[:, 2].sum()
        assert turning > 0  # counter-clockwise about the pole, where values are larger
        errors.append(
            [curve.length(mesh) / (2 * np.pi * np.sqrt(0.75)) - 1, area_above(mesh, mesh.pos[:, 2], 0.5) / np.pi - 1]
        )
    slopes = np.log2(np.abs(errors[:-1]) / np.abs(errors[1:]))
    np.testing.assert_allclose(slopes, 2.0, atol=0.35)  # of inscribed polygons; coarse circles have few points


def test_levels_exactly_at_vertices_are_one_curve_through_them():
    mesh, values = tip(2.0)  # every vertex of the diamond, and its corners, has the level
    (curve,) = level_set_curves(mesh, values, 0.0)
    points = curve.points(mesh)
    assert len(np.unique(np.round(points, 9), axis=0)) == len(points) == len(curve)
    assert enclosed(points) == pytest.approx(8.0, abs=1e-12) == pytest.approx(area_above(mesh, values, 0.0), abs=1e-12)
    assert curve.length(mesh) == pytest.approx(8 * np.sqrt(2), abs=1e-12)
    backward = level_set_curves(mesh, -values, 0.0)[0]
    assert enclosed(backward.points(mesh)) == pytest.approx(-8.0, abs=1e-12)


def test_plateaus_are_gone_round_and_ridges_and_peaks_at_the_level_give_nothing():
    mesh = grid(9, 9, (8.0, 8.0))
    middle = np.abs(mesh.pos[:, :2] - 4).max(axis=1)
    (curve,) = level_set_curves(mesh, -(middle > 1).astype(float), 0.0)  # a square of side 2 on the level itself
    assert enclosed(curve.points(mesh)) == pytest.approx(4.0, abs=1e-12)
    ridge = -((mesh.pos[:, 1] != 4) | (middle > 2)).astype(float)
    assert level_set_curves(mesh, ridge, 0.0) == []
    assert level_set_curves(mesh, -(middle > 0).astype(float), 0.0) == []
    assert level_set_curves(mesh, np.zeros(81), 0.0) == [] == level_set_curves(mesh, np.zeros(81), 1.0)


def test_ridge_that_hangs_on_a_disc_is_left_out_wherever_the_curve_starts():
    mesh, values = tip(2.0)
    ridge = (mesh.pos[:, 1] == 4) & (mesh.pos[:, 0] >= 4) & (mesh.pos[:, 0] < 7.5)
    values = np.where(ridge, np.maximum(values, 0.0), values)
    for shift in range(mesh.num_faces):  # the curve starts at its first face
        turned = TriMesh(mesh.pos, np.roll(mesh.face, shift, axis=0))
        (curve,) = level_set_curves(turned, values, 0.0)
        assert enclosed(curve.points(turned)) == pytest.approx(8.0, abs=1e-12)
        assert curve.length(turned) == pytest.approx(8 * np.sqrt(2), abs=1e-12)


def test_every_curve_of_a_random_function_is_closed_and_together_they_enclose_what_lies_above(rng):
    mesh = grid(30, 30, (1.0, 1.0))
    x, y = mesh.pos[:, 0], mesh.pos[:, 1]
    values = np.sin(7 * x + 1) * np.cos(6 * y) + 0.1 * rng.normal(size=900)
    edge = (x == 0) | (x == 1) | (y == 0) | (y == 1)
    values[edge] = -2.0  # so that no line ends at the boundary
    curves = level_set_curves(mesh, values, 0.1)
    assert len(curves) > 3
    total = sum(enclosed(curve.points(mesh)) for curve in curves)
    assert total == pytest.approx(area_above(mesh, values, 0.1), rel=1e-12)


def test_lines_that_end_at_the_boundary_are_left_out():
    mesh = grid(9, 9)
    assert level_set_curves(mesh, mesh.pos[:, 0], 0.4) == []
    cut = torus(2.0, 0.5, 24, 12)
    assert len(level_set_curves(cut, cut.pos[:, 1], 0.0)) == 2  # one on each side of the hole


def test_area_above_is_exact_for_a_linear_function():
    mesh = grid(6, 5, (2.0, 1.0))
    for level in (-0.1, 0.0, 0.3, 0.4, 1.99, 2.0):
        assert area_above(mesh, mesh.pos[:, 0], level) == pytest.approx(min(2.0, 2.0 - level), abs=1e-12)
    assert area_above(mesh, np.ones(30), 1.0) == 0.0


def test_what_cannot_have_curves_is_refused():
    mesh = icosphere(1)
    with pytest.raises(ValueError, match=r"values: wanted 42 finite numbers, got shape \[41\], 0 not finite"):
        level_set_curves(mesh, np.zeros(41), 0.0)
    with pytest.raises(ValueError, match="values: wanted 42 finite numbers, .* 42 not finite"):
        area_above(mesh, np.full(42, np.nan), 0.0)
    with pytest.raises(ValueError, match="level: wanted a finite number, got inf"):
        level_set_curves(mesh, np.zeros(42), np.inf)
    face = np.array(mesh.face)
    face[0] = face[0][::-1]
    with pytest.raises(ValueError, match="consistently oriented"):
        level_set_curves(TriMesh(mesh.pos, face), np.zeros(42), 0.0)
