"""GRU: persistence at first, torch's own recurrent network with the same weights, no neighbours, other devices."""

from __future__ import annotations

import pytest
import torch

from pdgn.models import GRU, Channels
from pdgn.rollout import rollout
from tests.models.samples import CHANNELS, sample
from tests.nn.graphs import normal, randomise


def small():
    return randomise(GRU(CHANNELS, hidden_channels=5))


def test_a_fresh_model_is_persistence():
    data = sample()
    data.x_mask = torch.ones_like(data.x_mask)
    out = rollout(GRU(CHANNELS).double(), data, 4)
    assert torch.equal(out, data.x[:, -1:].expand(-1, 4, -1))


def torch_gru(model):
    """torch.nn.GRU with the weights of a model."""
    other = torch.nn.GRU(model.gates[0].in_features, 5, num_layers=2, batch_first=True).double()
    with torch.no_grad():
        for layer, (gates, update) in enumerate(zip(model.gates, model.updates)):
            getattr(other, f"weight_ih_l{layer}").copy_(gates.weight)
            getattr(other, f"bias_ih_l{layer}").copy_(gates.bias)
            getattr(other, f"weight_hh_l{layer}").copy_(update.weight)
            getattr(other, f"bias_hh_l{layer}").copy_(torch.cat([torch.zeros(10).double(), update.bias]))
    return other


def test_the_observed_frames_go_through_as_through_torchs_own_network():
    model, data = small(), sample(observed=4)
    data.x_mask = torch.ones_like(data.x_mask)
    frames, scale = data.x, data.increment_scale
    increments = torch.cat([torch.zeros_like(frames[:, :1]), frames.diff(dim=1) / scale], 1)
    context = data.node_context.unsqueeze(1).expand(-1, 4, -1)
    inputs = torch.cat([frames, increments, context, data.forcing[:, :4], data.forcing[:, 1:5]], dim=2)
    out, _ = torch_gru(model)(inputs)
    expected = frames[:, -1] + scale * (out[:, -1] @ model.decoder.weight.t() + model.decoder.bias)
    # float64 round-off of a few sums of order ten
    assert torch.allclose(rollout(model, data, 1)[:, 0], expected, rtol=0, atol=1e-12)


def test_neighbours_and_edges_have_no_part_in_it():
    model, data, other = small(), sample(), sample()
    other.x[1:] += normal(*other.x[1:].shape)
    other.edge_index = other.edge_index[:, :2]
    one, changed = rollout(model, data, 4), rollout(model, other, 4)
    # products of matrices with the same rows, up to their order of summation
    assert torch.allclose(one[0], changed[0], rtol=0, atol=1e-12) and not torch.allclose(one[1:], changed[1:])


def test_recomputation_gives_the_same_gradients():
    model, data = small(), sample()
    gradients = []
    for recompute in (False, True):
        loss = rollout(model, data, 4, recompute=recompute).square().sum()
        gradients.append(torch.autograd.grad(loss, list(model.parameters())))
    assert all(torch.equal(*pair) and pair[0].abs().max() > 0 for pair in zip(*gradients))


def test_runs_on_another_device_and_in_mixed_precision():
    model, data = small(), sample()
    narrow = data.clone().apply(lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)
    plain = rollout(model, data, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = rollout(small().float(), narrow, 1)
    assert mixed.dtype == torch.float32 and (mixed - plain).abs().max() < 0.05 * plain.abs().max()
    # A tensor made on the CPU on the way would meet those of the meta device and raise.
    assert rollout(model.to("meta"), data.to("meta"), 4).device.type == "meta"


@pytest.mark.parametrize("name", ["hidden_channels", "num_layers"])
def test_options_out_of_range(name):
    with pytest.raises(ValueError, match=rf"^{name}: wanted an integer ≥ 1, given 0$"):
        GRU(CHANNELS, **{name: 0})
    assert repr(GRU(Channels(1), num_layers=3)).endswith("64, num_layers=3)")
