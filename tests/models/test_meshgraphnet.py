"""MeshGraphNet: the equations written out with loops, its size, its training by single noisy steps, reach, batches."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional
from torch_geometric.data import Batch

from pdgn.models import Channels, MeshGraphNet
from pdgn.rollout import rollout
from pdgn.training import read_metrics, train
from pdgn.training.loss import increment_loss
from tests.models.samples import CHANNELS, contents, sample
from tests.nn.graphs import randomise
from tests.training.strips import strip_sample
from tests.training.test_partitioned_rollout import check, difference, gradients
from tests.training.tiny import tiny_config, write_dataset

TOLERANCE = 1e-10  # float64 round-off over a few steps of order one is below 1e-12
NO_EDGES = CHANNELS._replace(edge_context=0)


def build(channels=CHANNELS, steps=3, **options):
    return randomise(MeshGraphNet(channels, hidden_channels=6, message_passing_steps=steps, **options))


def perceptron(network, hidden):
    """What follows the first layer."""
    out = network.out(network.hidden(hidden.relu()).relu())
    if network.norm is None:
        return out
    centred = out - out.mean(dim=-1, keepdim=True)
    deviation = (centred.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()
    return centred / deviation * network.norm.weight + network.norm.bias


def one(network, x):
    return perceptron(network, functional.linear(x, network.first.weight, network.first.bias))


def written_out(model, data, frame, index, previous=None):
    """Node by node and edge by edge."""
    edges = data.edge_index.t().tolist()
    nodes = [frame, data.node_context, data.forcing[:, index], data.forcing[:, index + 1]]
    if model.increment:
        nodes.append(torch.zeros_like(frame) if previous is None else (frame - previous) / data.increment_scale)
    node = list(one(model.node_encoder, torch.cat(nodes, dim=1)))
    if model.channels.edge_context:
        features = data.edge_context
    else:
        w, a = data.reference_gradient, data.reference_laplacian
        features = torch.stack([w.log(), a / w**2], dim=1)
    edge = list(one(model.edge_encoder, features))
    for block in model.blocks:
        first, messages = block.message.first, []
        for number, (source, target) in enumerate(edges):
            hidden = first.target @ node[target] + first.source @ node[source] + first.edge @ edge[number] + first.bias
            messages.append(perceptron(block.message, hidden))
        sums = [torch.zeros_like(node[0]) for _ in node]
        for number, (_, target) in enumerate(edges):
            sums[target] = sums[target] + messages[number]
        node = [v + one(block.update, torch.cat([v, total])) for v, total in zip(node, sums)]
        edge = [e + m for e, m in zip(edge, messages)]
    return frame + data.increment_scale * one(model.decoder, torch.stack(node))


@pytest.mark.parametrize("channels", [CHANNELS, NO_EDGES], ids=["edge context", "reference"])
@pytest.mark.parametrize("increment", [False, True])
def test_two_steps_are_the_equations(channels, increment):
    model, data = build(channels, increment=increment), sample(observed=1, channels=channels)
    data.x_mask = torch.ones_like(data.x_mask)
    first = written_out(model, data, data.x[:, 0], 0)
    second = written_out(model, data, first, 1, previous=data.x[:, 0])
    before = contents(data)
    assert torch.allclose(rollout(model, data, 2), torch.stack([first, second], dim=1), atol=TOLERANCE)
    assert all(torch.equal(value, before[name]) for name, value in contents(data).items())


def test_has_the_published_size():
    """15 steps of two networks of width 128 with two hidden layers, 3 and 2 inputs of that width; node type as two
    channels, edges of four: 2.3 million weights."""

    def network(inputs, outputs=128, norm=True):
        return (inputs + 1) * 128 + 129 * 128 + 129 * outputs + (2 * outputs if norm else 0)

    blocks = 15 * (network(3 * 128) + network(2 * 128))
    wanted = network(3 + 2) + network(4) + blocks + network(128, 3, norm=False)
    assert sum(parameter.numel() for parameter in MeshGraphNet(Channels(3, 2, 4)).parameters()) == wanted == 2_332_419


def test_one_noisy_step_is_trained_towards_the_target_that_takes_the_noise_off():
    """history 1, horizon 1, noise: the error is that of the increment f(t + 1) − (f(t) + noise), in units of s."""
    model, data = build(), sample(observed=1, horizon=1)
    data.x_mask, data.y_mask = torch.ones_like(data.x_mask), torch.ones_like(data.y_mask)
    settings = {"truth": data.y, "truth_mask": data.y_mask, "noise_std": 0.3}
    given = increment_loss(rollout(model, data, 1, generator=torch.Generator().manual_seed(5), **settings), data)
    noise = 0.3 * torch.randn(data.x.shape, dtype=data.x.dtype, generator=torch.Generator().manual_seed(5))
    noisy = data.x[:, 0] + noise[:, 0]
    output = (written_out(model, data, noisy, 0) - noisy) / data.increment_scale
    target = (data.y[:, 0] - noisy) / data.increment_scale
    assert given.item() == pytest.approx((output - target).square().mean().item(), rel=1e-10)


@pytest.mark.parametrize("channels", [CHANNELS, NO_EDGES], ids=["edge context", "reference"])
def test_every_parameter_gets_a_gradient(channels):
    model = build(channels, increment=True)
    rollout(model, sample(channels=channels), 3).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in model.parameters())


def test_gradient_of_a_step():
    channels = CHANNELS._replace(signal=1)
    model, data = build(channels, steps=2), sample(channels=channels)
    state, observed = model.start(data), torch.ones(7, dtype=torch.bool)
    frame = data.x[:, -1].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda frame: model.step(frame, state, data, 0, observed)[0], frame)


def test_a_batch_is_its_samples():
    model, one_sample, two = build(), sample(seed=1), sample(seed=2, num_nodes=9)
    given = rollout(model, Batch.from_data_list([one_sample, two]), 3)
    assert torch.allclose(given, torch.cat([rollout(model, one_sample, 3), rollout(model, two, 3)]), atol=TOLERANCE)


def test_what_happens_further_away_than_the_steps_reach_is_not_seen():
    model, data = build(Channels(1, 3, 1, 1), steps=2), strip_sample(channels=Channels(1, 3, 1, 1), observed=1)
    data.x_mask = torch.ones_like(data.x_mask)
    other = data.clone()
    other.x[0] += 1.0  # the first node of a strip of two nodes' width
    moved = (rollout(model, other, 1) - rollout(model, data, 1)).flatten().abs() > 0
    hops = torch.arange(data.x.size(0)) // 2
    assert moved[hops <= 2][::2].all() and not moved[hops > 2].any()


@pytest.mark.parametrize("increment", [False, True])
def test_parts_of_a_mesh_need_no_more_and_no_less_than_the_reach(increment, monkeypatch):
    channels = Channels(2, 3, 1, 1)
    model, data = build(channels, steps=2, increment=increment), strip_sample(channels=channels)
    check(model, data, 4)
    _, _, wanted = gradients(model, data, None)
    monkeypatch.setattr(MeshGraphNet, "reach", (0, 1))
    _, _, given = gradients(model, data, 4)
    assert difference(given, wanted) > 1e-6


def test_options_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"^message_passing_steps: wanted an integer ≥ 1, given 0$"):
        MeshGraphNet(CHANNELS, message_passing_steps=0)
    with pytest.raises(ValueError, match=r"^hidden_channels: wanted an integer ≥ 1, given 0$"):
        MeshGraphNet(CHANNELS, hidden_channels=0)


def test_single_noisy_steps_train_end_to_end(tmp_path):
    config = tiny_config(write_dataset(tmp_path / "tiny.h5"), tmp_path / "runs", truth_decay=None, noise_std=0.01)
    model = {"name": "meshgraphnet", "hidden_channels": 8, "message_passing_steps": 2}
    config = replace(config, model=model, data=replace(config.data, history=1, horizon=1, stride=1))
    losses = [row["valid/loss"] for row in read_metrics(train(config) / "metrics.csv")]
    assert len(losses) == 4 and losses[-1] < 0.5 * losses[0]
