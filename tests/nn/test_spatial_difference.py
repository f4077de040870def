"""SpatialDifferenceLayer: closed forms, loops, anchoring, invariances, gradients."""

from __future__ import annotations

import copy

import pytest
import torch

from pdgn.nn import DifferenceWeights, FixedDifferenceLayer, SpatialDifferenceLayer, spatial_difference
from tests.nn import loops
from tests.nn.graphs import normal, path_graph, random_graph, randomise

TOLERANCE = 1e-10  # float64 round-off of sums of some tens of terms of order one is below 1e-13


def inputs(edges, num_nodes=7, channels=2, context=3, edge_context=1):
    count = edges.size(1)
    reference = (normal(count, seed=5).abs(), normal(count, seed=6))
    x, node = normal(num_nodes, channels), normal(num_nodes, context, seed=3)
    return x, node, reference, normal(count, edge_context, seed=4)


def layer_for_inputs(**options):
    settings = {"hidden_channels": 6, "num_hops": 2, "num_kernels": 3, "edge_context_channels": 1, **options}
    return SpatialDifferenceLayer(2, 3, **settings)


def test_weights_of_one_give_the_plain_differences():
    edges = path_graph(4)
    x = torch.tensor([[1.0], [4.0], [9.0], [16.0]], dtype=torch.float64)
    ones = torch.ones(6, 1, 1, dtype=torch.float64)
    gradient, laplacian = spatial_difference(x, edges, DifferenceWeights(ones, ones, ones, ones))
    assert gradient.flatten().tolist() == [-3, -5, -7, 3, 5, 7]  # f_j − f_i on 0→1, 1→2, 2→3 and back
    assert laplacian.flatten().tolist() == [-3, -2, -2, 7]  # Σ_j (f_i − f_j): −2 inside, the sign of −Δ on a parabola


def test_the_laplacian_has_the_sign_of_the_stiffness_matrix():
    edges = random_graph()
    x, _, _, _ = inputs(edges, channels=1)
    ones = torch.ones(edges.size(1), 1, 1, dtype=torch.float64)
    _, laplacian = spatial_difference(x, edges, DifferenceWeights(ones, ones, ones, ones))
    assert (x * laplacian[:, 0]).sum() > 0
    assert abs(laplacian.sum()) < TOLERANCE


@pytest.mark.parametrize("anchored", [True, False])
@pytest.mark.parametrize("signal_in_weights", [True, False])
def test_agrees_with_loops(anchored, signal_in_weights):
    edges = random_graph()
    pairs = edges.t().tolist()
    x, context, reference, edge_context = inputs(edges)
    layer = randomise(layer_for_inputs(signal_in_weights=signal_in_weights))
    node = torch.cat([x, context], dim=1) if signal_in_weights else context
    count, kernels, channels = edges.size(1), 3, 2
    network = layer.anchored if anchored else layer.free
    out = loops.weight_network(network, node, pairs, edge_context).view(count, -1, kernels, channels)
    if anchored:
        ones = torch.ones(count, kernels, channels, dtype=torch.float64)
        first, second = (
            weight.view(-1, 1, 1) + loops.mean_size(weight, pairs).view(-1, 1, 1) * out[:, n]
            for n, weight in enumerate(reference)
        )
        expected = DifferenceWeights(first, ones, second, ones)
    else:
        expected = DifferenceWeights(*out.unbind(1))
    given = reference if anchored else None
    weights = layer.weights(x, edges, context, given, edge_context)
    for one, other in zip(weights, expected):
        assert one.shape == other.shape and torch.allclose(one, other, atol=TOLERANCE)
    for one, other in zip(layer(x, edges, context, given, edge_context), loops.spatial_difference(x, pairs, expected)):
        assert one.shape == other.shape and torch.allclose(one, other, atol=TOLERANCE)


@pytest.mark.parametrize("num_hops", [0, 1, 2, 3])
@pytest.mark.parametrize("num_kernels", [1, 4])
def test_a_fresh_anchored_layer_is_the_fixed_operator(num_hops, num_kernels):
    edges = random_graph()
    x, context, reference, edge_context = (
        tuple(part.float() for part in value) if isinstance(value, tuple) else value.float() for value in inputs(edges)
    )
    layer = layer_for_inputs(num_hops=num_hops, num_kernels=num_kernels)
    gradient, laplacian = layer(x, edges, context, reference, edge_context)
    difference = x[edges[0]] - x[edges[1]]
    fixed = torch.zeros_like(x).index_add(0, edges[1], -reference[1].unsqueeze(1) * difference)
    for kernel in range(num_kernels):
        assert torch.allclose(gradient[:, kernel], reference[0].unsqueeze(1) * difference, rtol=0, atol=1e-6)
        assert torch.allclose(laplacian[:, kernel], fixed, rtol=0, atol=1e-6)


