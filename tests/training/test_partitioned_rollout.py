"""Roll-outs on parts of a mesh: frames, loss and gradients of the whole; halos that are as deep as they must be."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

from pdgn.models import PADGN, FixedOperators, ForecastModel, Persistence, PublishedPADGN
from pdgn.rollout import rollout
from pdgn.training import partitioned_sweep
from pdgn.training.halo_reach import Reach, reach_of
from pdgn.training.loss import increment_loss
from pdgn.training.partition import Partition
from pdgn.training.partitioned_rollout import partitioned_rollout
from tests.nn.graphs import randomise
from tests.training.strips import CHANNELS, PLAIN, strip_sample

TOLERANCE = 1e-10  # float64 round-off of sums in another order is below 1e-13; a missing hop is above 1e-4
VARIANTS = [*product(("recurrent", "sum"), ("anchored", "free"), (False, True)), ("recurrent", "fixed", False),
            ("sum", "fixed", False)]  # fmt: skip


def build(variant: str = "recurrent", weights: str = "anchored", signal: bool = False, **options) -> PADGN:
    channels = CHANNELS if variant == "recurrent" else PLAIN
    sizes = {"hidden_channels": 6, "num_kernels": 2, "num_hops": 1, **options}
    model = PADGN(channels, variant, weights, signal_in_weights=signal, **sizes)
    return randomise(model, scale=0.3)


def sample_for(model: ForecastModel, length: int = 40, horizon: int = 4) -> Data:
    return strip_sample(length, channels=model.channels, horizon=horizon)


def gradients(
    model: ForecastModel, data: Data, parts: int | None, **options
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Frames, loss and the gradient of every parameter, on the whole mesh where parts is None."""
    model.zero_grad()
    settings = {
        "truth": data.y,
        "truth_mask": data.y_mask,
        "truth_probability": 0.4,
        "noise_std": 0.1,
        "generator": torch.Generator().manual_seed(7),
        **options,
    }
    if parts is None:
        frames = rollout(model, data, data.y.size(1), **settings)
    else:
        frames = partitioned_rollout(model, data, data.y.size(1), parts=parts, **settings)
    loss = increment_loss(frames, data)
    loss.backward()
    return frames.detach(), loss.detach(), {name: p.grad for name, p in model.named_parameters() if p.numel()}


def difference(given: dict[str, Tensor | None], wanted: dict[str, Tensor | None]) -> float:
    """Largest difference of a parameter's gradient, relative to its largest entry; the same ones are missing.

    A gradient that is zero but for round-off (that of a bias where means are taken off) is compared with the others'.
    """
    largest = max(grad.abs().max() for grad in wanted.values() if grad is not None)
    assert [name for name in given if given[name] is None] == [name for name in wanted if wanted[name] is None]
    return max(
        ((given[name] - wanted[name]).abs().max() / wanted[name].abs().max().clamp(min=1e-3 * largest)).item()
        for name in wanted
        if wanted[name] is not None
    )


def check(model: ForecastModel, data: Data, parts: int, tolerance: float = TOLERANCE, **options) -> None:
    scratch = {"scratch": options.pop("scratch", None)}
    frames, loss, wanted = gradients(model, data, None, **options)
    own_frames, own_loss, given = gradients(model, data, parts, **scratch, **options)
    assert torch.allclose(own_frames, frames, rtol=tolerance, atol=tolerance)
    assert abs(own_loss / loss - 1) < tolerance
    assert max(grad.abs().max() for grad in wanted.values() if grad is not None) > 0
    assert difference(given, wanted) < tolerance


@pytest.mark.parametrize("variant, weights, signal", VARIANTS)
@pytest.mark.parametrize("parts", [2, 7])
def test_loss_and_gradients_are_those_of_the_whole(variant, weights, signal, parts):
    model = build(variant, weights, signal)
    check(model, sample_for(model), parts)


