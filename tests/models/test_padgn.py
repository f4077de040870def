"""PADGN: fresh models, loops, reported weights, batches, gradients, what is read and what is refused."""

from __future__ import annotations

import copy

import pytest
import torch
from torch_geometric.data import Batch

from pdgn.models import PADGN, Channels, FixedOperators
from pdgn.nn import spatial_difference
from pdgn.rollout import rollout
from tests.models.samples import CHANNELS, PLAIN, contents, sample
from tests.nn import loops
from tests.nn.graphs import normal, randomise

TOLERANCE = 1e-10  # float64 round-off over a few steps of order one is below 1e-12
PUBLISHED = {
    "weights": "free",
    "signal_in_weights": True,
    "operator_step": False,
    "context_in_core": False,
    "increment_in_core": False,
}
SMALL = {"hidden_channels": 5, "num_kernels": 3, "num_hops": 1}
VARIANTS = {
    "anchored": (CHANNELS, {}),
    "masked": (CHANNELS, {"use_mask": True, "signal_in_weights": True}),
    "published": (CHANNELS, PUBLISHED),
    "fixed": (CHANNELS, {"weights": "fixed"}),
    "sum": (PLAIN, {"variant": "sum"}),
    "sum published": (PLAIN, {"variant": "sum", "weights": "free", "signal_in_weights": True}),
    "sum fixed": (PLAIN, {"variant": "sum", "weights": "fixed"}),
}
every_variant = pytest.mark.parametrize(("channels", "options"), VARIANTS.values(), ids=VARIANTS.keys())


def build(channels, options):
    return randomise(PADGN(channels, **SMALL, **options))


@pytest.mark.parametrize("variant", ["recurrent", "sum"])
@pytest.mark.parametrize("weights", ["anchored", "fixed"])
@pytest.mark.parametrize("num_hops", [0, 1, 2, 3])
@pytest.mark.parametrize("num_kernels", [1, 4])
def test_a_fresh_model_is_persistence(variant, weights, num_hops, num_kernels):
    torch.manual_seed(0)
    options = {"variant": variant, "weights": weights, "num_hops": num_hops, "num_kernels": num_kernels}
    model = PADGN(PLAIN, hidden_channels=8, **options)
    data = sample(channels=PLAIN).apply(lambda t: t.float() if t.is_floating_point() else t)
    data.x_mask = torch.ones_like(data.x_mask)
    # Kernels that cancel leave float32 round-off of the mixture, about 1e-7 of its terms per step.
    assert torch.allclose(rollout(model, data, 3), data.x[:, -1:].expand(-1, 3, -1), rtol=0, atol=1e-5)


def test_a_fresh_free_model_starts_near_persistence():
    torch.manual_seed(0)
    model, data = PADGN(CHANNELS, weights="free").double(), sample()
    data.x_mask = torch.ones_like(data.x_mask)
    increment = (rollout(model, data, 1)[:, 0] - data.x[:, -1]) / data.increment_scale
    assert increment.abs().max() < 1  # less than the usual increment


@pytest.mark.parametrize("variant", ["recurrent", "sum"])
def test_one_backward_parts_the_kernels(variant):
    torch.manual_seed(0)
    model, data = PADGN(PLAIN, variant=variant, hidden_channels=8, num_kernels=4).double(), sample(channels=PLAIN)
    (rollout(model, data, 4) - data.y).square().mean().backward()
    gradient = model.differences.anchored.head.out.weight.grad.view(2, 4, 2, 8)[1, :, 0]
    assert torch.cdist(gradient, gradient)[torch.triu_indices(4, 4, 1).unbind()].min() > 1e-3 * gradient.abs().max()


def operator_limit(model, weights, data):
    """min(1, 1 / (s Σ_j |Σ_k c_k v_ijk|)) with loops."""
    rows = torch.zeros(data.num_nodes, model.channels.signal, dtype=torch.float64)
    for edge, target in enumerate(data.edge_index[1].tolist()):
        rows[target] += (model.core.operator.weight * weights.laplacian[edge]).sum(0).abs()
    return 1 / (data.increment_scale * rows).clamp(min=1)


