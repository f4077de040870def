"""Curves as barycentric points, signed distances from them, random ones."""

from __future__ import annotations

import numpy as np
import potpourri3d
import pytest

from pdgn.geodesics import (
    Curve,
    area_above,
    level_set_curves,
    random_curves,
    signed_geodesic_distance,
    signed_geodesic_distances,
)
from pdgn.mesh import TriMesh, grid, icosphere, torus


def circle(mesh, pole, angle=np.pi / 3):
    """The circle at an angle from a pole, counter-clockwise about it, and the true signed distance from it."""
    colatitude = np.arccos(np.clip(mesh.pos @ pole, -1, 1))
    (curve,) = level_set_curves(mesh, -colatitude, -angle)
    return curve, angle - colatitude


def with_midpoints(mesh, curve):
    """The same polygon with a point more in the middle of each segment, inside a face."""
    n = len(curve)
    face, weight = np.repeat(curve.face, 2), np.repeat(curve.barycentric, 2, axis=0)
    for k in range(n):
        following = (k + 1) % n
        ends = mesh.face[curve.face[following]][curve.barycentric[following] > 0]
        there = curve.barycentric[following][curve.barycentric[following] > 0]
        for vertex, share in zip(ends, there):
            weight[2 * k + 1] += share * (mesh.face[curve.face[k]] == vertex)
        weight[2 * k + 1] *= 0.5
    return Curve(face, weight)


@pytest.mark.parametrize("level, known", [(3, 9.8e-4), (4, 5.5e-4)])
def test_distance_from_a_circle_has_the_known_error_and_encloses_its_cap(level, known, rng):
    mesh, errors = icosphere(level), []
    for _ in range(6):
        pole = rng.normal(size=3)
        curve, truth = circle(mesh, pole / np.linalg.norm(pole))
        distance = signed_geodesic_distance(mesh, curve)
        errors.append(np.abs(distance - truth).mean())
        # The cap's area is π; of the inscribed polyhedron's error, 0.6 % at 642 vertices, most is its own flatness.
        assert area_above(mesh, distance, 0.0) == pytest.approx(np.pi, rel=0.01)
    # The table has one circle; over poles the error spreads by a quarter at 642 vertices and more beyond.
    assert np.mean(errors) == pytest.approx(known, rel=0.3)


def test_the_other_way_round_changes_the_sign(rng):
    mesh = icosphere(3)
    curve, truth = circle(mesh, np.array([0.6, 0.0, 0.8]))
    distance = signed_geodesic_distance(mesh, curve)
    assert np.corrcoef(distance, truth)[0, 1] > 0.999
    # The solver ties the values along the curve to that at its first point, which is another one then.
    np.testing.assert_allclose(signed_geodesic_distance(mesh, curve.reversed()), -distance, atol=1e-3)


def test_points_inside_faces_make_no_difference():
    mesh = icosphere(3)
    curve, _ = circle(mesh, np.array([0.6, 0.0, 0.8]))
    finer = with_midpoints(mesh, curve)
    assert (finer.barycentric > 0).all(axis=1).sum() == len(curve)
    assert finer.length(mesh) == pytest.approx(curve.length(mesh), rel=1e-14)
    # Twice as many points to tie down: as above.
    expected = signed_geodesic_distance(mesh, curve)
    np.testing.assert_allclose(signed_geodesic_distance(mesh, finer), expected, atol=1e-3)


def test_a_curve_of_edges_is_the_same_curve_in_barycentric_points():
    mesh = icosphere(3)
    height = mesh.pos @ mesh.pos[0]
    (curve,) = level_set_curves(mesh, np.where(np.abs(height) < 1e-9, 0.0, height), 0.0)
    assert (curve.barycentric.max(axis=1) == 1).all()  # the equator of a vertex goes along edges
    vertices = mesh.face[curve.face, curve.barycentric.argmax(axis=1)]
    latitude = np.arcsin(np.clip(height, -1, 1))
    distance = signed_geodesic_distance(mesh, curve)
    assert np.abs(distance - latitude).mean() < 6e-4  # as for the curve of edges
    np.testing.assert_allclose(distance, signed_geodesic_distance(mesh, vertices), atol=1e-3)


def test_several_curves_and_several_components():
    sphere = icosphere(3)
    north, truth = circle(sphere, np.array([0.0, 0.0, 1.0]), np.pi / 4)
    south, other = circle(sphere, np.array([0.0, 0.0, -1.0]), np.pi / 4)
    both = signed_geodesic_distance(sphere, [north, south])
    far = np.abs(sphere.pos[:, 2]) > 0.4  # the heat rounds off the ridge at the equator over some edges of 0.15
    assert np.abs(both - np.maximum(truth, other))[far].mean() < 2e-3  # twice the known error of one circle
    pos = np.concatenate([sphere.pos, sphere.pos + 5, [[9, 9, 9]], sphere.pos - 5])
    mesh = TriMesh(pos, np.concatenate([sphere.face, sphere.face + 642, sphere.face + 1285]))
    second = Curve(south.face + 1280, south.barycentric)
    distance = signed_geodesic_distance(mesh, [north, second])
    np.testing.assert_array_equal(distance[:642], signed_geodesic_distance(sphere, north))
    np.testing.assert_allclose(distance[642:1284], signed_geodesic_distance(sphere, south), atol=1e-9)  # moved by 5
    assert np.isposinf(distance[1284:]).all()
    again = signed_geodesic_distances(mesh, [north, [second], [north, second]])
    np.testing.assert_array_equal(
        again,
        [
            np.where(np.arange(1927) < 642, distance, np.inf),
            np.where(np.arange(1927) < 642, np.inf, distance),
            distance,
        ],
    )
    with pytest.raises(ValueError, match="sets: wanted a Curve or several in every one, got none in set 1"):
        signed_geodesic_distances(mesh, [north, []])


