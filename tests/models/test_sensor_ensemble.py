"""SensorEnsemble: members roll out as they would alone and are mixed; missing readings, loading, other graphs."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch

from pdgn.models import Channels, SensorEnsemble
from pdgn.rollout import rollout
from tests.models.laws import CHANNELS, EDGES, NODES, near, node_law, trajectory
from tests.nn.graphs import normal

WIDTHS = Channels(CHANNELS, forcing=1)
NAMES = "rolled-1-2 direct-1-2 var-2"
# float64 round-off of a few steps of order one
TOLERANCE = 1e-9
WEIGHT = torch.tensor([[0.5, 0.3, 0.2], [0.25, 0.25, 0.5], [0.0, 1.0, 0.0]], dtype=torch.float64)


def fitted(weight: torch.Tensor = WEIGHT, members: str = NAMES) -> SensorEnsemble:
    """Each member is fitted to a law of its own, so that they differ."""
    model = SensorEnsemble(WIDTHS, members).double()
    for number, part in enumerate(model.parts().values()):
        law = node_law(EDGES, seed=20 * number + 5)
        part.accumulate(Batch.from_data_list([trajectory(law, EDGES, seed, 2, 3) for seed in range(60)]))
        part.solve(1e-9)
        part.forget()
    model.mix(weight)
    return model


def sample(missing: bool = False, observed: int = 3, steps: int = 6):
    data = trajectory(node_law(EDGES), EDGES, 999, observed, steps)
    if missing:
        for node, frame in ((0, 0), (2, observed - 1), (3, 1), (4, 0), (4, 1), (5, slice(None))):
            data.x_mask[node, frame] = False
    return data


@pytest.mark.parametrize("missing", [False, True])
def test_members_roll_out_as_they_would_alone_and_are_then_mixed(missing):
    """Also where readings are missing: each goes on from its own forecast. The last weights are kept."""
    model, data = fitted(), sample(missing)
    alone = torch.stack([rollout(part, data, 6) for part in model.parts().values()], dim=-1)
    weight = torch.cat([WEIGHT, WEIGHT[-1:].expand(3, -1)])
    assert torch.allclose(rollout(model, data, 6), (alone * weight[:, None]).sum(-1), rtol=0, atol=TOLERANCE)
    first, second, third = alone.unbind(-1)  # they do differ
    assert min((first - second).abs().max(), (second - third).abs().max()) > 0.1


def test_frames_that_are_forced_are_readings_for_every_member():
    model, data = fitted(), sample()
    options = {"truth": data.y, "truth_probability": 1.0}
    alone = torch.stack([rollout(part, data, 3, truth=data.y[:, :3], truth_probability=1.0)
                         for part in model.parts().values()], dim=-1)  # fmt: skip
    given = rollout(model, data, 6, **options)[:, :3]
    assert torch.allclose(given, (alone * WEIGHT[:, None]).sum(-1), rtol=0, atol=TOLERANCE)
    assert not torch.allclose(given, rollout(model, data, 3), atol=1e-3)


def test_members_without_weight_do_not_count_even_where_they_diverge():
    weight = torch.tensor([[0.4, 0.0, 0.6]], dtype=torch.float64)
    model, data = fitted(weight), sample()
    expected = rollout(model, data, 6)
    model.parts()["direct-1-2"].bias.fill_(float("inf"))
    assert torch.equal(rollout(model, data, 6), expected) and torch.isfinite(expected).all()


def test_a_law_that_one_member_has_is_forecast_by_its_weight_of_one():
    law = node_law(EDGES)
    model = SensorEnsemble(WIDTHS, "rolled-0-1 rolled-1-2").double()
    for part in model.parts().values():
        part.accumulate(Batch.from_data_list([trajectory(law, EDGES, seed, 2, 1) for seed in range(60)]))
        part.solve(0.0)
    model.mix(torch.tensor([[0.0, 1.0]], dtype=torch.float64))
    data = sample()
    assert torch.allclose(rollout(model, data, 6), data.y, rtol=0, atol=TOLERANCE)
    model.mix(torch.tensor([[0.5, 0.5]], dtype=torch.float64))
    assert (rollout(model, data, 6) - data.y).abs().max() > 0.05


def test_batches_and_single_samples_agree_and_a_step_changes_no_state():
    model = fitted()
    samples = [trajectory(node_law(EDGES), EDGES, seed, 3, 4) for seed in (50, 51)]
    together = rollout(model, Batch.from_data_list(samples), 4)
    assert torch.allclose(together, torch.cat([rollout(model, data, 4) for data in samples]), rtol=0, atol=TOLERANCE)
    data, nothing = samples[0], torch.zeros(NODES, dtype=torch.bool)
    state = model.start(data)
    _, state = model.step(data.x[:, 0], state, data, 0, ~nothing)
    one, other = (model.step(data.x[:, 1], state, data, 2, nothing)[0] for _ in range(2))
    assert torch.equal(one, other)


def test_a_fitted_model_loads_into_a_fresh_one_and_no_other():
    model, data = fitted(), sample()
    fresh = SensorEnsemble(WIDTHS, NAMES).double()
    with pytest.raises(ValueError, match=r"^SensorEnsemble: wanted a fitted model, given one without weights"):
        rollout(fresh, data, 2)
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(rollout(fresh, data, 6), rollout(model, data, 6)) and torch.equal(fresh.weight, WEIGHT)
    assert not any(parameter.requires_grad for parameter in fresh.parameters())
    with pytest.raises(RuntimeError, match=r"weight: wanted|nexpected key"):
        SensorEnsemble(WIDTHS, "rolled-1-2 direct-1-2").double().load_state_dict(model.state_dict())


def test_another_graph_is_refused_and_positions_do_not_enter():
    model, data = fitted(), sample()
    assert model.symmetries == {"translation", "rotation", "reflection"}
    data.pos = normal(NODES, 3)
    moved = data.clone()
    moved.pos = 5 - data.pos
    assert torch.equal(rollout(model, moved, 3), rollout(model, data, 3))
    moved.edge_index = torch.cat([EDGES[:, 1:], torch.tensor([[6], [0]])], dim=1)
    with pytest.raises(ValueError, match=r"wanted the graph that it was fitted on, with 7 nodes and 20 edges"):
        rollout(model, moved, 3)
    assert "relabelling" in SensorEnsemble(WIDTHS, "shared-rolled-1-2 shared-direct-2-1").symmetries


def test_members_are_what_their_names_say():
    model = SensorEnsemble(WIDTHS, "rolled-1-2 shared-direct-3-4 var-5")
    rolled, shared, var = model.parts().values()
    assert (rolled.num_hops, rolled.frames, rolled.direct, rolled.per_node) == (1, 2, False, True)
    assert (shared.num_hops, shared.frames, shared.direct, shared.per_node) == (3, 4, True, False)
    assert var.frames == 5 and repr(model).endswith("members='rolled-1-2 shared-direct-3-4 var-5')")
    assert near(EDGES).sum() > NODES  # the graph of these tests has neighbours to see
    for names, message in (
        ("", r"^members: wanted one or more different names, given ''$"),
        ("var-2 var-2", r"^members: wanted one or more different names"),
        ("var-0", r"^members: wanted rolled-HOPS-FRAMES, .* given 'var-0'$"),
        ("rolled-2", r"^members: wanted rolled-HOPS-FRAMES, .* given 'rolled-2'$"),
    ):
        with pytest.raises(ValueError, match=message):
            SensorEnsemble(WIDTHS, names)


@pytest.mark.parametrize("weight", [[[0.5, 0.6, 0.0]], [[-0.5, 1.0, 0.5]], [[float("nan"), 1.0, 0.0]]])
def test_weights_are_a_convex_combination(weight):
    with pytest.raises(ValueError, match=r"^weight: wanted numbers ≥ 0 with the sum 1 at each lead, given "):
        SensorEnsemble(WIDTHS, NAMES).mix(torch.tensor(weight))
    with pytest.raises(ValueError, match=r"^weight: wanted \[H, 3\], given \[1, 2\]$"):
        SensorEnsemble(WIDTHS, NAMES).mix(torch.tensor([[0.5, 0.5]]))
