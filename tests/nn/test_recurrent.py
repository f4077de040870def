"""GatedUpdate and RecurrentGraphNetwork: torch's own cell, loops, state, invariances."""

from __future__ import annotations

import pytest
import torch

from pdgn.nn import GatedUpdate, RecurrentGraphNetwork, RecurrentState, edge_slices, recurrent
from tests.nn import loops
from tests.nn.graphs import normal, random_graph, randomise

TOLERANCE = 1e-10  # float64 round-off of sums of some tens of terms of order one is below 1e-13


def random_state(layers, nodes, edges, hidden):
    return RecurrentState(
        tuple(normal(edges, hidden, seed=10 + layer) for layer in range(layers)),
        tuple(normal(nodes, hidden, seed=20 + layer) for layer in range(layers)),
    )


def test_gated_update_is_torchs_gru_cell():
    cell, update = torch.nn.GRUCell(4, 5).double(), randomise(GatedUpdate(5))
    x, hidden = normal(6, 4), normal(6, 5)
    with torch.no_grad():
        cell.weight_hh.copy_(update.weight)
        cell.bias_hh.copy_(torch.cat([torch.zeros(10, dtype=torch.float64), update.bias]))
    gates = x @ cell.weight_ih.t() + cell.bias_ih
    assert torch.allclose(update(gates, hidden), cell(x, hidden), atol=TOLERANCE)


def test_gated_update_in_float32_and_its_gradients():
    """Within some units of round-off of the same in float64: its tanh is not torch's."""
    update = randomise(GatedUpdate(5))
    single = GatedUpdate(5)
    single.load_state_dict(update.state_dict())
    inputs = normal(60, 15, seed=1), normal(60, 5, seed=2)
    results = []
    for module, dtype in ((update, torch.float64), (single, torch.float32)):
        given = [tensor.to(dtype).requires_grad_() for tensor in inputs]
        out = module(*given)
        grads = torch.autograd.grad((out**2).sum(), [*given, *module.parameters()])
        results.append([out, *grads])
    for exact, rounded in zip(*results):
        assert (rounded - exact).abs().max() < 1e-6 * exact.abs().max().clamp(min=1)


def test_gated_update_to_second_order():
    update = randomise(GatedUpdate(2))
    inputs = [normal(3, 6).requires_grad_(), normal(3, 2).requires_grad_(), *update.parameters()]

    def run(gates, hidden, weight, bias):
        return torch.func.functional_call(update, {"weight": weight, "bias": bias}, (gates, hidden))

    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradgradcheck(run, inputs)


def test_gated_update_keeps_four_numbers_a_row_and_channel():
    update, rows = randomise(GatedUpdate(5)), 50
    kept = []
    gates, hidden = normal(rows, 15).requires_grad_(), normal(rows, 5).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.numel()), lambda _: None):
        update(gates, hidden)
    assert sum(kept) == 4 * 5 * rows + update.weight.numel() + update.bias.numel()


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_agrees_with_loops(layers):
    edges = random_graph()
    network = randomise(RecurrentGraphNetwork(3, 2, 4, layers))
    state = random_state(layers, 7, edges.size(1), 4)
    node, edge = normal(7, 3), normal(edges.size(1), 2)
    given = network(node, edge, edges, state)[:2]
    for one, other in zip(given, loops.recurrent(network, node, edge, edges.t().tolist(), state)):
        assert torch.allclose(one, other, atol=TOLERANCE)


@pytest.mark.parametrize("elements", [1, 60, 1 << 18])
@pytest.mark.parametrize("edge_channels", [0, 2])
def test_without_derivatives_in_slices(monkeypatch, elements, edge_channels):
    for module in (edge_slices, recurrent):
        monkeypatch.setattr(module, "ELEMENTS", elements)
    edges = random_graph()
    edges = edges[:, torch.sort(edges[1], stable=True).indices]
    network = randomise(RecurrentGraphNetwork(3, edge_channels, 4, 2))
    given = normal(7, 3), normal(edges.size(1), edge_channels), edges, random_state(2, 7, edges.size(1), 4)
    expected = network(*given)
    with torch.no_grad():
        sliced = network(*given)
    whole, parts = ((*out[:2], *out[2].edge, *out[2].node) for out in (expected, sliced))
    for one, other in zip(parts, whole):
        assert torch.allclose(one, other, atol=TOLERANCE)


