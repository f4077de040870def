"""VAR: exact laws between all nodes, safe where rows are few, what is missing, another graph."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch

from pdgn.models import VAR, Channels
from pdgn.rollout import rollout
from tests.models.laws import CHANNELS, EDGES, NODES, fit, node_law, trajectory
from tests.nn.graphs import normal

WIDTHS = Channels(CHANNELS, forcing=1)
# float64 round-off of regressions with condition numbers below 1e3, of frames of order one, over a few steps
TOLERANCE = 1e-9


def far_law(now, before, forcing, following):
    """Every node is moved by all others, which no edge says."""
    first, second = (0.1 * normal(NODES, CHANNELS, NODES, CHANNELS, seed=30 + n) for n in range(2))
    mixed = torch.einsum("ncmd,md->nc", first, now) + torch.einsum("ncmd,md->nc", second, before)
    return mixed + 0.3 + 0.2 * forcing - 0.5 * following


def test_an_exact_law_between_all_nodes_is_recovered_and_rolled_out():
    model = fit(VAR(WIDTHS, frames=2), far_law)
    assert model.weight.shape == (1, 2 * NODES * CHANNELS + 2, NODES * CHANNELS)
    data = trajectory(far_law, EDGES, 999, 3, 8)
    given = rollout(model, data, 8)
    assert torch.allclose(given, data.y, rtol=0, atol=TOLERANCE) and data.y.abs().max() > 0.1
    both = rollout(model, Batch.from_data_list([trajectory(far_law, EDGES, 5, 3, 8), data]), 8)
    assert torch.allclose(both[NODES:], given, rtol=0, atol=TOLERANCE)


def test_few_rows_are_safe():
    """Twelve rows for 28 regressors: any weights that meet them are finite and meet them."""
    model = VAR(Channels(CHANNELS), frames=2).double()
    samples = [trajectory(node_law(EDGES), EDGES, seed, 2, 1, forced=False) for seed in range(12)]
    model.accumulate(Batch.from_data_list(samples))
    model.solve(min(model.penalties))
    # the penalty, 1e-10, leaves an error of its size
    assert all(torch.allclose(rollout(model, data, 1), data.y, rtol=0, atol=1e-7) for data in samples)
    assert model.weight.abs().max() < 10


def test_readings_that_are_missing_do_not_count_and_the_others_of_their_frame_do():
    model = VAR(WIDTHS, frames=2).double()
    for seed in range(90):
        data = trajectory(far_law, EDGES, seed, 2, 1)
        data.y_mask = torch.rand(NODES, 1, generator=torch.Generator().manual_seed(seed)) > 0.2
        data.y = torch.where(data.y_mask.unsqueeze(-1), data.y, -1e3)
        model.accumulate(data)
    model.solve(0.0)
    data = trajectory(far_law, EDGES, 999, 3, 4)
    assert torch.allclose(rollout(model, data, 4), data.y, rtol=0, atol=TOLERANCE)


def test_loads_and_refuses_another_graph():
    model = fit(VAR(WIDTHS, frames=2), far_law)
    fresh = VAR(WIDTHS, frames=2).double()
    fresh.load_state_dict(model.state_dict())
    data = trajectory(far_law, EDGES, 999, 3, 4)
    assert torch.equal(rollout(fresh, data, 4), rollout(model, data, 4))
    other = data.clone()
    other.edge_index = torch.cat([EDGES[:, 1:], torch.tensor([[6], [0]])], dim=1)
    with pytest.raises(
        ValueError, match=r"^var: wanted the graph that it was fitted on, with 7 nodes and 20 edges, as "
    ):
        rollout(fresh, other, 4)
    with pytest.raises(RuntimeError, match="weight: wanted"):
        VAR(WIDTHS, frames=3).double().load_state_dict(model.state_dict())
    assert repr(fresh).endswith("frames=2)")