def test_the_published_model_and_its_reach(monkeypatch):
    model = randomise(PublishedPADGN(PLAIN, hidden_channels=6, num_kernels=2), scale=0.3)
    check(model, sample_for(model), 3)
    monkeypatch.setattr(PublishedPADGN, "reach", property(lambda model: (0, 3)))  # a hop too few
    with pytest.raises(AssertionError):
        check(model, sample_for(model), 3)


@pytest.mark.parametrize("parts", [1, 3, 30])
def test_any_number_of_parts(parts):
    model = build(num_hops=2, use_mask=True)
    check(model, sample_for(model), parts)


@pytest.mark.parametrize(
    "options",
    [
        {"num_layers": 1},
        {"num_layers": 3},
        {"num_hops": 0},
        {"signal": True, "num_hops": 3},
        {"operator_step": False, "context_in_core": False, "increment_in_core": False},
        {"conservative": True},
        {"conservative": True, "variant": "sum", "signal": True},
    ],
    ids=str,
)
def test_options_of_the_model(options):
    model = build(**options)
    check(model, sample_for(model), 5)


@pytest.mark.parametrize(
    "settings", [{"noise_std": 0.0}, {"truth_probability": 0.0}, {"truth_probability": 1.0}], ids=str
)
def test_noise_and_forcing(settings):
    model = build()
    check(model, sample_for(model), 4, **settings)


def test_float32_to_the_stated_tolerance():
    model = build(signal=True).float()
    data = sample_for(model).apply(lambda values: values.float() if values.is_floating_point() else values)
    check(model, data, 5, tolerance=1e-5)


def test_a_batch_of_several_meshes():
    model = build(conservative=True)
    data = Batch.from_data_list([strip_sample(length, seed=length) for length in (12, 30, 21)])
    check(model, data, 4)


def test_edges_in_any_order():
    model = build()
    data = sample_for(model)
    order = torch.randperm(data.edge_index.size(1), generator=torch.Generator().manual_seed(1))
    data.edge_index = data.edge_index[:, order]
    for name in ("edge_context", "reference_gradient", "reference_laplacian"):
        data[name] = data[name][order]
    check(model, data, 4)