def test_state_goes_in_and_comes_out():
    edges = random_graph()
    network = randomise(RecurrentGraphNetwork(3, 2, 4, 2))
    state = network.initial_state(7, edges.size(1), torch.float64)
    assert all(torch.equal(part, torch.zeros_like(part)) for parts in state for part in parts)
    node, edge = normal(7, 3), normal(edges.size(1), 2)
    first, first_edge, after = network(node, edge, edges, state)
    assert torch.equal(after.node[-1], first) and torch.equal(after.edge[-1], first_edge)
    assert all(torch.equal(part, torch.zeros_like(part)) for parts in state for part in parts)
    assert not torch.allclose(network(node, edge, edges, after)[0], first)
    assert torch.equal(network(node, edge, edges, state)[0], first)


def test_relabelling_nodes_and_edges():
    edges = random_graph()
    network = randomise(RecurrentGraphNetwork(3, 2, 4, 2))
    state = random_state(2, 7, edges.size(1), 4)
    node, edge = normal(7, 3), normal(edges.size(1), 2)
    perm = torch.randperm(7, generator=torch.Generator().manual_seed(3))
    order = torch.randperm(edges.size(1), generator=torch.Generator().manual_seed(4))
    moved = RecurrentState(tuple(part[order] for part in state.edge), tuple(part[perm] for part in state.node))
    expected = network(node, edge, edges, state)
    given = network(node[perm], edge[order], torch.argsort(perm)[edges][:, order], moved)
    assert torch.allclose(given[0], expected[0][perm], atol=TOLERANCE)
    assert torch.allclose(given[1], expected[1][order], atol=TOLERANCE)


def test_the_direction_of_edges_matters():
    edges = random_graph()[:, :7]
    network = randomise(RecurrentGraphNetwork(3, 2, 4, 1))
    node, edge, state = normal(7, 3), normal(7, 2), random_state(1, 7, 7, 4)
    assert not torch.allclose(network(node, edge, edges, state)[0], network(node, edge, edges.flip(0), state)[0])


def test_gradcheck():
    edges = random_graph(num_nodes=4, num_pairs=3)
    network = randomise(RecurrentGraphNetwork(2, 1, 3, 2))
    state = random_state(2, 4, 6, 3)
    tensors = (normal(4, 2), normal(6, 1), *state.edge, *state.node)

    def run(node, edge, *hidden):
        out, edge, new = network(node, edge, edges, RecurrentState(hidden[:2], hidden[2:]))
        return (out, edge, *new.edge, *new.node)

    assert torch.autograd.gradcheck(run, tuple(tensor.requires_grad_() for tensor in tensors))


def test_graph_without_edges():
    network = randomise(RecurrentGraphNetwork(3, 2, 4, 2))
    edges = torch.empty(2, 0, dtype=torch.long)
    node, edge, _ = network(normal(7, 3), normal(0, 2), edges, network.initial_state(7, 0, torch.float64))
    assert node.shape == (7, 4) and edge.shape == (0, 4) and node.isfinite().all()


def test_half_precision_under_autocast_keeps_the_state():
    edges = random_graph()
    network = RecurrentGraphNetwork(3, 2, 4, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        state = network.initial_state(7, edges.size(1))
        _, _, state = network(normal(7, 3).float(), normal(edges.size(1), 2).float(), edges, state)
    assert {part.dtype for parts in state for part in parts} == {torch.float32}


@pytest.mark.parametrize("derivatives", [True, False])
@pytest.mark.parametrize(("edge", "hidden_edge", "hidden_node"), [(25, 20, 7), (20, 25, 7), (20, 20, 9)])
def test_rows_of_another_graph_are_refused(derivatives, edge, hidden_edge, hidden_node):
    network = RecurrentGraphNetwork(3, 2, 4, 1)
    state = network.initial_state(hidden_node, hidden_edge)
    with (
        torch.set_grad_enabled(derivatives),
        pytest.raises(ValueError, match=r"^(edge|hidden_edge|hidden_node): wanted"),
    ):
        network(torch.ones(7, 3), torch.ones(edge, 2), random_graph(), state)


def test_no_layer_is_refused():
    with pytest.raises(ValueError, match=r"^num_layers: wanted an integer ≥ 1, given 0$"):
        RecurrentGraphNetwork(3, 2, 4, 0)


def test_repr():
    assert repr(RecurrentGraphNetwork(3, 2, 4, 2)) == "RecurrentGraphNetwork(3, 2, 4, num_layers=2)"
    assert repr(RecurrentGraphNetwork(3, 2, 4, 2).layers[1]) == "RecurrentGraphLayer(4, 4, 4)"
    assert repr(GatedUpdate(4)) == "GatedUpdate(4)"
