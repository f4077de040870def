"""Context features, the sample, and the records behind them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pdgn.data import Context, MeshRecord, TimeAxis, build_sample
from pdgn.data.context import edge_context, forcing, hour_of_day, node_context
from pdgn.mesh import TriMesh, grid, icosphere, knn_graph
from pdgn.operators import ConvectionWeights


@pytest.fixture
def record(rng) -> MeshRecord:
    mesh = icosphere(1)
    geodesic = {"sources": np.array([0, 5]), "exact": rng.random((2, mesh.num_vertices))}
    return MeshRecord.from_mesh(mesh, unit="m", node={"current": rng.normal(size=(42, 3))}, geodesic=geodesic)


def test_node_features_are_what_they_say(record, rng):
    parameters = {"velocity": rng.normal(size=(42, 3)), "rate": np.float64(2.5), "pair": np.array([1.0, 2.0])}
    names = ["pos", "normal", "boundary", "log_mass", "geodesic", "dt", "velocity", "rate", "pair", "current"]
    features = node_context(record, names, parameters, dt=0.25).numpy()
    expected = np.concatenate(
        [
            record.pos, record.node["normal"], np.zeros((42, 1)), np.log(record.node["mass"])[:, None],
            record.geodesic["exact"].min(0)[:, None], np.full((42, 1), 0.25), parameters["velocity"],
            np.full((42, 1), 2.5), np.tile([1.0, 2.0], (42, 1)), record.node["current"],
        ],
        axis=1,
    )  # fmt: skip
    np.testing.assert_array_equal(features, expected.astype(np.float32))


def test_convection_weights_are_those_of_the_mesh(record, rng):
    mesh = icosphere(1)
    on_faces = rng.normal(size=(80, 3))
    names = ["convection:current", "convection:flow"]
    features = edge_context(record, names, {"flow": on_faces}).numpy()
    weights = ConvectionWeights.of(mesh)
    expected = np.stack([*weights.weights(record.node["current"]), *weights.weights(on_faces)], axis=1)
    np.testing.assert_array_equal(features, expected.astype(np.float32))
    with pytest.raises(
        ValueError, match=r"'convection:flow': velocity: wanted \[42, 3\] or \[80, 3\], given \[41, 3\]"
    ):
        edge_context(record, ["convection:flow"], {"flow": np.zeros((41, 3))})
    order = np.lexsort((-record.edge_index[0], record.edge_index[1]))  # sorted by target alone
    edge = {name: values[order] for name, values in record.edge.items()}
    other = MeshRecord(record.pos, record.face, record.edge_index[:, order], dict(record.node), edge)
    with pytest.raises(ValueError, match="'convection:current': convection: wanted the edges of the mesh"):
        edge_context(other, ["convection:current"], {})
    sensors = MeshRecord.from_sensors(mesh.pos, mesh.edge_index, node={"current": np.zeros((42, 3))})
    with pytest.raises(ValueError, match="'convection:current': wanted a mesh, given sensors without faces"):
        edge_context(sensors, ["convection:current"], {})


def test_edge_features_are_what_they_say(record):
    features = edge_context(record, ["length", "vector", "reference", "project:current"], {}).numpy()
    current, expected = record.node["current"], []
    for edge, (j, i) in enumerate(record.edge_index.T):
        d = record.pos[j] - record.pos[i]
        length = np.linalg.norm(d)
        weight = record.edge["reference_laplacian"][edge] * length**2
        expected.append([length, *d, 1.0, weight, 0.5 * (current[i] + current[j]) @ d])  # gradient weight is 1/length
    np.testing.assert_allclose(features, expected, rtol=1e-6, atol=1e-7)  # float32


def test_projection_changes_sign_with_the_edge(record):
    """The edge from i to j has the opposite value of the edge from j to i."""
    values = edge_context(record, ["project:current"], {})[:, 0]
    place = {(j, i): k for k, (j, i) in enumerate(record.edge_index.T.tolist())}
    reverse = [place[i, j] for j, i in record.edge_index.T.tolist()]
    torch.testing.assert_close(values[reverse], -values, rtol=0, atol=1e-7)


def test_hour_of_day(record):
    axis = TimeAxis("min", "2014-01-01T18:00:00+00:00")
    np.testing.assert_allclose(hour_of_day(np.array([0.0, 360.0, 540.0]), axis), [18, 0, 3])
    np.testing.assert_allclose(hour_of_day(np.array([0.0]), TimeAxis("h", "2014-01-01T00:30:00+02:00")), [22.5])
    values = forcing(["hour_of_day"], np.array([0.0, 6.0, 12.0]), TimeAxis("h"), 2)
    wanted = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, -1.0]])
    torch.testing.assert_close(values, wanted.expand(2, 3, 2), rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="wanted a time unit of h, min, s, d, got '1'"):
        forcing(["hour_of_day"], np.zeros(1), TimeAxis("1"), 2)


def test_sample_without_truth_or_masks(record):
    x = np.full((2, 42, 1), 7.0)
    x[1, 3] = math.nan
    data = build_sample(record, x, None, None, None, np.arange(5.0), Context(node=["pos"]))
    assert data.y.shape == (42, 3, 1) and not data.y_mask.any()
    assert data.x_mask.sum() == 83 and not data.x_mask[3, 1] and data.x[3, 1] == 0 and data.x[0, 0] == 7
    assert data.dt.tolist() == [1.0] and data.x.dtype == torch.float32 and data.edge_context.shape == (240, 0)
    torch.testing.assert_close(data.reference_gradient, torch.tensor(1 / record.edge["length"]).float())


@pytest.mark.parametrize(
    "change, message",
    [
        ({"x": np.zeros((42, 2, 1))}, r"x: wanted shape \[T, 42, C\] .time first., got \[42, 2, 1\]"),
        ({"x": np.full((2, 42, 1), np.nan)}, "x: wanted finite values where the mask is true, got .* 84 node frames"),
        ({"x_mask": np.ones((42, 2), bool)}, r"x_mask: wanted bool \[2, 42\], got torch.bool \[42, 2\]"),
        ({"y": np.zeros((4, 42, 1))}, "y: wanted 3 frames of 1 channels"),
        ({"time": np.arange(1.0)}, "time: wanted at least 2"),
    ],
)
def test_samples_that_do_not_fit_are_refused(record, change, message):
    standard = {
        "x": np.zeros((2, 42, 1)), "x_mask": np.ones((2, 42), bool), "y": None, "y_mask": None, "time": np.arange(5.0),
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        build_sample(record, **{**standard, **change}, context=Context())


def test_unreachable_nodes_are_refused_as_context(record):
    record.geodesic["exact"][:, 7] = np.inf
    with pytest.raises(ValueError, match="'geodesic': infinite at 1 nodes that no source reaches"):
        node_context(record, ["geodesic"], {}, 0.1)


def test_laplacian_of_the_record_has_the_sign_of_minus_delta():
    """On a regular grid of sensors the finite-difference weights give −Δ(x² + y²) = −4 exactly inside."""
    pos = grid(7, 7).pos
    pos = np.column_stack([pos[:, :2], np.zeros(len(pos))])
    edge_index = knn_graph(pos, 4)
    record = MeshRecord.from_sensors(pos, edge_index, unit="km")
    f, (j, i) = (pos**2).sum(1), record.edge_index
    minus_laplacian = np.zeros(len(pos))
    np.add.at(minus_laplacian, i, record.edge["reference_laplacian"] * (f[i] - f[j]))
    step = pos[np.argsort(np.ptp(pos, axis=1))[0]]
    inside = np.bincount(i) == 4
    inside &= (np.abs(pos[:, :2] - 0.5) < 0.3).all(1)
    assert inside.sum() == 9 and step.shape == (3,)
    np.testing.assert_allclose(minus_laplacian[inside], -4, rtol=1e-10)  # exact for quadratics but for round-off


def test_periodic_sensors_take_the_short_way():
    pos = np.array([[0.1, 0, 0], [0.9, 0, 0], [0.5, 0.0, 0]])
    record = MeshRecord.from_sensors(pos, knn_graph(pos, 2, period=(1, 0, 0)), period=(1.0, 0.0, 0.0))
    lengths = {tuple(edge): length for edge, length in zip(record.edge_index.T.tolist(), record.edge["length"])}
    np.testing.assert_allclose([lengths[0, 1], lengths[1, 0], lengths[0, 2]], [0.2, 0.2, 0.4])
    first = record.edge["vector"][0]  # from source 1 to target 0: x_j − x_i = 0.9 − 0.1 − 1
    assert record.edge_index[:, 0].tolist() == [1, 0]
    np.testing.assert_allclose(first, [-0.2, 0, 0], atol=1e-15)


def test_records_that_cannot_be_used_are_refused():
    triangles = np.array([[0, 1, 2]])
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]])
    with pytest.raises(ValueError, match="wanted a neighbour for every node, got 1 nodes without .first: .3.*"):
        MeshRecord.from_mesh(TriMesh(corners, triangles))
    with pytest.raises(ValueError, match="sensors 0 and 1 at the same place"):
        MeshRecord.from_sensors(np.zeros((2, 3)), np.array([[1, 0], [0, 1]]))
    with pytest.raises(ValueError, match=r"edge_index: wanted indices in \[0, 2\), got 0 … 2"):
        MeshRecord.from_sensors(np.eye(3)[:2], np.array([[2, 0], [0, 1]]))
    with pytest.raises(ValueError, match="wanted edges sorted by target"):
        MeshRecord.from_sensors(np.eye(3)[:2], np.array([[0, 1], [1, 0]]))
    with pytest.raises(ValueError, match="pos: wanted finite positions, got 1 nodes"):
        MeshRecord.from_sensors(np.array([[0.0, 0, 0], [np.nan, 0, 0]]), np.array([[1, 0], [0, 1]]))
    with pytest.raises(ValueError, match=r"node/a: wanted 42 rows, got shape \[3\]"):
        MeshRecord.from_mesh(icosphere(1), node={"a": np.zeros(3)})
    with pytest.raises(ValueError, match="geodesic: wanted 'sources'"):
        MeshRecord.from_mesh(icosphere(1), geodesic={"exact": np.zeros((1, 42))})
    with pytest.raises(ValueError, match=r"geodesic/exact: wanted distances .* \[1, 42\]"):
        MeshRecord.from_mesh(icosphere(1), geodesic={"sources": np.array([0]), "exact": np.zeros((1, 4))})


def test_two_triangles_are_a_mesh():
    square = TriMesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])
    record = MeshRecord.from_mesh(square)
    assert record.num_edges == 10 and record.node["mass"].sum() == pytest.approx(1.0)