def test_states_in_a_file(tmp_path):
    model = build(signal=True)
    check(model, sample_for(model), 4, scratch=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_several_pieces_that_do_not_touch(monkeypatch):
    model = build()
    data = sample_for(model)
    owner = torch.arange(data.x.size(0)) // 5 % 3  # every third run of five nodes
    monkeypatch.setattr(Partition, "of", classmethod(lambda cls, edges, nodes, parts: cls(owner, edges)))
    check(model, data, 3)


def test_no_gradient_is_kept_where_none_is_wanted():
    model = build(limited=True).eval()
    data = sample_for(model)
    with torch.inference_mode():
        frames = partitioned_rollout(model, data, 4, parts=5)
        assert torch.allclose(frames, rollout(model, data, 4), atol=TOLERANCE)
    persistence = Persistence(CHANNELS)
    assert torch.equal(partitioned_rollout(persistence, data, 4, parts=5), rollout(persistence, data, 4))


def test_a_graph_that_was_first_seen_without_gradients_can_be_trained_on():
    data = strip_sample(length=37)
    with torch.inference_mode():
        partitioned_rollout(LocalSmoothing(), data, 2, parts=3)
    check(LocalSmoothing(), data, 3)


def test_frozen_parameters_get_no_gradient():
    model = build()
    for parameter in model.differences.parameters():
        parameter.requires_grad_(False)
    check(model, sample_for(model), 4)


@pytest.mark.parametrize("variant, weights, signal", VARIANTS)
def test_a_halo_of_one_hop_less_is_seen(variant, weights, signal, monkeypatch):
    """Both depths are as small as they may be, and the tests above would see a smaller one."""
    model = build(variant, weights, signal)
    data = sample_for(model)
    _, _, wanted = gradients(model, data, None)
    reach = reach_of(model)
    for less in (reach._replace(start=reach.start - 1), reach._replace(step=reach.step - 1)):
        if min(less) < 1:  # the edges of own nodes alone already need one hop
            continue
        monkeypatch.setattr(partitioned_sweep, "reach_of", lambda model, less=less: less)
        _, _, given = gradients(model, data, 4)
        assert difference(given, wanted) > 1e-6, less


@pytest.mark.parametrize("variant, signal, depth", [("sum", False, 1), ("recurrent", False, 3), ("recurrent", True, 4)])
def test_halos_do_not_grow_with_the_number_of_steps(variant, signal, depth, monkeypatch):
    sizes: list[int] = []
    step = PADGN.step

    def recorded(self, frame, *args):
        sizes.append(frame.size(0))
        return step(self, frame, *args)

    monkeypatch.setattr(PADGN, "step", recorded)
    model = build(variant, signal=signal)
    largest = []
    for horizon in (1, 12):
        sizes.clear()
        data = sample_for(model, horizon=horizon)
        partitioned_rollout(model, data, horizon, parts=6).sum().backward()
        largest.append(max(sizes))
        assert len(sizes) == 2 * 6 * (horizon + 1)  # forward and again backward, of each part
    # A sixth of the nodes, METIS' 3 % and one, and on the strip two nodes for each hop at either end, one node twice.
    assert largest[0] == largest[1] <= 1.03 * 99 / 6 + 1 + 2 * 2 * depth + 1


class Smoothing(ForecastModel):
    """A user's model: a node takes a learned share of the mean of its neighbours two hops away; it counts its steps."""

    trainable = True
    symmetries = frozenset()

    def __init__(self) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.tensor(0.3, dtype=torch.float64))
        self.channels = CHANNELS

    def start(self, data: Data) -> dict[str, object]:
        return {"steps": 0, "past": torch.zeros_like(data.x[:, 0]), "edge": self.share * data.edge_context}

    def step(self, frame, state, data, index, observed):
        assert state["steps"] == index
        j, i = data.edge_index
        for _ in range(2):
            mean = torch.zeros_like(frame).index_add(0, i, frame[j] * state["edge"])
            frame = frame + self.share * (mean - 0.1 * state["past"])
        return frame, {"steps": index + 1, "past": frame, "edge": state["edge"]}


class LocalSmoothing(Smoothing):
    """It says how far it sees."""

    reach = Reach(start=0, step=2)


def test_a_users_model_says_how_far_it_sees():
    check(LocalSmoothing(), strip_sample(), 5)


def test_a_users_model_that_does_not_say_is_refused():
    with pytest.raises(ValueError, match=r"^training\.parts: wanted a model with an attribute reach.*given Smoothing "):
        partitioned_rollout(Smoothing(), strip_sample(), 2, parts=2)


def test_a_step_of_ones_own_is_not_taken_for_that_of_padgn():
    class Further(PADGN):
        def step(self, frame, state, data, index, observed):
            return super().step(frame, state, data, index, observed)

    with pytest.raises(ValueError, match=r"given Further without; declare it, or set training\.parts to 1$"):
        reach_of(Further(CHANNELS))
    assert reach_of(FixedOperators(CHANNELS, num_layers=2)) == Reach(start=1, step=3)


def test_batch_normalisation_is_refused():
    class Normalised(LocalSmoothing):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(2)

    with pytest.raises(
        ValueError, match=r"given Normalised with batch normalisation over all nodes; set training\.parts"
    ):
        reach_of(Normalised())


def test_a_second_backward_pass_is_refused():
    model = build()
    frames = partitioned_rollout(model, sample_for(model), 2, parts=2)
    frames.sum().backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="wanted one backward pass, given a second"):
        frames.sum().backward()


def test_what_the_roll_out_refuses():
    model = build()
    data = sample_for(model)
    with pytest.raises(ValueError, match="steps: wanted an integer ≥ 1, given 0"):
        partitioned_rollout(model, data, 0, parts=2)
    with pytest.raises(ValueError, match=r"parts: wanted an integer from 1 to the number of nodes, 99, given 100"):
        partitioned_rollout(model, data, 2, parts=100)
