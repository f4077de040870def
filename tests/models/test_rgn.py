"""RGN and its fixed operators: the equations written out, sizes, operators on functions, parts and batches."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional
from torch_geometric.data import Batch, Data

from pdgn.models import RGN, Channels, MeshRGN, StandardRGN
from pdgn.nn.incidence import incidence_of
from pdgn.rollout import rollout
from tests.models.samples import CHANNELS, sample
from tests.models.test_published_padgn import stacked, summed, torch_gru
from tests.nn.graphs import randomise
from tests.training.strips import strip_sample
from tests.training.test_partitioned_rollout import check, difference, gradients

TOLERANCE = 1e-10  # float64 round-off over a few steps of order one is below 1e-12
KINDS = [RGN, StandardRGN, MeshRGN]
every_kind = pytest.mark.parametrize("kind", KINDS)


def build(kind, channels=CHANNELS):
    return randomise(kind(channels, hidden_channels=5))


def weights(kind, data):
    ones = torch.ones(data.edge_index.size(1), dtype=torch.float64)
    return (ones, ones) if kind is StandardRGN else (data.reference_gradient, data.reference_laplacian)


def written_out(model, data, frame, index, state):
    """Edge by edge and with torch's own GRU."""
    gradient, laplacian = weights(type(model), data)
    node_difference, edge_difference = torch.zeros_like(frame), torch.zeros(data.edge_index.size(1), 2).double()
    for edge, (source, target) in enumerate(data.edge_index.t().tolist()):
        edge_difference[edge] = gradient[edge] * (frame[source] - frame[target])
        node_difference[target] += laplacian[edge] * (frame[target] - frame[source])
    fixed = type(model) is not RGN
    node = torch.cat([frame, *([node_difference] if fixed else []), data.node_context,
                      data.forcing[:, index], data.forcing[:, index + 1]], dim=1)  # fmt: skip
    edge = torch.cat([edge_difference, data.edge_context], dim=1) if fixed else data.edge_context
    kept = ([], [])
    for place, layer in enumerate(model.layers):
        own = slice(2 * place, 2 * place + 2)
        edge, states = torch_gru(
            None, layer.edge_stack, state[0][own], stacked(layer.edge_gates, node, data.edge_index, edge)
        )
        kept[0].extend(states)
        sums = summed(edge, data.edge_index, len(node))
        gates = functional.linear(torch.cat([node, *sums], 1), layer.node_gates.weight, layer.node_gates.bias)
        node, states = torch_gru(None, layer.node_stack, state[1][own], gates)
        kept[1].extend(states)
    return frame + data.increment_scale * node, kept


@every_kind
def test_two_steps_are_the_equations(kind):
    model, data = build(kind), sample(observed=1)
    data.x_mask = torch.ones_like(data.x_mask)
    first, state = written_out(model, data, data.x[:, 0], 0, model.start(data))
    second, _ = written_out(model, data, first, 1, state)
    given = rollout(model, data, 2)
    assert torch.allclose(given, torch.stack([first, second], dim=1), atol=TOLERANCE)


def test_sizes_are_those_of_the_published_layers():
    """Two layers: gates of edges and nodes, two units and a decoder each, H = 64, two coordinates as node context."""
    sizes = {kind: sum(parameter.numel() for parameter in kind(Channels(1, 2)).parameters()) for kind in KINDS}
    stack = 2 * (3 * 64 * 64 + 64) + 3 * 64 * 64 + 3 * 64  # units, and gates of the second
    hidden, out = 64 * 65, 65

    def layer(node, edge, decoder):
        return (2 * node + edge + 1) * 192 + stack + hidden + (node + 2 * 64 + 1) * 192 + stack + decoder

    assert sizes[RGN] == layer(3, 0, hidden) + layer(64, 64, out)
    assert sizes[MeshRGN] == sizes[StandardRGN] == layer(4, 1, hidden) + layer(64, 64, out)


def test_standard_operators_on_a_path_and_reference_operators_with_signs():
    """f = 0, 1, 4 on a path: differences ±1, ±3, Laplacian −1, −2, 3; and a negative cotangent is not made positive."""
    edges = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    frame = torch.tensor([[0.0], [1.0], [4.0]])
    reference = {"reference_gradient": torch.full((4,), 2.0), "reference_laplacian": torch.tensor([-0.5, -0.5, 1, 1])}
    data = Data(x=frame.unsqueeze(1), edge_index=edges, **reference)
    graph = incidence_of(edges, 3)
    (laplacian,), (gradient,) = StandardRGN(Channels(1))._differences(frame, graph, data)
    assert gradient.flatten().tolist() == [-1, 1, -3, 3]  # f_j − f_i
    assert laplacian.flatten().tolist() == [-1, -2, 3]
    (laplacian,), (gradient,) = MeshRGN(Channels(1))._differences(frame, graph, data)
    assert gradient.flatten().tolist() == [-2, 2, -6, 6]
    assert laplacian.flatten().tolist() == [0.5, -3.5, 3]


@every_kind
def test_every_parameter_gets_a_gradient(kind):
    model = build(kind)
    rollout(model, sample(), 3).square().sum().backward()
    read = [parameter for parameter in model.parameters() if parameter.numel() > 0]
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in read)


@every_kind
def test_gradient_of_a_step(kind):
    model, data = build(kind, CHANNELS._replace(signal=1)), sample(channels=CHANNELS._replace(signal=1))
    state, observed = model.start(data), torch.ones(7, dtype=torch.bool)
    frame = data.x[:, -1].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda frame: model.step(frame, state, data, 0, observed)[0], frame)


@every_kind
def test_a_batch_is_its_samples(kind):
    model, one, two = build(kind), sample(seed=1), sample(seed=2, num_nodes=9)
    given = rollout(model, Batch.from_data_list([one, two]), 3)
    assert torch.allclose(given, torch.cat([rollout(model, one, 3), rollout(model, two, 3)]), atol=TOLERANCE)


@every_kind
def test_parts_of_a_mesh_need_no_more_and_no_less_than_the_reach(kind, monkeypatch):
    model = build(kind, strip_channels := Channels(2, 3, 1, 1))
    data = strip_sample(channels=strip_channels)
    check(model, data, 4)
    _, _, wanted = gradients(model, data, None)
    monkeypatch.setattr(kind, "reach", (0, model.reach[1] - 1))
    _, _, given = gradients(model, data, 4)
    assert difference(given, wanted) > 1e-6


def test_missing_reference_weights_are_named():
    data = sample()
    data.reference_laplacian = None
    with pytest.raises(ValueError, match=r"^data\.reference_laplacian: wanted a tensor \[20\], given None$"):
        rollout(build(MeshRGN), data, 1)
    rollout(build(StandardRGN), data, 1)