def test_anchored_weights_leave_a_reference_of_zero():
    edges = random_graph()
    x, context, reference, edge_context = inputs(edges)
    reference = (reference[0], reference[1].clone().index_fill(0, torch.tensor([0]), 0.0))
    layer = randomise(layer_for_inputs())
    assert layer.weights(x, edges, context, reference, edge_context).laplacian[0].abs().min() > 1e-6


def test_anchored_differences_of_a_constant_are_zero():
    edges = random_graph()
    x, context, reference, edge_context = inputs(edges)
    for part in randomise(layer_for_inputs())(torch.full_like(x, 3.7), edges, context, reference, edge_context):
        assert part.abs().max() < TOLERANCE


def test_kernels_part_when_what_consumes_them_differs():
    edges = random_graph()
    x, context, reference, edge_context = inputs(edges)
    layer = layer_for_inputs().double()
    _, laplacian = layer(x, edges, context, reference, edge_context)
    (laplacian.sum(2) @ torch.tensor([0.5, -0.2, 0.9], dtype=torch.float64)).square().sum().backward()
    rows = layer.anchored.head.out.weight.grad.view(2, 3, 2, 6)[1, :, 0]
    assert torch.cdist(rows, rows)[torch.triu_indices(3, 3, 1).unbind()].min() > 1e-3 * rows.abs().max()


@pytest.mark.parametrize("anchored", [True, False])
def test_relabelling_nodes_and_edges(anchored):
    edges = random_graph()
    x, context, reference, edge_context = inputs(edges)
    layer = randomise(layer_for_inputs())
    node = torch.randperm(7, generator=torch.Generator().manual_seed(3))
    order = torch.randperm(edges.size(1), generator=torch.Generator().manual_seed(4))
    rank = torch.argsort(node)
    given = reference if anchored else None
    moved = tuple(weight[order] for weight in reference) if anchored else None
    gradient, laplacian = layer(x, edges, context, given, edge_context)
    other = layer(x[node], rank[edges][:, order], context[node], moved, edge_context[order])
    assert torch.allclose(other[0], gradient[order], atol=TOLERANCE)
    assert torch.allclose(other[1], laplacian[node], atol=TOLERANCE)


def test_scaling_lengths_scales_by_the_reference():
    edges = random_graph()
    x, context, (first, second), edge_context = inputs(edges)
    layer = randomise(layer_for_inputs())
    gradient, laplacian = layer(x, edges, context, (first, second), edge_context)
    scaled = layer(x, edges, context, (first / 3, second / 9), edge_context)
    assert torch.allclose(scaled[0], gradient / 3, atol=TOLERANCE)
    assert torch.allclose(scaled[1], laplacian / 9, atol=TOLERANCE)


def test_linear_in_the_signal_where_weights_do_not_see_it():
    edges = random_graph()
    x, context, _, edge_context = inputs(edges)
    layer = randomise(layer_for_inputs(signal_in_weights=False))
    y = normal(7, 2, seed=9)
    parts = [layer(value, edges, context, None, edge_context) for value in (x, y, 2 * x - 3 * y)]
    for one, other, both in zip(*parts):
        assert torch.allclose(both, 2 * one - 3 * other, atol=TOLERANCE)
    seeing = randomise(layer_for_inputs(signal_in_weights=True))
    once, twice = (seeing(value, edges, context, None, edge_context)[1] for value in (x, 2 * x))
    assert not torch.allclose(twice, 2 * once, atol=1e-3)


@pytest.mark.parametrize("anchored", [True, False])
def test_gradcheck(anchored):
    edges = random_graph(num_nodes=4, num_pairs=3)
    x, context, reference, edge_context = inputs(edges, num_nodes=4)
    layer = randomise(layer_for_inputs(hidden_channels=3, num_hops=1, num_kernels=2))
    tensors = tuple(value.requires_grad_() for value in (x, context, edge_context, *reference))
    given = (lambda a, b: (a, b)) if anchored else (lambda a, b: None)
    assert torch.autograd.gradcheck(lambda x, c, e, a, b: layer(x, edges, c, given(a, b), e), tensors)


def test_isolated_node_and_graph_without_edges():
    edges = random_graph(isolated=True)
    x, context, reference, edge_context = inputs(edges)
    layer = randomise(layer_for_inputs())
    _, laplacian = layer(x, edges, context, reference, edge_context)
    assert torch.equal(laplacian[-1], torch.zeros(3, 2, dtype=torch.float64))
    empty = torch.empty(0, dtype=torch.float64)
    for given in (None, (empty, empty)):
        gradient, laplacian = layer(x, edges[:, :0], context, given, edge_context[:0])
        assert gradient.shape == (0, 3, 2)
        assert torch.equal(laplacian, torch.zeros(7, 3, 2, dtype=torch.float64))


