"""The loop over time: teacher forcing, masks, noise, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.utils import _pytree as pytree
from torch_geometric.data import Batch

from pdgn.models import PADGN, ForecastModel, Persistence
from pdgn.rollout import rollout, rollout_frames
from tests.models.samples import CHANNELS, PLAIN, contents, sample
from tests.models.test_padgn import build, every_variant
from tests.nn.graphs import normal, randomise

TOLERANCE = 1e-10  # float64 round-off over a few steps of order one is below 1e-12


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def model() -> PADGN:
    return randomise(PADGN(CHANNELS, hidden_channels=5, num_kernels=2, num_hops=1, use_mask=True))


class Recorder(ForecastModel):
    """Adds 1 to each frame, and writes down what it was given."""

    trainable = False
    symmetries = frozenset()

    def start(self, data):
        self.frames, self.observed, self.indices = [], [], []
        return 0

    def step(self, frame, state, data, index, observed):
        assert state == index == len(self.indices)
        self.frames.append(frame)
        self.observed.append(observed)
        self.indices.append(index)
        return frame + 1, state + 1


def test_observed_frames_first_then_own_predictions():
    data, recorder = sample(observed=3), Recorder()
    data.x_mask = torch.ones_like(data.x_mask)
    out = rollout(recorder, data, 4)
    assert torch.allclose(out, data.x[:, -1:] + torch.arange(1.0, 5.0).view(1, 4, 1), atol=TOLERANCE)
    assert recorder.indices == list(range(6))
    assert torch.equal(torch.stack(recorder.frames[:3], 1), data.x)
    assert [seen.all().item() for seen in recorder.observed] == [True] * 3 + [False] * 3


def test_own_prediction_stands_in_for_a_missing_reading():
    data, recorder = sample(observed=3), Recorder()
    data.x_mask = torch.ones_like(data.x_mask)
    data.x_mask[0] = torch.tensor([False, True, False])
    rollout(recorder, data, 1)
    frames = torch.stack(recorder.frames, 1)[0]
    assert torch.equal(frames, torch.stack([torch.zeros_like(frames[0]), data.x[0, 1], data.x[0, 1] + 1]))
    assert torch.equal(torch.stack(recorder.observed, 1), data.x_mask)


def test_full_truth_equals_one_step_predictions():
    data, padgn = sample(), model()
    data.y_mask = torch.ones_like(data.y_mask)
    forced = rollout(padgn, data, 4, truth=data.y, truth_mask=data.y_mask, truth_probability=1.0)
    for step in range(4):
        longer = data.clone()
        longer.x = torch.cat([data.x, data.y[:, :step]], 1)
        longer.x_mask = torch.cat([data.x_mask, data.y_mask[:, :step]], 1)
        assert torch.allclose(rollout(padgn, longer, 1)[:, 0], forced[:, step], atol=TOLERANCE)


def test_truth_is_taken_only_where_it_is_a_reading():
    data, padgn = sample(), model()
    nowhere = torch.zeros_like(data.y_mask)
    unforced = rollout(padgn, data, 4)
    assert torch.equal(rollout(padgn, data, 4, truth=data.y, truth_mask=nowhere, truth_probability=1.0), unforced)
    assert torch.equal(rollout(padgn, data, 4, truth=data.y, truth_probability=0.0), unforced)


def test_unread_values_have_no_influence():
    data, padgn = sample(), model()
    other = data.clone()
    other.x = torch.where(data.x_mask.unsqueeze(2), data.x, float("nan"))
    other.y = torch.where(data.y_mask.unsqueeze(2), data.y, float("nan"))
    assert not data.x_mask.all() and not data.y_mask.all()
    one, two = (
        rollout(padgn, d, 4, truth=d.y, truth_mask=d.y_mask, truth_probability=0.7, noise_std=0.1, generator=seeded())
        for d in (data, other)
    )
    assert torch.equal(one, two)
    two.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in padgn.parameters())


def test_the_coin_is_thrown_per_graph():
    graphs, recorder = 200, Recorder()
    batch = Batch.from_data_list([sample(seed) for seed in range(graphs)])
    rollout(recorder, batch, 4, truth=batch.y, truth_probability=0.3, generator=seeded())
    forced = torch.stack(recorder.observed[3:], 1).view(graphs, 7, 3)
    assert torch.equal(forced, forced[:, :1].expand_as(forced))  # all nodes of a graph or none
    rate = forced[:, 0].double().mean(0)
    assert (rate - 0.3).abs().max() < 0.1  # three standard deviations of 200 coins
    assert torch.unique(forced[:, 0].int(), dim=0).size(0) == 8  # steps are drawn independently
    assert torch.equal(recorder.frames[3][forced[:, :, 0].flatten()], batch.y[:, 0][forced[:, :, 0].flatten()])


def test_noise_is_reproducible_and_of_the_size_asked_for():
    data, recorder = sample(num_nodes=400), Recorder()
    data.x_mask = torch.ones_like(data.x_mask)
    one, two, three = (rollout(recorder, data, 2, noise_std=0.5, generator=seeded(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, two) and not torch.equal(one, three)
    noise = torch.stack(recorder.frames[:3], 1) - data.x
    assert abs(noise.std() - 0.5) < 0.03 and abs(noise.mean()) < 0.03  # four standard errors of 2,400 draws
    assert torch.equal(rollout(model(), data, 2, noise_std=0.0, generator=seeded()), rollout(model(), data, 2))


def test_the_global_generator_is_left_alone():
    data, padgn = sample(), model()
    before = torch.get_rng_state()
    rollout(padgn, data, 3, truth=data.y[:, :3], truth_probability=0.5, noise_std=0.1, generator=seeded())
    assert torch.equal(before, torch.get_rng_state())


def test_a_longer_rollout_starts_with_the_shorter_one():
    data = sample()
    assert torch.equal(rollout(model(), data, 4)[:, :2], rollout(model(), data, 2))


def test_inputs_are_not_changed_and_the_mask_may_be_missing():
    data = sample()
    before = contents(data)
    rollout(model(), data, 4, truth=data.y, truth_probability=0.5, noise_std=0.3, generator=seeded())
    assert all(torch.equal(value, getattr(data, name)) for name, value in before.items())
    full = data.clone()
    full.x_mask = torch.ones_like(data.x_mask)
    del data.x_mask
    assert torch.equal(rollout(model(), data, 2), rollout(model(), full, 2))


def kept_bytes(model, data, steps, **options):
    """What a roll-out keeps for its backward pass, each piece of memory counted once."""
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        result = rollout(model, data, steps, **options)
    assert result.grad_fn is not None  # alive until the sum is taken, and with it what it keeps
    return sum(storage.nbytes() for storage in kept.values())


@every_variant
def test_recomputed_steps_give_the_same_gradients(channels, options):
    model, data = build(channels, options), sample(channels=channels)
    forced = {"truth": data.y, "truth_mask": data.y_mask, "truth_probability": 0.5, "noise_std": 0.1}
    results = []
    for recompute in (False, True):
        model.zero_grad()
        prediction = rollout(model, data, 4, **forced, generator=seeded(), recompute=recompute)
        (prediction - data.y).square().mean().backward()
        results.append([prediction, *(parameter.grad for parameter in model.parameters())])
    for plain, recomputed in zip(*results):
        assert torch.equal(plain, recomputed)


@pytest.mark.parametrize(
    ("channels", "options", "fewer"),
    [
        (CHANNELS, {"num_layers": 2}, 4.0),
        (PLAIN, {"variant": "sum", "weights": "free", "signal_in_weights": True, "num_kernels": 1}, 6.0),
    ],
    ids=["recurrent", "sum"],
)
def test_recomputed_steps_keep_their_states_alone(channels, options, fewer):
    padgn = randomise(PADGN(channels, hidden_channels=16, **options))
    data = Batch.from_data_list([sample(seed, channels, horizon=12) for seed in range(20)])
    start = padgn.start(data)
    prediction, state = padgn.step(data.x[:, 0], start, data, 0, data.x_mask[:, 0])
    fixed = {tensor.data_ptr() for tensor in pytree.tree_leaves(start) if tensor is not None}
    changing = [leaf for leaf in pytree.tree_leaves(state) if leaf is not None and leaf.data_ptr() not in fixed]
    size = {leaf.untyped_storage().data_ptr(): leaf.untyped_storage().nbytes() for leaf in [prediction, *changing]}
    growth = {}
    for recompute in (False, True):
        few, many = (kept_bytes(padgn, data, steps, recompute=recompute) for steps in (4, 12))
        growth[recompute] = (many - few) / 8
    assert 0 < growth[True] <= sum(size.values())
    assert growth[False] > fewer * growth[True]


class Decay(ForecastModel):
    """f ← a f, with a layer in place of a number so that autocast has weights to cast."""

    trainable = True
    symmetries = frozenset()

    def __init__(self):
        super().__init__()
        self.factor = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.constant_(self.factor.weight, 0.5)

    def start(self, data):
        return None

    def step(self, frame, state, data, index, observed):
        return self.factor(frame.unsqueeze(-1)).squeeze(-1), None


@pytest.mark.parametrize("pushed", [0, 1, 3])
def test_no_gradient_flows_through_frames_that_are_pushed_forward(pushed):
    data, decay = sample(), Decay().double()
    data.x_mask = torch.ones_like(data.x_mask)
    out = rollout(decay, data, 4, push_forward=pushed)
    assert torch.equal(out, rollout(decay, data, 4))
    out.sum().backward()
    # frame t+1 = a^(t+1) f, of which all factors that come after the pushed frames are seen
    expected = data.x[:, -1].sum() * sum((step - pushed + 1) * 0.5**step for step in range(pushed, 4))
    assert torch.allclose(decay.factor.weight.grad.squeeze(), expected, atol=TOLERANCE)


def test_frames_that_are_pushed_forward_keep_nothing():
    data = sample(horizon=12)
    alone, after = (kept_bytes(model(), data, steps, push_forward=steps - 1) for steps in (2, 12))
    assert alone == after < kept_bytes(model(), data, 12) / 4


def test_weights_that_autocast_cast_without_a_graph_are_not_found_again(monkeypatch):
    """Older PyTorch finds them again, so the cache is cleared once where gradients begin."""
    data, decay, cleared = sample(), Decay(), []
    data.x = data.x.float()
    monkeypatch.setattr(torch, "clear_autocast_cache", lambda: cleared.append(torch.is_grad_enabled()))
    with torch.autocast("cpu", torch.bfloat16):
        rollout(decay, data, 4)
        assert cleared == []
        rollout(decay, data, 4, push_forward=2)[:, 2:].sum().backward()
        assert cleared == [True]  # autocast does so itself where it ends
    assert decay.factor.weight.grad.abs() > 0


def pushed_by_hand(model, data, pushed):
    """The frame after those that are pushed forward, every tensor that a step changes taken off the graph."""
    state, prediction = model.start(data), torch.zeros_like(data.x[:, 0])
    fixed = {id(leaf) for leaf in pytree.tree_leaves(state)}
    observed = data.x.size(1)
    for index in range(observed + pushed):
        seen = data.x_mask[:, index] if index < observed else torch.zeros_like(data.x_mask[:, 0])
        frame = torch.where(seen.unsqueeze(1), data.x[:, min(index, observed - 1)], prediction)
        prediction, state = model.step(frame, state, data, index, seen)
        if index < observed + pushed - 1:
            prediction = prediction.detach()
            state = pytree.tree_map(
                lambda leaf: leaf if id(leaf) in fixed or not isinstance(leaf, torch.Tensor) else leaf.detach(), state
            )
    return prediction


@every_variant
@pytest.mark.parametrize("recompute", [False, True])
def test_gradients_after_a_push_forward_are_those_of_steps_taken_off_the_graph(channels, options, recompute):
    model, data = build(channels, options), sample(channels=channels)
    results = []
    for by_hand in (True, False):
        model.zero_grad()
        frame = pushed_by_hand(model, data, 2) if by_hand else rollout(
            model, data, 3, push_forward=2, recompute=recompute
        )[:, -1]  # fmt: skip
        frame.square().sum().backward()
        results.append([frame, *(parameter.grad for parameter in model.parameters())])
    assert sum(bool(grad.abs().max() > 0) for grad in results[0][1:]) > len(results[0]) / 2
    for one, other in zip(*results):
        assert torch.allclose(one, other, atol=TOLERANCE)


def test_frames_come_one_by_one_and_mistakes_at_once():
    data, padgn = sample(), model()
    frames = rollout_frames(padgn, data, 4)
    assert torch.equal(torch.stack([frame.detach() for frame in frames], 1), rollout(padgn, data, 4))
    recorder = Recorder()
    next(rollout_frames(recorder, data, 4))
    assert recorder.indices == [0, 1, 2]
    with pytest.raises(ValueError, match="^steps: wanted an integer ≥ 1, given 0$"):
        rollout_frames(padgn, data, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, r"^steps: wanted an integer ≥ 1, given 0$"),
        ({"truth_probability": 1.5}, r"^truth_probability: wanted a number in \[0, 1\], given 1.5$"),
        ({"truth_probability": 0.5}, r"^truth: wanted \[7, 4, 2\] for truth_probability > 0, given None$"),
        ({"truth": normal(7, 3, 2)}, r"^truth: wanted \[7, 4, 2\], given \[7, 3, 2\]$"),
        ({"truth_mask": torch.ones(7, 3).bool()}, r"^truth_mask: wanted torch.bool \[7, 4\], given .* \[7, 3\]$"),
        ({"push_forward": 4}, r"^push_forward: wanted an integer ≥ 0 and below the 4 steps, given 4$"),
        ({"push_forward": -1}, r"^push_forward: wanted an integer ≥ 0 and below the 4 steps, given -1$"),
        ({"noise_std": -1.0}, r"^noise_std: wanted a number ≥ 0, given -1.0$"),
        ({"noise_std": 0.1}, r"^generator: wanted a torch.Generator for noise or teacher forcing, given None$"),
        ({"truth": normal(7, 4, 2), "truth_probability": 0.5}, r"^generator: wanted a torch.Generator"),
        ({"steps": 5}, r"^data.forcing: wanted at least 8 frames for the roll-out, given 7$"),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        rollout(Persistence(CHANNELS), sample(), **{"steps": 4, **options})


def test_no_observed_frame():
    with pytest.raises(ValueError, match=r"^data.x: wanted at least one observed frame"):
        rollout(Persistence(CHANNELS), sample(observed=0), 2)


@pytest.mark.parametrize(
    ("mask", "given"),
    [
        (torch.ones(7, 3, 2, dtype=torch.bool), r"torch.bool \[7, 3, 2\]"),  # would broadcast to [N, T, N, C]
        (torch.ones(1, 3, dtype=torch.bool), r"torch.bool \[1, 3\]"),
        (torch.ones(7, 3), r"torch.float32 \[7, 3\]"),
    ],
)
def test_a_mask_of_another_shape_or_type(mask, given):
    data = sample()
    data.x_mask = mask
    with pytest.raises(ValueError, match=rf"^data.x_mask: wanted torch.bool \[7, 3\], given {given}$"):
        rollout(Persistence(CHANNELS), data, 2)


def test_frames_without_a_time_axis():
    data = sample()
    data.x = data.x[:, 0]
    with pytest.raises(ValueError, match=r"^data.x: wanted \[N, T0, C\], given \[7, 2\]$"):
        rollout(Persistence(CHANNELS), data, 2)
