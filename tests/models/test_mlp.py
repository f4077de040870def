"""MLP: persistence at first, the equation from its weights, no neighbours, other devices, and that it learns."""

from __future__ import annotations

import pytest
import torch

from pdgn.models import MLP, Channels
from pdgn.rollout import rollout
from tests.models.samples import CHANNELS, sample
from tests.nn.graphs import normal, randomise


def small():
    return randomise(MLP(CHANNELS, frames=3, hidden_channels=5))


def test_a_fresh_model_is_persistence():
    data = sample()
    data.x_mask = torch.ones_like(data.x_mask)
    out = rollout(MLP(CHANNELS).double(), data, 4)
    assert torch.equal(out, data.x[:, -1:].expand(-1, 4, -1))


def test_a_step_is_the_equation_in_numbers():
    model, data = small(), sample(observed=3)
    data.x_mask = torch.ones_like(data.x_mask)
    scale = data.increment_scale
    steps = [(data.x[:, 2] - data.x[:, 1]) / scale, (data.x[:, 1] - data.x[:, 0]) / scale]
    value = torch.cat([data.x[:, 2], *steps, data.node_context, data.forcing[:, 2], data.forcing[:, 3]], 1)
    for layer in (model.hidden[0], model.hidden[2]):
        value = value @ layer.weight.t() + layer.bias
        value = value / (1 + torch.exp(-value))
    expected = data.x[:, 2] + scale * (value @ model.decoder.weight.t() + model.decoder.bias)
    # float64 round-off of a few sums of order ten
    assert torch.allclose(rollout(model, data, 1)[:, 0], expected, rtol=0, atol=1e-12)


def test_neighbours_and_edges_have_no_part_in_it():
    model, data, other = small(), sample(), sample()
    other.x[1:] += normal(*other.x[1:].shape)
    other.edge_index = other.edge_index[:, :2]
    one, changed = rollout(model, data, 4), rollout(model, other, 4)
    assert torch.equal(one[0], changed[0]) and not torch.allclose(one[1:], changed[1:])


def test_runs_on_another_device_and_in_mixed_precision():
    model, data = small(), sample()
    narrow = data.clone().apply(lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)
    plain = rollout(model, data, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = rollout(small().float(), narrow, 1)
    assert mixed.dtype == torch.float32 and (mixed - plain).abs().max() < 0.05 * plain.abs().max()
    # A tensor made on the CPU on the way would meet those of the meta device and raise.
    assert rollout(model.to("meta"), data.to("meta"), 4).device.type == "meta"


def test_learns_an_oscillation_from_its_frames():
    """f'' = −f at each node: one frame does not tell where it goes, two do."""
    torch.manual_seed(0)
    phase, time = 6.283 * torch.rand(64, 1), 0.3 * torch.arange(6.0)
    frames = torch.sin(phase + time).unsqueeze(-1)
    data = sample(channels=Channels(1), num_nodes=64).apply(lambda t: t.float() if t.is_floating_point() else t)
    data.x, data.x_mask, data.increment_scale = frames[:, :2], None, torch.full((1, 1), 0.2)
    losses = {}
    for count in (1, 2):
        model = MLP(Channels(1), frames=count, hidden_channels=16)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        for _ in range(150):
            loss = (rollout(model, data, 1)[:, 0] - frames[:, 2]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses[count] = loss.item()
    # From f alone the best guess of the next frame is f cos 0.3, wrong by sin 0.3 cos(phase): 0.0437 in the mean square
    assert losses[1] == pytest.approx(0.0437, rel=0.25) and losses[2] < 1e-3


@pytest.mark.parametrize("name", ["frames", "hidden_channels", "num_layers"])
def test_options_out_of_range(name):
    with pytest.raises(ValueError, match=rf"^{name}: wanted an integer ≥ 1, given 0$"):
        MLP(CHANNELS, **{name: 0})
    assert repr(MLP(Channels(1), frames=3)).startswith("MLP(Channels(signal=1, ")
