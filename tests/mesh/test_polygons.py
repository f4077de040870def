from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import read_mesh


def read(tmp_path, text):
    (tmp_path / "mesh.obj").write_text(text)
    return read_mesh(tmp_path / "mesh.obj")


@pytest.mark.parametrize(
    "polygon, area",
    [
        ("f 1 2 3 4", 1.0),  # an arrowhead whose notch is corner 3: a fan from corner 1 happens to fit
        ("f 2 3 4 1", 1.0),  # from the tip at corner 2 the fan would cover 3
        ("f 2 1 4 3", 1.0),  # clockwise
        ("f 6 7 8 9 5", 10.0),  # a square with a deep notch
        ("f 1 10 2 4", 2.0),  # a corner in the middle of a side: no triangle without area
        ("f 11 12 13 14 15 16 17 18", 5.0),  # a U; its fan from corner 11 leaves it
    ],
)
def test_polygons_that_are_not_convex_keep_their_area(tmp_path, polygon, area):
    points = [(0, 0), (2, 0), (0.5, 0.5), (0, 2), (0, 0), (4, 0), (4, 4), (2, 1), (0, 4), (1, 0)]
    points += [(3, 2), (2, 2), (2, 1), (1, 1), (1, 2), (0, 2), (0, 0), (3, 0)]
    turn = np.array([[2.0, -1, 2], [2, 2, -1], [-1, 2, 2]]) / 3  # any plane in space
    text = "".join("v {!r} {!r} {!r}\n".format(*(turn @ (x, y, 0.3)).tolist()) for x, y in points)
    mesh = read(tmp_path, text + polygon + "\n")
    assert mesh.num_faces == polygon.count(" ") - 2
    np.testing.assert_allclose(mesh.face_area.sum(), area, rtol=1e-12)
    topology = mesh.topology()
    assert (len(topology.degenerate_faces), topology.boundary_loops, topology.euler_characteristic) == (0, 1, 1)
    same_side = mesh.face_normal @ mesh.face_normal[0]
    np.testing.assert_allclose(same_side, 1.0, rtol=1e-12)


def test_polygons_without_area_are_kept_as_they_are(tmp_path):
    mesh = read(tmp_path, "v 0 0 0\nv 1 0 0\nv 1 1 0\nf 1 2 2 1 2\nf 1 2 3\n")
    assert mesh.num_faces == 4 and mesh.topology().degenerate_faces.tolist() == [0, 1, 2]
