"""LocalLinear: exact linear laws are recovered and rolled out, per node and shared, in steps and directly."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch

from pdgn.models import Channels, LocalLinear
from pdgn.rollout import rollout
from tests.models.laws import CHANNELS, EDGES, NODES, fit, laplacian_weights, near, node_law, trajectory
from tests.nn.graphs import normal, path_graph, random_graph

WIDTHS = Channels(CHANNELS, forcing=1)
PLAIN = Channels(CHANNELS)
# float64 round-off of regressions with condition numbers below 1e3, of frames of order one, over a few steps
TOLERANCE = 1e-9


def shared_law(edges):
    """A polynomial of the Laplacian, the same at every node of any graph; the channels are mixed."""
    nodes = max(int(edges.max()) + 1, NODES)
    laplacian = torch.zeros(nodes, nodes, dtype=torch.float64)
    laplacian[edges[1], edges[0]] = -laplacian_weights(edges)
    laplacian -= torch.diag(laplacian.sum(dim=1))
    mix = 0.3 * normal(4, CHANNELS, CHANNELS, seed=9)

    def law(now, before, forcing, following):
        return (
            now + now @ mix[0] - laplacian @ now @ mix[1] + laplacian @ laplacian @ now @ mix[2]
            + (now - before) @ mix[3] + 0.2 - 0.4 * following
        )  # fmt: skip

    return law


def truth(model, law, edges=EDGES, steps=6, forced=True):
    """(forecast, truth) of a sample that was not fitted."""
    data = trajectory(law, edges, 999, 3, steps, forced)
    return rollout(model, data, steps), data.y


def test_per_node_an_exact_law_is_recovered_and_rolled_out():
    law = node_law(EDGES)
    model = fit(LocalLinear(WIDTHS, num_hops=1, frames=2), law)
    given, expected = truth(model, law)
    assert torch.allclose(given, expected, rtol=0, atol=TOLERANCE) and expected.abs().max() > 0.1
    data = trajectory(law, EDGES, 7, 2, 1)
    other = trajectory(law, EDGES, 7, 2, 1)
    other.x[3] += 1.0  # the weights are those of the law: only nodes that node 3 feeds are moved
    moved = (rollout(model, other, 1) - rollout(model, data, 1)).abs().amax(dim=(1, 2)) > 1e-6
    assert torch.equal(moved, near(EDGES)[:, 3] > 0)


def test_fewer_hops_than_the_law_has_do_not_suffice():
    law = node_law(EDGES)
    given, expected = truth(fit(LocalLinear(WIDTHS, num_hops=0, frames=2), law), law)
    assert (given - expected)[:-1].abs().max() > 0.05
    assert torch.allclose(given[-1], expected[-1], rtol=0, atol=TOLERANCE)  # the isolated node has no neighbours


@pytest.mark.parametrize("channels", [WIDTHS, PLAIN], ids=["forcing", "plain"])
def test_direct_and_rolled_forecasts_agree_for_a_linear_law(channels):
    """All frames at once see what three steps of one hop see; after them the model goes on from its own frames."""
    law, forced = node_law(EDGES), channels.forcing > 0
    rolled = fit(LocalLinear(channels, num_hops=1, frames=2), law, forced=forced)
    direct = fit(LocalLinear(channels, num_hops=3, frames=2, direct=True), law, horizon=3, forced=forced)
    assert direct.horizon == 3 and rolled.horizon == 1
    for steps in (2, 3, 8):
        one, expected = truth(rolled, law, steps=steps, forced=forced)
        other, _ = truth(direct, law, steps=steps, forced=forced)
        assert torch.allclose(one, expected, rtol=0, atol=TOLERANCE)
        assert torch.allclose(other, expected, rtol=0, atol=TOLERANCE)


def test_shared_weights_go_to_graphs_that_were_not_fitted():
    model = fit(LocalLinear(WIDTHS, num_hops=2, frames=2, per_node=False), shared_law(EDGES))
    assert model.weight.shape == (1, 3 * 2 * CHANNELS + 2, CHANNELS)
    for edges in (EDGES, path_graph(9), random_graph(4)):
        given, expected = truth(model, shared_law(edges), edges, steps=3)
        assert torch.allclose(given, expected, rtol=1e-9, atol=TOLERANCE) and expected.abs().max() > 0.1


def test_batches_and_single_samples_agree():
    law = node_law(EDGES)
    for model in (
        fit(LocalLinear(WIDTHS, num_hops=1, frames=2), law),
        fit(LocalLinear(WIDTHS, num_hops=1, frames=2, per_node=False), shared_law(EDGES)),
    ):
        samples = [trajectory(law, EDGES, seed, 3, 2) for seed in (50, 51, 52)]
        together = rollout(model, Batch.from_data_list(samples), 2)
        apart = torch.cat([rollout(model, data, 2) for data in samples])
        assert torch.allclose(together, apart, rtol=0, atol=TOLERANCE)


def test_targets_that_are_missing_do_not_count():
    law = node_law(EDGES)
    model = LocalLinear(PLAIN, num_hops=3, frames=2, direct=True).double()
    for seed in range(80):
        data = trajectory(law, EDGES, seed, 2, 3, forced=False)
        data.y_mask = torch.rand(NODES, 3, generator=torch.Generator().manual_seed(seed)) > 0.3
        data.y = torch.where(data.y_mask.unsqueeze(-1), data.y, 1e3)
        model.accumulate(data)
    model.solve(0.0)
    given, expected = truth(model, law, steps=3, forced=False)
    assert torch.allclose(given, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("direct", [False, True])
def test_where_a_reading_is_missing_the_one_before_stands_in(direct):
    law, models = node_law(EDGES), []
    for filled in (False, True):
        model = LocalLinear(PLAIN, num_hops=1, frames=2, direct=direct).double()
        for seed in range(60):
            data = trajectory(law, EDGES, seed, 2, 2, forced=False)
            if seed % 3 == 0:
                data.x[2, 1] = data.x[2, 0] if filled else 1e3
                data.x_mask[2, 1] = filled
            model.accumulate(data)
        model.solve(1e-3)
        models.append(model)
    assert torch.equal(models[0].weight, models[1].weight)
    data, full = (trajectory(law, EDGES, 99, 2, 2, forced=False) for _ in range(2))
    data.x_mask[2, 1] = False
    full.x[2, 1] = full.x[2, 0]
    assert torch.equal(rollout(models[0], data, 2), rollout(models[0], full, 2))


def test_fewer_observed_frames_than_the_window_use_what_there_is():
    law = node_law(EDGES)
    wide = fit(LocalLinear(PLAIN, num_hops=1, frames=4), law, forced=False)
    narrow = fit(LocalLinear(PLAIN, num_hops=1, frames=2), law, forced=False)
    assert wide.fit_window(2, 5) == (2, 1) and narrow.fit_window(12, 5) == (2, 1)
    given, expected = (rollout(model, trajectory(law, EDGES, 99, 2, 5, False), 5) for model in (wide, narrow))
    assert torch.allclose(given, expected, rtol=0, atol=TOLERANCE)


def test_relabelling_refuses_the_old_weights_and_a_new_fit_follows():
    node = torch.tensor([3, 1, 6, 0, 2, 5, 4])  # new node n was node[n]
    place = torch.argsort(node)
    edges = place[EDGES]
    law = node_law(EDGES)

    def relabelled(now, before, forcing, following):
        return law(now[place], before[place], forcing, following)[node]

    model = LocalLinear(WIDTHS, num_hops=1, frames=2)
    assert "relabelling" not in model.symmetries
    fit(model, law)
    with pytest.raises(
        ValueError, match=r"^local_linear, per_node: wanted the graph that it was fitted on, with 7 nod"
    ):
        rollout(model, trajectory(relabelled, edges, 3, 2, 2), 2)
    again = fit(LocalLinear(WIDTHS, num_hops=1, frames=2), relabelled, edges)
    given, expected = truth(again, relabelled, edges)
    assert torch.allclose(given, expected, rtol=0, atol=TOLERANCE)


def test_a_fitted_model_loads_into_a_fresh_one_and_no_other():
    law = node_law(EDGES)
    options = {"num_hops": 1, "frames": 2}
    model = fit(LocalLinear(WIDTHS, **options), law)
    fresh = LocalLinear(WIDTHS, **options).double()
    with pytest.raises(ValueError, match="^LocalLinear: wanted a fitted model, given one without weights; train it fi"):
        rollout(fresh, trajectory(law, EDGES, 3, 2, 2), 2)
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(truth(fresh, law)[0], truth(model, law)[0])
    assert sum(parameter.numel() for parameter in fresh.parameters()) == model.weight.numel() + model.bias.numel() > 0
    assert not any(parameter.requires_grad for parameter in fresh.parameters())
    for other in ({"frames": 3}, {"per_node": False}):
        with pytest.raises(RuntimeError, match="weight: wanted|nexpected key"):
            LocalLinear(WIDTHS, **{**options, **other}).double().load_state_dict(model.state_dict())
    direct = fit(LocalLinear(PLAIN, **options, direct=True), law, horizon=3, forced=False)
    with pytest.raises(RuntimeError, match="weight: wanted"):
        LocalLinear(PLAIN, **options).double().load_state_dict(direct.state_dict())


def test_the_shared_form_runs_where_nothing_can_be_read_back():
    """A tensor made on the CPU on the way would meet those of the meta device and raise."""
    model = fit(LocalLinear(WIDTHS, num_hops=2, frames=2, per_node=False), shared_law(EDGES)).to("meta")
    far = rollout(model, trajectory(node_law(EDGES), EDGES, 3, 2, 3).to("meta"), 3)
    assert far.device.type == "meta"


def test_options_and_what_was_not_given():
    with pytest.raises(ValueError, match=r"^num_hops: wanted an integer ≥ 0, given -1$"):
        LocalLinear(PLAIN, num_hops=-1)
    with pytest.raises(ValueError, match=r"^frames: wanted an integer ≥ 1, given 0$"):
        LocalLinear(PLAIN, frames=0)
    with pytest.raises(ValueError, match=r"^LocalLinear: wanted batches to fit, given none$"):
        LocalLinear(PLAIN).solve(1.0)
    data = trajectory(node_law(EDGES), EDGES, 3, 2, 2)
    data.forcing = data.forcing[:, :2]
    with pytest.raises(ValueError, match=r"^data\.forcing: wanted \[7, ≥ 3, 1\], given \[7, 2, 1\]$"):
        LocalLinear(WIDTHS).accumulate(data)
    assert repr(LocalLinear(PLAIN)).endswith("num_hops=3, frames=5, direct=False, per_node=True)")