def test_each_component_gets_the_librarys_own_answer():
    sphere = icosphere(2)
    pos = np.concatenate([[[9, 9, 9]], sphere.pos + 5, sphere.pos])
    mesh = TriMesh(pos, np.concatenate([sphere.face + 163, sphere.face + 1]))
    solver = potpourri3d.MeshSignedHeatSolver(sphere.pos, sphere.face)
    curve, _ = circle(sphere, np.array([0.6, 0.0, 0.8]))
    edges = {frozenset(pair): k for k, pair in enumerate(potpourri3d.edges(sphere.pos, sphere.face).tolist())}
    first = potpourri3d.edges(sphere.pos, sphere.face)[:, 0]
    points = []
    for face, weight in zip(curve.face, curve.barycentric):
        ends, shares = sphere.face[face][weight > 0], weight[weight > 0]
        edge = edges[frozenset(ends.tolist())]
        points.append((edge, [float(shares[ends != first[edge]][0])]))
    bare = solver.compute_distance([[*points, points[0]]], soft_level_set_weight=100.0)
    distance = signed_geodesic_distance(mesh, curve)  # its faces are those of the sphere that comes last
    np.testing.assert_array_equal(distance[163:], bare)
    assert np.isposinf(distance[:163]).all()
    loop = sphere.face[0].tolist()
    np.testing.assert_array_equal(
        signed_geodesic_distance(mesh, np.array(loop) + 163)[163:],
        potpourri3d.MeshSignedHeatSolver(sphere.pos, sphere.face).compute_distance(
            [[(v, []) for v in [*loop, loop[0]]]]
        ),
    )


def test_random_curves_divide_the_surface_and_are_those_of_the_seed():
    mesh = torus(2.0, 0.7, 48, 24)
    angle = np.arctan2(mesh.pos[:, 1], mesh.pos[:, 0])
    values = np.stack([np.cos(angle) * mesh.pos[:, 2] + mesh.pos[:, 0], np.sin(2 * angle) + mesh.pos[:, 2]], axis=1)
    curves = random_curves(mesh, values, np.random.default_rng(3))
    again = random_curves(mesh, values, np.random.default_rng(3))
    for curve, same in zip(curves, again, strict=True):
        np.testing.assert_array_equal(curve.barycentric, same.barycentric)
        assert curve.length(mesh) == same.length(mesh) > 1
    for curve, column in zip(curves, values.T):
        level = (curve.barycentric * column[mesh.face[curve.face]]).sum(axis=1)
        assert np.ptp(level) < 1e-9 and np.quantile(column, 0.19) < level[0] < np.quantile(column, 0.81)
        distance = signed_geodesic_distance(mesh, curve)
        assert 0.01 < area_above(mesh, distance, 0.0) / mesh.face_area.sum() < 0.99
    with pytest.raises(ValueError, match="function 0 has no closed curve of at least 12 points that divides"):
        random_curves(mesh, np.sin(angle)[:, None], np.random.default_rng(0))  # its level sets go round the tube
    with pytest.raises(ValueError, match=r"values: wanted shape \[1152, n\], got \[1152\]"):
        random_curves(mesh, np.sin(angle), np.random.default_rng(0))


CORNERS = np.eye(3)


@pytest.mark.parametrize(
    "face, barycentric, message",
    [
        ([0, 1], CORNERS[:2], r"face: wanted \[n\] integers, n ≥ 3, got shape \[2\]"),
        ([0.0, 1.0, 2.0], CORNERS, "face: .* dtype float64"),
        ([0, 1, 2], CORNERS[:, :2], r"barycentric: wanted shape \[3, 3\], got \[3, 2\]"),
        ([0, 1, 2], 0.5 * CORNERS, r"barycentric: wanted numbers ≥ 0 of sum 1, got \[0.5, 0.0, 0.0\] at point 0"),
        ([0, 1, 2], CORNERS + [[0, 0, 0], [2, 0, -2], [0, 0, 0]], "at point 1"),
        ([0, 1, 2], np.full((3, 3), np.nan), "at point 0"),
    ],
)
def test_what_is_no_curve_is_refused(face, barycentric, message):
    with pytest.raises(ValueError, match=message):
        Curve(np.array(face), barycentric)


def test_curves_that_leave_the_faces_are_refused():
    mesh, middle = grid(4, 4), np.full((3, 3), 1 / 3)
    with pytest.raises(ValueError, match=r"face: wanted faces in \[0, 18\), got 18"):
        Curve(np.array([0, 1, 18]), middle).points(mesh)
    with pytest.raises(ValueError, match="face: wanted consecutive points of a curve in one face, got points 0 and 1"):
        signed_geodesic_distance(mesh, Curve(np.array([0, 1, 5]), middle))
    along = np.array([[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1.0]])
    with pytest.raises(ValueError, match="across faces, but points 0 and 1 lie on one edge"):
        signed_geodesic_distance(mesh, Curve(np.zeros(3, int), along))
    with pytest.raises(ValueError, match="curve must be a list of vertex indices"):
        signed_geodesic_distance(mesh, [])