def reference_step(model, frame, state, data, index, observed):
    """A recurrent step from the reported weights, with loops."""
    weights = model.difference_weights(data, frame)
    pairs = data.edge_index.t().tolist()
    gradient, laplacian = loops.spatial_difference(frame, pairs, weights)
    node, edge = [frame, laplacian.flatten(1)], [gradient.flatten(1)]
    if model.context_in_core:
        node.append(data.node_context)
        edge.append(data.edge_context)
    node += [data.forcing[:, index], data.forcing[:, index + 1]]
    if model.use_mask:
        node.append(observed.double().unsqueeze(1))
    if model.increment_in_core:
        last = (frame - state.previous) / data.increment_scale
        node.append(torch.where(state.known.unsqueeze(1), last, 0.0))
    v, _ = loops.recurrent(model.core.network, torch.cat(node, 1), torch.cat(edge, 1), pairs, state.core)
    hidden = loops.silu(v @ model.core.hidden.weight.t() + model.core.hidden.bias)
    increment = hidden @ model.core.decoder.weight.t() + model.core.decoder.bias
    if model.core.operator is not None:
        mixed = (laplacian * model.core.operator.weight).sum(1)
        increment = increment + (mixed if model.weights == "free" else mixed * operator_limit(model, weights, data))
    return frame + data.increment_scale * increment


@pytest.mark.parametrize("name", ["anchored", "masked", "published", "fixed"])
def test_recurrent_steps_agree_with_loops_from_the_reported_weights(name):
    channels, options = VARIANTS[name]
    model, data = build(channels, options), sample()
    state = model.start(data)
    for index in range(3):
        frame, observed = data.x[:, index], data.x_mask[:, index]
        expected = reference_step(model, frame, state, data, index, observed)
        given, state = model.step(frame, state, data, index, observed)
        assert torch.allclose(given, expected, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["sum", "sum published", "sum fixed"])
def test_sum_steps_agree_with_loops(name):
    channels, options = VARIANTS[name]
    model, data = build(channels, options), sample(channels=channels)
    frame, pairs = data.x[:, 0], data.edge_index.t().tolist()
    node = torch.cat([frame, data.node_context], 1) if model.signal_in_weights else data.node_context
    reference = None if options.get("weights") == "free" else (data.reference_gradient, data.reference_laplacian)
    a = model.differences.weights(frame, data.edge_index, node[:, -3:], reference, data.edge_context)
    kernels = a.gradient.size(1)
    c = loops.weight_network(model.core.coefficients, node, pairs, data.edge_context).view(-1, 2, kernels, 2)
    expected = frame.clone()
    for e, (j, i) in enumerate(pairs):
        for k in range(kernels):
            first = (model.core.gradient.weight[k] + c[e, 0, k]) * a.gradient[e, k]
            second = (model.core.laplacian.weight[k] + c[e, 1, k]) * a.laplacian[e, k]
            terms = first * (frame[j] - a.gradient_ratio[e, k] * frame[i])
            terms = terms + second * (frame[i] - a.laplacian_ratio[e, k] * frame[j])
            expected[i] += data.increment_scale[0] * terms
    given, _ = model.step(frame, model.start(data), data, 0, data.x_mask[:, 0])
    assert torch.allclose(given, expected, atol=TOLERANCE)


@every_variant
def test_the_weights_reported_are_the_weights_used(channels, options):
    model, data = build(channels, options), sample(channels=channels)
    start = model.start(data)
    following, state = model.step(data.x[:, 1], start, data, 0, data.x_mask[:, 1])
    reported = model.difference_weights(data, data.x[:, 1])
    if model.variant == "sum":
        gradient, laplacian = (part.sum(1) for part in spatial_difference(data.x[:, 1], data.edge_index, reported))
        increment = laplacian.index_add(0, data.edge_index[1], gradient)
        assert torch.allclose(following, data.x[:, 1] + data.increment_scale * increment, atol=TOLERANCE)
        assert model.signal_in_weights or state.core is start.core
        return
    for one, other in zip(state.weights, reported):
        assert torch.equal(one, other)
    if not model.signal_in_weights:
        assert all(one is other for one, other in zip(state.weights, start.weights))


@every_variant
def test_a_batch_of_two_equals_two_singles(channels, options):
    model = build(channels, options)
    singles = [sample(0, channels), sample(20, channels, num_nodes=9)]
    both = rollout(model, Batch.from_data_list(singles), 4)
    alone = torch.cat([rollout(model, data, 4) for data in singles])
    assert torch.allclose(both, alone, atol=TOLERANCE)


