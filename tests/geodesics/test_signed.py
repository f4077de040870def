from __future__ import annotations

import numpy as np
import pytest

from pdgn.geodesics import signed_geodesic_distance
from pdgn.mesh import TriMesh, grid, icosphere


def equator(mesh):
    """A great circle that follows edges, counter-clockwise about the first vertex of an icosphere."""
    pole = mesh.pos[0]
    on = np.flatnonzero(np.abs(mesh.pos @ pole) < 1e-9)
    first = mesh.pos[on[0]]
    angle = np.arctan2(mesh.pos[on] @ np.cross(pole, first), mesh.pos[on] @ first)
    return on[np.argsort(angle)], np.arcsin(np.clip(mesh.pos @ pole, -1, 1))


def test_distance_from_the_equator_is_the_latitude():
    mesh = icosphere(3)
    curve, latitude = equator(mesh)
    distance = signed_geodesic_distance(mesh, curve)
    # Known for a circle at 60° and 642 vertices: 9.8e-4; this one follows edges.
    assert np.abs(distance - latitude).mean() < 6e-4
    assert np.abs(distance[curve]).max() < 1e-12
    np.testing.assert_allclose(signed_geodesic_distance(mesh, [*curve, curve[0]]), distance, atol=0)


def test_the_other_way_round_changes_the_sign():
    mesh = icosphere(2)
    curve, latitude = equator(mesh)
    # The method is symmetric up to its linear solver.
    np.testing.assert_allclose(
        signed_geodesic_distance(mesh, curve[::-1]), -signed_geodesic_distance(mesh, curve), atol=1e-6
    )


def test_inside_of_a_square_is_positive():
    mesh = grid(9, 9, (8.0, 8.0))
    side = [2, 3, 4, 5, 6]
    ring = [2 * 9 + k for k in side] + [k * 9 + 6 for k in side[1:]]
    ring += [6 * 9 + k for k in side[-2::-1]] + [k * 9 + 2 for k in side[-2:0:-1]]
    distance = signed_geodesic_distance(mesh, ring)
    assert distance[4 * 9 + 4] == pytest.approx(2.0, rel=0.15)  # rounded by the heat at this resolution
    assert distance[0] < 0 < distance[4 * 9 + 4]


def test_other_components_are_infinitely_far():
    sphere = icosphere(2)
    curve, _ = equator(sphere)
    pos = np.concatenate([[[9, 9, 9]], sphere.pos, sphere.pos + 5, [[8, 8, 8]]])
    mesh = TriMesh(pos, np.concatenate([sphere.face + 1, sphere.face + 163]))
    distance = signed_geodesic_distance(mesh, curve + 1)
    np.testing.assert_allclose(distance[1:163], signed_geodesic_distance(sphere, curve), atol=1e-9)
    assert np.isposinf(distance[0]) and np.isposinf(distance[163:]).all()


@pytest.mark.parametrize(
    "curve, message",
    [
        ([0, 1, 99], r"curve must lie in \[0, 25\), got 99"),
        ([0, 1], "at least 3 vertices, each once"),
        ([0, 1, 6, 1], "each once"),
        ([0, 1, 12], "vertices 1 and 12 are not joined"),
        ([0.0, 1.0, 6.0], "list of vertex indices.*float64"),
    ],
)
def test_bad_curves_are_refused(curve, message):
    with pytest.raises(ValueError, match=message):
        signed_geodesic_distance(grid(5, 5), curve)


def test_unsuitable_meshes_are_refused():
    mesh = grid(4, 4)
    with pytest.raises(ValueError, match="without period"):
        signed_geodesic_distance(grid(4, 4, periodic=True), [0, 1, 5])
    face = np.array(mesh.face)
    face[0] = face[0][::-1]
    with pytest.raises(ValueError, match="consistently oriented, but faces disagree"):
        signed_geodesic_distance(TriMesh(mesh.pos, face), [0, 1, 5])
