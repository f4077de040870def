"""FixedGraph: the same graph is known however it lies, another one is not; the symmetries of models that need it."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch, Data

from pdgn.models import VAR, Channels, LocalLinear
from pdgn.models.fixed_graph import FixedGraph
from tests.models.laws import EDGES, laplacian_weights
from tests.models.test_symmetries import TOLERANCE, TRANSFORMS, forecast, geometry
from tests.nn.graphs import normal, path_graph, random_graph, randomise


def graph(edges=EDGES, nodes=7, factor=1.0):
    return Data(x=normal(nodes, 2, 1), edge_index=edges, reference_laplacian=factor * laplacian_weights(edges))


def known():
    found = FixedGraph().double()
    found.remember(Batch.from_data_list([graph(), graph()]))
    return found


def test_copies_are_counted_and_the_order_of_edges_has_no_part():
    order = torch.randperm(EDGES.size(1), generator=torch.Generator().manual_seed(1))
    assert known().copies(graph(), "x") == 1
    assert known().copies(Batch.from_data_list([graph(), graph(EDGES[:, order]), graph()]), "x") == 3
    assert known().copies(graph(factor=1 + 1e-6), "x") == 1  # another rounding


OTHERS = {
    "another edge": graph(torch.cat([EDGES[:, 1:], torch.tensor([[6], [0]])], dim=1)),
    "an edge less": graph(EDGES[:, 1:]),
    "a node more": graph(nodes=8),
    "other weights": graph(factor=1.01),
    "turned edge": graph(torch.cat([EDGES[:, 1:], EDGES[:, :1].flip(0)], dim=1)),
    "another graph": graph(random_graph(4)),
    "a path": graph(path_graph(7)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_graph_is_refused_alone_and_in_a_batch(name):
    for data in (OTHERS[name], Batch.from_data_list([graph(), OTHERS[name]])):
        with pytest.raises(
            ValueError, match=r"^who: wanted the graph that it was fitted on, with 7 nodes and 20 edges,"
        ):
            known().copies(data, "who")


def test_edges_between_the_graphs_of_a_batch_are_seen():
    batch = Batch.from_data_list([graph(), graph()])
    batch.edge_index[0, 0] += 7
    with pytest.raises(ValueError, match="^who: wanted"):
        known().copies(batch, "who")


FIXED = {
    "local_linear": lambda: LocalLinear(Channels(1), num_hops=1, frames=2),
    "local_linear direct": lambda: LocalLinear(Channels(1), num_hops=1, frames=2, direct=True),
    "var": lambda: VAR(Channels(1), frames=2),
}


def with_weights(name, pos, edges):
    """A model with random weights for a graph."""
    model = FIXED[name]().double()
    model.begin(Data(x=pos, edge_index=edges, **geometry(pos, edges)))
    groups, outputs = (1, len(pos)) if name == "var" else (len(pos), 2 if model.direct else 1)
    model.set_late("bias", torch.zeros(groups, outputs))
    model.set_late("weight", torch.zeros(groups, model.feature_count(), outputs))
    return randomise(model, scale=0.2)


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("symmetry", TRANSFORMS)
def test_symmetries_of_models_for_one_graph(name, symmetry):
    pos, edges, x = normal(7, 3), random_graph(), normal(7, 3, 1, seed=5)
    model, (transformed, expected) = with_weights(name, pos, edges), TRANSFORMS[symmetry]
    if symmetry in ("relabelling", "scaling of lengths"):
        assert symmetry not in model.symmetries
        with pytest.raises(ValueError, match="wanted the graph that it was fitted on"):
            transformed(model, pos, edges, x)
        return
    given = transformed(model, pos, edges, x)
    holds = torch.allclose(given, expected(forecast(model, pos, edges, x)), atol=TOLERANCE)
    assert holds is (symmetry in model.symmetries)