def test_no_context_at_all():
    edges = random_graph()
    x, _, reference, _ = inputs(edges)
    layer = randomise(SpatialDifferenceLayer(2, 0, hidden_channels=4, num_kernels=1, signal_in_weights=False))
    weights = layer.weights(x, edges, None, None)
    assert weights.gradient.std(dim=0).max() < TOLERANCE  # nothing to see: one weight for all edges
    assert layer(x, edges, None, reference)[1].shape == (7, 1, 2)


def test_inputs_are_not_changed_and_types_are_kept():
    edges = random_graph()
    for dtype in (torch.float32, torch.float64):
        x, context, reference, edge_context = inputs(edges)
        tensors = [value.to(dtype) for value in (x, context, edge_context, *reference)]
        before = [value.clone() for value in tensors]
        x, context, edge_context, *reference = tensors
        out = randomise(layer_for_inputs()).to(dtype)(x, edges, context, tuple(reference), edge_context)
        assert [part.dtype for part in out] == [dtype, dtype]
        assert all(torch.equal(*pair) for pair in zip(before, tensors))
    meta = layer_for_inputs().to("meta")(
        *(
            tuple(part.float().to("meta") for part in value) if isinstance(value, tuple) else value.to("meta")
            for value in (x.float(), edges, context.float(), tuple(reference), edge_context.float())
        )
    )
    assert [part.device.type for part in meta] == ["meta", "meta"]


def test_state_dict_round_trip():
    edges = random_graph()
    x, context, reference, edge_context = inputs(edges)
    layer, other = randomise(layer_for_inputs()), layer_for_inputs().double()
    other.load_state_dict(copy.deepcopy(layer.state_dict()))
    for one, two in zip(*(which(x, edges, context, reference, edge_context) for which in (layer, other))):
        assert torch.equal(one, two)


def test_a_fresh_draw_replaces_every_parameter():
    torch.manual_seed(0)
    layer = randomise(layer_for_inputs(), scale=100.0)
    layer.reset_parameters()
    assert max(parameter.abs().max() for parameter in layer.parameters()) <= 1
    assert layer.anchored.head.out.weight.abs().max() == 0


def test_errors_name_what_was_wanted_and_given():
    edges = random_graph()
    x, context, reference, edge_context = inputs(edges)
    with pytest.raises(ValueError, match=r"^context: wanted \[7, 3\], given None$"):
        layer_for_inputs().double()(x, edges, None, None, edge_context)
    with pytest.raises(ValueError, match=r"^edge_context: wanted \[20, 1\], given None$"):
        layer_for_inputs().double()(x, edges, context)
    with pytest.raises(ValueError, match=r"^x: wanted \[7, 2\], given \[7, 3\]$"):
        layer_for_inputs().double()(context, edges, context, None, edge_context)
    with pytest.raises(ValueError, match=r"^reference: wanted a reference, as the layer was built, given None$"):
        layer_for_inputs(anchored=True).double()(x, edges, context, None, edge_context)
    with pytest.raises(ValueError, match=r"^reference: wanted None, as the layer was built, given a reference$"):
        layer_for_inputs(anchored=False).double()(x, edges, context, reference, edge_context)
    with pytest.raises(ValueError, match=r"^num_kernels: wanted an integer ≥ 1, given 0$"):
        layer_for_inputs(num_kernels=0)


@pytest.mark.parametrize("build", [lambda: SpatialDifferenceLayer(2, 3, 6), lambda: FixedDifferenceLayer(2)])
def test_inputs_that_would_broadcast_are_refused(build):
    edges = random_graph()
    x, context, (first, second), _ = inputs(edges)
    layer = build().double()
    with pytest.raises(ValueError, match=r"^edge_index: wanted torch.int64 \[2, E\], given torch.int64 \[20, 2\]$"):
        layer(x, edges.t(), context, (first[:2], second[:2]))
    with pytest.raises(ValueError, match=r"^reference: wanted \(gradient \[20\], laplacian \[20\]\), given \[\[1\], "):
        layer(x, edges, context, (first[:1], second))
    with pytest.raises(ValueError, match=r"^x: wanted \[7, 2\], given \[7, 1\]$"):
        layer(x[:, :1], edges, context, (first, second))
    with pytest.raises(ValueError, match=r"^context: wanted \[7, 3\], given \[6, 3\]$"):
        SpatialDifferenceLayer(2, 3, 6).double()(x, edges, context[:-1])


@pytest.mark.parametrize("build", [lambda: SpatialDifferenceLayer(2, 3, 6), lambda: FixedDifferenceLayer(2)])
def test_a_float64_reference_does_not_widen_a_float32_signal(build):
    edges = random_graph()
    x, context, reference, _ = inputs(edges)
    assert [part.dtype for part in build()(x.float(), edges, context.float(), reference)] == [torch.float32] * 2


def test_repr():
    assert repr(layer_for_inputs()) == "SpatialDifferenceLayer(2, 3, 6, num_hops=2, num_kernels=3)"
