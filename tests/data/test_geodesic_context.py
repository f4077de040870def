"""Distances along the surface as context of nodes and edges."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pdgn.data import Context, CurveRecord, MeshRecord, build_sample
from pdgn.data.context import edge_context, node_context, parameter_names
from pdgn.geodesics import geodesic_distance, geodesic_knn_graph, level_set_curves
from pdgn.mesh import TriMesh, icosphere

MESH = icosphere(2)


@pytest.fixture
def record() -> MeshRecord:
    sources = np.array([0, 7, 90])
    geodesic = {
        "sources": sources,
        "heat": geodesic_distance(MESH, sources, "heat"),
        "exact": geodesic_distance(MESH, sources),
    }
    (equator,) = level_set_curves(MESH, MESH.pos[:, 2], 0.05)
    return MeshRecord.from_mesh(MESH, geodesic=geodesic, curves={"equator": CurveRecord.of(MESH, equator)})


def test_features_are_what_they_say(record):
    exact = record.geodesic["exact"]
    nodes = node_context(record, ["geodesic", "geodesic_sources", "signed_distance:equator"], {}, 0.1).numpy()
    signed = record.curves["equator"].signed_distance
    np.testing.assert_array_equal(nodes, np.column_stack([exact.min(0), *exact, signed]).astype(np.float32))
    latitude = np.arcsin(MESH.pos[:, 2]) - np.arcsin(0.05)
    assert np.abs(nodes[:, 4] - latitude).mean() < 4e-3  # a quarter of the vertices of the known 9.8e-4, first order
    edges = edge_context(record, ["geodesic_difference", "length"], {}).numpy()
    for e, (j, i) in enumerate(record.edge_index.T):
        np.testing.assert_allclose(edges[e, :3], exact[:, j] - exact[:, i], atol=1e-6)  # float32
    assert (np.abs(edges[:, :3]) <= edges[:, 3:] * (1 + 1e-6)).all()


def test_difference_changes_sign_with_the_edge(record):
    values = edge_context(record, ["geodesic_difference"], {})
    place = {(j, i): k for k, (j, i) in enumerate(record.edge_index.T.tolist())}
    reverse = [place[i, j] for j, i in record.edge_index.T.tolist()]
    assert values.abs().max() > 0.1
    torch.testing.assert_close(values[reverse], -values, rtol=0, atol=0)


def test_sensors_have_lengths_along_the_surface_and_samples_carry_all_of_it():
    vertex = np.arange(0, 162, 5)
    graph = geodesic_knn_graph(MESH, vertex, 4)
    geodesic = {"sources": np.array([1, 4]), "exact": geodesic_distance(MESH, vertex[[1, 4]])[:, vertex]}
    sensors = MeshRecord.from_sensors(
        MESH.pos[vertex], graph.edge_index, edge={"geodesic_length": graph.length}, geodesic=geodesic
    )
    context = Context(node=["geodesic_sources"], edge=["geodesic_length", "length"])
    x = np.zeros((2, len(vertex), 1))
    data = build_sample(sensors, x, None, None, None, np.arange(3.0), context)
    assert data.node_context.shape == (33, 2) and data.node_context[[1, 4], [0, 1]].tolist() == [0, 0]
    torch.testing.assert_close(data.edge_context[:, 0], torch.tensor(graph.length).float(), rtol=0, atol=0)
    # On a unit sphere the arc over a chord c is 2 arcsin(c/2); the polyhedron's is 1 % shorter at 162 vertices.
    arc = 2 * torch.arcsin(data.edge_context[:, 1] / 2)
    torch.testing.assert_close(data.edge_context[:, 0], arc, rtol=0.02, atol=0)


def two_components() -> MeshRecord:
    mesh = TriMesh(np.concatenate([MESH.pos, MESH.pos + 3]), np.concatenate([MESH.face, MESH.face + 162]))
    sources = np.array([0, 200])
    curve = level_set_curves(mesh, np.where(np.arange(324) < 162, mesh.pos[:, 2], -9.0), 0.05)[0]
    geodesic = {"sources": sources, "exact": geodesic_distance(mesh, sources)}
    return MeshRecord.from_mesh(mesh, geodesic=geodesic, curves={"equator": CurveRecord.of(mesh, curve)})


def test_infinite_distances_are_refused_with_what_to_do():
    record = two_components()
    assert node_context(record, ["geodesic"], {}, 0.1).isfinite().all()
    every = r"infinite at 324 nodes that not every source reaches; put all sources on one component, or take 'geodesic'"
    with pytest.raises(ValueError, match=f"'geodesic_sources': {every}"):
        node_context(record, ["geodesic_sources"], {}, 0.1)
    with pytest.raises(ValueError, match=f"'geodesic_difference': {every}"):
        edge_context(record, ["geodesic_difference"], {})
    with pytest.raises(ValueError, match="'signed_distance:equator': infinite at 162 nodes that the curve does not"):
        node_context(record, ["signed_distance:equator"], {}, 0.1)


def test_what_is_not_stored_is_named(record):
    bare = MeshRecord.from_mesh(MESH)
    for name in ("geodesic", "geodesic_sources"):
        with pytest.raises(
            ValueError, match=f"{name}': the record has no geodesic distances .exact, .* available: none"
        ):
            node_context(bare, [name], {}, 0.1)
    with pytest.raises(ValueError, match="geodesic_difference': the record has no geodesic distances"):
        edge_context(bare, ["geodesic_difference"], {})
    with pytest.raises(ValueError, match="signed_distance:pole': the record has no curve 'pole', available: equator"):
        parameter_names(Context(node=["signed_distance:pole"]), record, {})
    with pytest.raises(ValueError, match="edge context feature 'geodesic_length': the record does not have it"):
        edge_context(record, ["geodesic_length"], {})
    with pytest.raises(
        ValueError, match="node context feature 'geodesics': .*geodesic_sources, .*signed_distance:<curve>"
    ):
        node_context(record, ["geodesics"], {}, 0.1)