@every_variant
def test_inputs_and_state_are_not_changed(channels, options):
    model, data = build(channels, options), sample(channels=channels)
    before = contents(data)
    state = model.start(data)
    known, previous = state.known.clone(), state.previous.clone()
    model.step(data.x[:, 0], state, data, 0, data.x_mask[:, 0])
    rollout(model, data, 4, truth=data.y, truth_probability=1.0)
    assert before.keys() == contents(data).keys()
    assert all(torch.equal(value, getattr(data, name)) for name, value in before.items())
    assert torch.equal(state.known, known) and torch.equal(state.previous, previous)


@every_variant
def test_gradcheck_of_a_step(channels, options):
    small = {"hidden_channels": 3, "num_kernels": 2, "num_hops": 1}
    model, data = randomise(PADGN(channels, **small, **options)), sample(channels=channels, num_nodes=5)
    state = model.start(data)._replace(known=data.x_mask[:, 0], previous=data.x[:, 0])

    def step(frame, context, laplacian):
        given = data.clone()
        given.node_context, given.reference_laplacian = context, laplacian
        fresh = model.start(given)._replace(known=state.known, previous=state.previous)
        return model.step(frame, fresh, given, 1, data.x_mask[:, 1])[0]

    tensors = (data.x[:, 1].clone(), data.node_context, data.reference_laplacian)
    assert torch.autograd.gradcheck(step, tuple(tensor.requires_grad_() for tensor in tensors))


@every_variant
def test_every_parameter_gets_a_gradient(channels, options):
    model, data = build(channels, options), sample(channels=channels)
    rollout(model, data, 4).square().mean().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


@every_variant
def test_state_dict_round_trip(channels, options):
    model, data = build(channels, options), sample(channels=channels)
    other = PADGN(channels, **SMALL, **options).double()
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    assert torch.equal(rollout(model, data, 3), rollout(other, data, 3))


def test_a_node_beyond_reach_has_no_influence_in_one_step():
    model, data = build(PLAIN, {"variant": "sum"}), sample(channels=PLAIN)
    moved = data.x[:, 0].clone()
    moved[-1] += 1  # the isolated node
    state, seen = model.start(data), data.x_mask[:, 0]
    one, other = (model.step(frame, state, data, 0, seen)[0] for frame in (data.x[:, 0], moved))
    assert torch.equal(one[:-1], other[:-1])
    assert torch.equal(other[-1], moved[-1])  # nothing to difference with: it stays


def test_graph_without_edges():
    data = sample(channels=PLAIN)
    for name in ("reference_gradient", "reference_laplacian", "edge_context"):
        data[name] = data[name][:0]
    data.edge_index = data.edge_index[:, :0]
    for variant in ("recurrent", "sum"):
        assert rollout(build(PLAIN, {"variant": variant}), data, 2).isfinite().all()


def test_forcing_is_read_at_this_frame_and_the_next():
    model, data = build(CHANNELS, {}), sample()
    data.forcing.requires_grad_()
    following, _ = model.step(data.x[:, 1], model.start(data), data, 1, data.x_mask[:, 1])
    (slope,) = torch.autograd.grad(following.sum(), data.forcing)
    assert (slope.abs().sum(dim=(0, 2)) > 0).tolist() == [False, True, True, False, False, False, False]


def test_the_mask_is_seen_only_with_use_mask():
    data = sample()
    for use_mask in (True, False):
        model = build(CHANNELS, {"use_mask": use_mask})
        start = model.start(data)
        one, other = (model.step(data.x[:, 0], start, data, 0, torch.full((7,), seen))[0] for seen in (True, False))
        assert torch.equal(one, other) is not use_mask


def test_the_core_sees_context_only_where_asked():
    data = sample()
    for context_in_core in (True, False):
        model = build(CHANNELS, {"context_in_core": context_in_core, "weights": "fixed"})
        other = data.clone()
        other.node_context = data.node_context + 1
        same = torch.equal(rollout(model, data, 2), rollout(model, other, 2))
        assert same is not context_in_core


