"""Triangles of records: those of a mesh, Delaunay triangles of sensors, and none where there is no plane."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial import ConvexHull
from torch_geometric.data import Batch

from pdgn.data import Context, MeshRecord, build_sample
from pdgn.data.cells import cell_vectors, cells
from pdgn.mesh import grid, icosphere, knn_graph, torus

ROUND_OFF = 1e-12  # relative, of sums of some hundred areas


def network(pos, period=None):
    return MeshRecord.from_sensors(pos, knn_graph(pos, 2, period=period), period=period)


def scattered(count=60, seed=0):
    return np.column_stack([np.random.default_rng(seed).uniform(0, 2, size=(count, 2)), np.zeros(count)])


def normals(record):
    """Half the cross product of the two vectors of each triangle: its area, along its normal."""
    first, second = cell_vectors(record, cells(record)).transpose(1, 0, 2)
    return 0.5 * np.cross(first, second)


def sample(record):
    frames = np.zeros((3, record.num_nodes, 1))
    return build_sample(record, frames[:2], None, frames[2:], None, np.arange(3.0), Context())


def test_triangles_of_a_mesh_are_its_own_and_begin_with_their_longest_side():
    mesh = torus(1.0, 0.4, 12, 7)
    record = MeshRecord.from_mesh(mesh)
    cell = cells(record)
    turned = np.stack([np.roll(mesh.face, -shift, axis=1) for shift in range(3)])
    assert (turned == cell.T).all(axis=2).any(axis=0).all()  # cyclic, so that the orientation stays
    ends = mesh.pos[cell]
    side = np.linalg.norm(np.roll(ends, -1, axis=0) - ends, axis=2)
    assert (side[0] >= (1 - 1e-9) * side.max(axis=0)).all()
    assert np.linalg.norm(normals(record), axis=1).sum() == pytest.approx(mesh.face_area.sum(), rel=ROUND_OFF)


def test_the_first_vertex_does_not_change_as_the_mesh_is_moved():
    """An icosphere has triangles with equal sides, of which rounding must not choose."""
    mesh = icosphere(2)
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    moved = MeshRecord.from_mesh(type(mesh)(mesh.pos @ turn.T + [3.0, -2.0, 7.0], mesh.face))
    assert np.array_equal(cells(MeshRecord.from_mesh(mesh)), cells(moved))


def test_sides_across_the_seam_of_a_periodic_mesh_are_short():
    record = MeshRecord.from_mesh(grid(6, 5, (3.0, 2.5), periodic=True))
    assert np.abs(cell_vectors(record, cells(record))).max() == pytest.approx(0.5)
    assert normals(record)[:, 2] == pytest.approx(0.125)


def test_sensors_get_the_delaunay_triangles_of_their_plane():
    pos = scattered()
    record = network(pos)
    cell, area = cells(record), normals(record)
    assert (area[:, 2] > 0).all() and not area[:, :2].any()  # anticlockwise
    hull = ConvexHull(pos[:, :2]).volume
    flat = hull - area.sum()
    assert flat + ROUND_OFF >= 0 and flat < 0.01 * hull  # of triangles flatter than a degree
    corner = pos[cell.T][..., :2]
    for first, *others in corner:  # no sensor inside a circumcircle
        sides = np.array(others) - first
        centre = first + np.linalg.solve(2 * sides, (sides**2).sum(axis=1))
        radius = np.linalg.norm(first - centre)
        assert np.linalg.norm(pos[:, :2] - centre, axis=1).min() >= radius * (1 - 1e-9)


def test_a_plane_may_be_tilted():
    pos = scattered()
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    flat, tilted = cells(network(pos)), cells(network(pos @ turn.T + 5.0))
    assert {frozenset(column) for column in flat.T.tolist()} == {frozenset(column) for column in tilted.T.tolist()}


def test_flat_triangles_are_taken_off_the_boundary_in_layers():
    square = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
    points = np.array([*square, [0.5, 1e-4], [0.6, 1e-3], [0.5, 0.5]])
    record = network(np.column_stack([points, np.zeros(7)]))
    kept = {frozenset(column) for column in cells(record).T.tolist()}
    assert set().union(*kept) == set(range(7))
    below = 0.5 * 1e-4 / 2 + 0.1 * (1e-4 + 1e-3) / 2 + 0.4 * 1e-3 / 2  # the area between the chain 0, 4, 5, 1 and 0, 1
    assert normals(record)[:, 2].sum() == pytest.approx(1 - below, rel=ROUND_OFF)


@pytest.mark.parametrize(
    "record",
    [
        network(icosphere(1).pos),
        network(scattered(), period=(2.0, 2.0, 0.0)),
        network(np.column_stack([np.arange(6.0), np.arange(6.0), np.zeros(6)])),
    ],
    ids=["on a sphere", "periodic", "on a line"],
)
def test_no_triangles_without_a_plane(record):
    assert cells(record).shape == (3, 0)
    assert sample(record).cell_vector.shape == (0, 2, 3)


def test_a_sample_holds_them_once_for_all_windows_and_a_batch_moves_them_on():
    record, other = MeshRecord.from_mesh(icosphere(1)), network(scattered())
    one, two = sample(record), sample(other)
    assert one.face.data_ptr() == sample(record).face.data_ptr() and one.face.dtype == torch.int64
    assert one.cell_vector.data_ptr() == sample(record).cell_vector.data_ptr()
    batch = Batch.from_data_list([one, two])
    assert torch.equal(batch.face, torch.cat([one.face, two.face + 42], dim=1))
    assert torch.equal(batch.cell_vector, torch.cat([one.cell_vector, two.cell_vector]))
    assert torch.equal(batch.to_data_list()[1].face, two.face)
