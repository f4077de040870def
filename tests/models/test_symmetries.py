"""Every model has the symmetries that it declares, and PADGN no more than those."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Data

from pdgn.models import (
    GRU,
    MLP,
    PADGN,
    RGN,
    Channels,
    FixedOperators,
    LocalLinear,
    MeshGraphNet,
    MeshRGN,
    OperatorNetwork,
    Persistence,
    PublishedPADGN,
    StandardRGN,
)
from pdgn.rollout import rollout
from tests.nn.graphs import normal, random_graph, randomise

CHANNELS = Channels(signal=1, node_context=1, edge_context=1)
SMALL = {"hidden_channels": 5, "num_kernels": 3, "num_hops": 2}
MODELS = {
    "persistence": Persistence(CHANNELS),
    "fixed": FixedOperators(CHANNELS, hidden_channels=5),
    "recurrent": PADGN(CHANNELS, **SMALL),
    "recurrent, signal": PADGN(CHANNELS, signal_in_weights=True, **SMALL),
    "sum": PADGN(CHANNELS, variant="sum", **SMALL),
    "sum, free": PADGN(CHANNELS, variant="sum", weights="free", **SMALL),
    "sum, signal": PADGN(CHANNELS, variant="sum", signal_in_weights=True, **SMALL),
}
MODELS |= {
    f"published, {variant}": PublishedPADGN(CHANNELS, variant=variant, hidden_channels=5, num_kernels=3).eval()
    for variant in ("recurrent", "sum")
}
MODELS |= {
    "mlp": MLP(CHANNELS, frames=3, hidden_channels=5),
    "gru": GRU(CHANNELS, hidden_channels=5),
    "mlp, no context": MLP(Channels(1), frames=3, hidden_channels=5),
    "gru, no context": GRU(Channels(1), hidden_channels=5),
}
MODELS |= {
    "operator": OperatorNetwork(CHANNELS, hidden_channels=5),
    "operator, linear": OperatorNetwork(CHANNELS, hidden_channels=5, reaction=False, stepper="runge_kutta"),
}
MODELS |= {kind.__name__: kind(CHANNELS, hidden_channels=5) for kind in (RGN, StandardRGN, MeshRGN)}
MODELS |= {
    "meshgraphnet": MeshGraphNet(CHANNELS, hidden_channels=5, message_passing_steps=2),
    "meshgraphnet, reference": MeshGraphNet(CHANNELS._replace(edge_context=0), hidden_channels=5),
}
SHARED = LocalLinear(Channels(1), num_hops=2, frames=2, per_node=False)
SHARED.set_late("weight", torch.zeros(1, SHARED.feature_count(), 1))
SHARED.set_late("bias", torch.zeros(1, 1))
MODELS |= {"local_linear, shared": SHARED}
TOLERANCE = 1e-9  # float64 round-off of distances and a few steps of order one is below 1e-12


def geometry(pos, edges):
    """Context and reference weights made of lengths, as `data` would put them on a sample."""
    length = (pos[edges[0]] - pos[edges[1]]).norm(dim=1)
    mean = torch.zeros(len(pos), dtype=pos.dtype).index_add(0, edges[1], length)
    return {
        "node_context": mean.unsqueeze(1),
        "edge_context": length.unsqueeze(1),
        "reference_gradient": 1 / length,
        "reference_laplacian": 1 / length.square(),
    }


def forecast(model, pos, edges, x):
    data = Data(x=x, x_mask=torch.ones(x.shape[:2], dtype=torch.bool), edge_index=edges, **geometry(pos, edges))
    if model.channels.node_context == 0:
        data.node_context = None
    if model.channels.edge_context == 0:
        data.edge_context = None
    data.increment_scale = torch.full((1, 1), 0.1, dtype=x.dtype)
    return rollout(model, data, 3)


def rotation():
    return torch.linalg.matrix_exp(torch.tensor([[0.0, 0.3, -0.5], [-0.3, 0.0, 0.8], [0.5, -0.8, 0.0]]).double())


def relabelled(model, pos, edges, x):
    node = torch.randperm(len(pos), generator=torch.Generator().manual_seed(3))
    order = torch.randperm(edges.size(1), generator=torch.Generator().manual_seed(4))
    out = forecast(model, pos[node], torch.argsort(node)[edges][:, order], x[node])
    return out[torch.argsort(node)]


TRANSFORMS = {
    "relabelling": (relabelled, lambda y: y),
    "translation": (lambda m, p, e, x: forecast(m, p + torch.tensor([3.0, -2.0, 7.0]), e, x), lambda y: y),
    "rotation": (lambda m, p, e, x: forecast(m, p @ rotation(), e, x), lambda y: y),
    "reflection": (lambda m, p, e, x: forecast(m, p * torch.tensor([1.0, 1.0, -1.0]), e, x), lambda y: y),
    "scaling of lengths": (lambda m, p, e, x: forecast(m, 3 * p, e, x), lambda y: y),
    "addition of a constant": (lambda m, p, e, x: forecast(m, p, e, x + 2), lambda y: y + 2),
    "scaling of the signal": (lambda m, p, e, x: forecast(m, p, e, 3 * x), lambda y: 3 * y),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("symmetry", TRANSFORMS)
def test_what_is_declared_holds_and_what_is_not_does_not(name, symmetry):
    model = randomise(MODELS[name])
    pos, edges, x = normal(7, 3), random_graph(), normal(7, 3, 1, seed=5)
    transformed, expected = TRANSFORMS[symmetry]
    given = transformed(model, pos, edges, x)
    holds = torch.allclose(given, expected(forecast(model, pos, edges, x)), atol=TOLERANCE)
    assert holds is (symmetry in model.symmetries)


def test_symmetries_are_known_names():
    for model in MODELS.values():
        assert isinstance(model.symmetries, frozenset)
        assert model.symmetries <= TRANSFORMS.keys()
