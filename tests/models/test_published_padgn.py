"""PublishedPADGN: its equations written out with torch's own GRU, its sizes, gradients, memory of a step."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from pdgn.models import Channels, PublishedPADGN
from pdgn.rollout import rollout
from tests.models.samples import PLAIN, sample
from tests.nn.graphs import randomise

TOLERANCE = 1e-10  # float64 round-off over a few steps of order one is below 1e-12


def stacked(layer, x, edges, edge=None):
    """W_e e + W_s x_j + W_t x_i + b as one product with the concatenation."""
    parts = ([] if edge is None else [edge]) + [x[edges[0]], x[edges[1]]]
    weights = ([] if edge is None else [layer.edge]) + [layer.source, layer.target]
    return torch.cat(parts, dim=1) @ torch.cat(weights, dim=1).t() + layer.bias


def summed(edge, edges, num_nodes):
    out = torch.zeros(2, num_nodes, edge.size(1), dtype=edge.dtype)
    return out[0].index_add(0, edges[0], edge), out[1].index_add(0, edges[1], edge)


def coefficients(network, x, edges):
    edge = network.edge_norm(network.edge_out(stacked(network.edge_hidden, x, edges).relu())).relu()
    node = network.node_hidden(torch.cat([x, *summed(edge, edges, len(x))], dim=1)).relu()
    node = network.node_norm(network.node_out(node)).relu()
    return network.out(stacked(network.hidden, node, edges, edge).relu())


def torch_gru(gates_bias, stack, hidden, first):
    """Both units by torch's GRU cells; the gates of the first are given as input to an identity."""
    states = []
    for place, update in enumerate(stack.updates):
        width = update.hidden_channels
        cell = nn.GRUCell(3 * width if place == 0 else width, width).double()
        with torch.no_grad():
            own = None if place == 0 else stack.gates[place - 1]
            cell.weight_ih.copy_(torch.eye(3 * width) if own is None else own.weight)
            cell.bias_ih.copy_(torch.zeros(3 * width) if own is None else own.bias)
            cell.weight_hh.copy_(update.weight)
            cell.bias_hh.copy_(torch.cat([torch.zeros(2 * width), update.bias]))
        states.append(cell(first if place == 0 else states[-1], hidden[place]))
    out = stack.decoder(states[-1])
    return (out.relu() if stack.activate else out), states


def written_out(model, frame, context, edges, state):
    kernels, parts, channels = model.num_kernels, model.per_kernel, frame.size(1)
    inputs, messages, contributions = torch.cat([frame, context], dim=1), [], []
    for network in model.coefficients:
        c = coefficients(network, inputs, edges).view(-1, kernels, parts, channels)
        messages.append(c[:, :, 0] * (frame[edges[1]].unsqueeze(1) - c[:, :, 1] * frame[edges[0]].unsqueeze(1)))
        if parts == 3:
            contributions.append((c[:, :, 2] * messages[-1]).sum(1))
    if parts == 3:
        return frame + summed(sum(contributions), edges, len(frame))[1], state
    node = torch.cat([frame, summed(messages[1].flatten(1), edges, len(frame))[1]], dim=1)
    edge, new_edges, new_nodes = messages[0].flatten(1), [], []
    for place, layer in enumerate(model.layers):
        own = slice(2 * place, 2 * place + 2)
        edge, states = torch_gru(None, layer.edge_stack, state[0][own], stacked(layer.edge_gates, node, edges, edge))
        new_edges += states
        node, states = torch_gru(
            None, layer.node_stack, state[1][own],
            layer.node_gates(torch.cat([node, *summed(edge, edges, len(node))], dim=1)),
        )  # fmt: skip
        new_nodes += states
    return frame + node, (new_edges, new_nodes)


@pytest.mark.parametrize("variant", ["recurrent", "sum"])
def test_two_steps_are_the_published_equations(variant):
    model, data = randomise(PublishedPADGN(PLAIN, variant, hidden_channels=5, num_kernels=3)), sample(channels=PLAIN)
    data.x_mask = torch.ones_like(data.x_mask)
    model.eval()
    frame, state = data.x[:, -1], model.start(data)
    expected, kept = written_out(model, frame, data.node_context, data.edge_index, state)
    second, _ = written_out(model, expected, data.node_context, data.edge_index, kept)
    data.x, data.x_mask = data.x[:, -1:], data.x_mask[:, -1:]
    given = rollout(model, data, 2)
    assert torch.allclose(given[:, 0], expected, atol=TOLERANCE)
    assert torch.allclose(given[:, 1], second, atol=TOLERANCE)


def test_has_the_published_sizes():
    two_coordinates = Channels(1, 2)
    total = sum(parameter.numel() for parameter in PublishedPADGN(two_coordinates, "sum", num_kernels=1).parameters())
    assert total == 60038
    recurrent = PublishedPADGN(two_coordinates)
    total = sum(parameter.numel() for parameter in recurrent.parameters())
    doubled = 8 * 2 * 64  # a second bias of the gates r and z of eight units
    unread = 2 * 16 * (64 + 1)  # coefficients c
    assert total == 339617 - doubled - unread


@pytest.mark.parametrize("variant", ["recurrent", "sum"])
def test_every_parameter_gets_a_gradient(variant):
    model, data = randomise(PublishedPADGN(PLAIN, variant, hidden_channels=5, num_kernels=3)), sample(channels=PLAIN)
    rollout(model, data, 3).square().sum().backward()
    read = [parameter for parameter in model.parameters() if parameter.numel() > 0]
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in read)


def test_recomputation_takes_running_statistics_once():
    model, data = randomise(PublishedPADGN(PLAIN, "sum", hidden_channels=5, num_kernels=3)), sample(channels=PLAIN)
    other = copy.deepcopy(model)
    rollout(model, data, 3).square().sum().backward()
    rollout(other, data, 3, recompute=True).square().sum().backward()
    for one, two in zip(model.buffers(), other.buffers(), strict=True):
        assert torch.equal(one, two)
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        assert one.numel() == 0 or torch.equal(one.grad, two.grad)


def test_forcing_is_refused():
    with pytest.raises(ValueError, match=r"^forcing: padgn_published has no input for it, wanted 0, given 2$"):
        PublishedPADGN(Channels(1, 0, 0, 2))