def test_increments_scale_with_the_increment_scale_of_the_graph():
    model, data = build(CHANNELS, {"increment_in_core": False}), sample()
    model.core.operator.weight.data.mul_(1e-3)  # so that the stability bound does not act
    steps = []
    for factor in (1, 3):
        scaled = data.clone()
        scaled.increment_scale = factor * data.increment_scale
        steps.append(model.step(data.x[:, 0], model.start(scaled), scaled, 0, data.x_mask[:, 0])[0] - data.x[:, 0])
    assert torch.allclose(3 * steps[0], steps[1], atol=TOLERANCE)
    plain = data.clone()
    del plain.increment_scale
    step = model.step(data.x[:, 0], model.start(plain), plain, 0, data.x_mask[:, 0])[0] - data.x[:, 0]
    assert torch.allclose(step * data.increment_scale, steps[0], atol=TOLERANCE)


def test_the_last_increment_waits_for_a_reading():
    model, data = build(CHANNELS, {}), sample()
    frame, unread = data.x[:, 0], torch.zeros(7, dtype=torch.bool)
    _, state = model.step(frame, model.start(data), data, 0, unread)
    assert not state.known.any()
    _, state = model.step(frame, state, data, 1, ~unread)
    assert state.known.all() and torch.equal(state.previous, frame)


def test_fixed_operators_are_padgn_with_fixed_weights():
    data = sample()
    one = randomise(FixedOperators(CHANNELS, hidden_channels=5))
    other = PADGN(CHANNELS, weights="fixed", hidden_channels=5).double()
    other.load_state_dict(one.state_dict())
    assert torch.equal(rollout(one, data, 3), rollout(other, data, 3))
    weights = one.difference_weights(data)
    assert torch.equal(weights.laplacian, data.reference_laplacian.view(-1, 1, 1).expand(-1, 1, 2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "recurent"}, r"^variant: unknown 'recurent'; did you mean 'recurrent'\? valid: recurrent, sum$"),
        ({"weights": "fix"}, r"^weights: unknown 'fix'; did you mean 'fixed'\? valid: anchored, fixed, free$"),
        ({"num_hops": -1}, r"^num_hops: wanted an integer ≥ 0, given -1$"),
        ({"num_kernels": 0}, r"^num_kernels: wanted an integer ≥ 1, given 0$"),
        ({"hidden_channels": 0}, r"^hidden_channels: wanted an integer ≥ 1, given 0$"),
        ({"num_layers": 0}, r"^num_layers: wanted an integer ≥ 1, given 0$"),
        ({"variant": "sum"}, r"^forcing: the variant 'sum' has no input for it, wanted 0, given 2$"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        PADGN(CHANNELS, **options)


def test_the_sum_has_no_use_for_a_mask():
    with pytest.raises(ValueError, match=r"^use_mask: the variant 'sum' has no input for the mask"):
        PADGN(PLAIN, variant="sum", use_mask=True)


def test_samples_of_other_widths_are_refused():
    data = sample()
    for name, message in (
        ("node_context", r"^data.node_context: wanted \[7, 3\], given \[7, 0\]$"),
        ("edge_context", r"^data.edge_context: wanted \[20, 1\], given \[20, 0\]$"),
        ("reference_laplacian", r"^data.reference_laplacian: wanted a tensor \[20\], given None$"),
    ):
        lacking = data.clone()
        del lacking[name]
        with pytest.raises(ValueError, match=message):
            build(CHANNELS, {}).start(lacking)
    narrow, flat = data.forcing[..., :1], data.forcing[..., 0]
    for forcing, given in ((None, "None"), (narrow, r"\[7, 7, 1\]"), (flat, r"\[7, 7\]")):
        lacking = data.clone()
        lacking.forcing = forcing
        with pytest.raises(ValueError, match=rf"^data.forcing: wanted \[7, ≥ 2, 2\], given {given}$"):
            rollout(build(CHANNELS, {}), lacking, 2)
    data.increment_scale = normal(3, 2)
    with pytest.raises(ValueError, match=r"^data.increment_scale: wanted \[1, 2\], given \[3, 2\]$"):
        build(CHANNELS, {}).start(data)


def test_repr():
    text = repr(PADGN(Channels(1), num_kernels=2))
    assert text == (
        "PADGN(Channels(signal=1, node_context=0, edge_context=0, forcing=0), 'recurrent', 'anchored', "
        "SpatialDifferenceLayer(1, 0, 64, num_hops=2, num_kernels=2))"
    )
