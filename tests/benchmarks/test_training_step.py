"""All sides of the training step compute the same, and its operations are counted rightly."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode, mm_flop

from benchmarks.arithmetic import difference_bytes, step_bytes, step_operations
from benchmarks.graphs import BatchSize, mesh_like, training_batch
from benchmarks.plain import PlainPublished, plain_difference
from benchmarks.training_step import VARIANTS, our_model, training_step
from pdgn.nn import DifferenceWeights, spatial_difference
from pdgn.nn.kernels import compiled
from pdgn.rollout import rollout
from tests.nn.graphs import normal

SMALL = BatchSize(graphs=2, nodes=40, steps=3)
PUBLISHED_EDGES = 1224  # mean number of directed edges of a graph


def added_in_place(shape, left, right, *, out_shape=None, **_):
    return mm_flop(left, right)


def loss_and_gradients(model, data):
    out = rollout(model, data, data.y.size(1), truth=data.y, truth_probability=1.0)
    loss = (out - data.y).square().mean()
    parameters = [parameter for parameter in model.parameters() if parameter.numel() > 0]
    return torch.cat([loss.detach().view(1), *(g.flatten() for g in torch.autograd.grad(loss, parameters))])


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_plain_equations_give_the_same_loss_and_gradients(variant):
    model, data = our_model(variant), training_batch(SMALL)
    ours, plain = loss_and_gradients(model, data), loss_and_gradients(PlainPublished(copy.deepcopy(model)), data)
    assert abs(ours[0] - plain[0]) < 1e-5 * abs(ours[0])
    assert (ours - plain)[1:].norm() < 1e-5 * ours[1:].norm()
    assert ours[1:].norm() > 1e-3  # something was derived


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_sides_of_the_benchmark_take_the_same_steps(variant):
    sides = [training_step(variant, side, SMALL) for side in ("ours", "plain", "recompute", "bfloat16")]
    losses = [torch.stack([side() for _ in range(3)]) for side in sides]
    # Adam divides each gradient by its size, so round-off of the least ones grows: 1e-4 after two updates.
    for other, tolerance in zip(losses[1:], (1e-4, 1e-4, 3e-2)):
        assert torch.allclose(losses[0], other, rtol=tolerance, atol=0)
    assert len(losses[0].unique()) == 3  # Adam changes them


def test_the_batch_is_that_of_the_publication():
    data = training_batch()
    assert data.x.shape == (4000, 1, 1) and data.y.shape == (4000, 18, 1) and data.num_graphs == 16
    assert abs(data.edge_index.size(1) / 16 - PUBLISHED_EDGES) < 0.02 * PUBLISHED_EDGES
    source, target = data.edge_index
    assert bool((target.diff() >= 0).all()) and bool((source // 250 == target // 250).all())
    assert {*map(tuple, data.edge_index.t().tolist())} == {*map(tuple, data.edge_index.flip(0).t().tolist())}


def test_a_mesh_like_graph_has_neighbours_that_are_near_in_memory():
    source, target = mesh_like(10_000)
    assert torch.equal(target, torch.arange(10_000).repeat_interleave(6)) and bool((source != target).all())
    assert (source - target).abs().float().median() < 300  # three strips of 100


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_operations_are_those_that_are_counted_as_they_run(variant, monkeypatch):
    """Ours does what the mathematics needs and, to keep less, up to a quarter of it again; plain has more per edge."""
    monkeypatch.setattr(compiled, "library", lambda: None)  # products in compiled kernels are not seen
    data, model = training_batch(SMALL), our_model(variant)
    needed = step_operations(model, data.x.size(0), data.edge_index.size(1), SMALL.steps)
    done = []
    for side in (model, PlainPublished(model)):
        # By itself it does not see products that are added in place.
        with FlopCounterMode(display=False, custom_mapping={torch.ops.aten.addmm_: added_in_place}) as counter:
            loss_and_gradients(side, data)
        done.append(counter.get_total_flops() / needed)
    assert 0.98 < done[0] < 1.25 and done[0] < done[1]


def test_bytes_of_a_step_by_hand():
    """One map of 64 to 64 reads and writes 512 bytes a row; ten floats a row more or less tell a wrong width."""
    model = our_model("sum")
    inputs, width, outputs = 3, 64, 3
    node = 2 * (inputs + width) + (inputs + 3 * width) + 3 * 2 * width
    edge = 2 * 2 * width + width + outputs
    assert step_bytes(model, 10, 50, 4) == 3 * 4 * 4 * 2 * (10 * node + 50 * edge)


def test_plain_differences_are_ours():
    edges = mesh_like(50)
    x, weights = normal(50, 3), DifferenceWeights(*(normal(300, 2, 3, seed=seed) for seed in range(4)))
    for ours, plain in zip(spatial_difference(x, edges, weights), plain_difference(x, edges, weights)):
        assert torch.allclose(ours, plain, rtol=0, atol=1e-12)


def test_bytes_of_differences_by_the_tensors_themselves():
    edges = mesh_like(50)
    x, weights = torch.randn(50, 3), [torch.randn(300, 1, 3) for _ in range(4)]
    results = spatial_difference(x, edges, DifferenceWeights(*weights))
    forward = [x, *weights, edges, *results]
    backward = [*forward, *weights, x]
    size = [sum(tensor.numel() * tensor.element_size() for tensor in tensors) for tensors in (forward, backward)]
    assert difference_bytes(50, 300, 3, backward=False) == size[0]
    assert difference_bytes(50, 300, 3, backward=True) == size[0] + size[1]
