"""What neighbours bring to a node: against loops, derivatives of both orders, what is kept, what is refused."""

from __future__ import annotations

import pytest
import torch

from pdgn.nn.incidence import incidence_of
from pdgn.nn.kernels import compiled
from pdgn.nn.transport import transport
from tests.nn.graphs import normal, random_graph

EDGES = random_graph()  # 7 nodes, 20 edges
SHAPES = pytest.mark.parametrize("shape", [(20, 1), (20, 1, 1), (20, 3), (20, 3, 3)])


def run(x, weight):
    """In float64 by PyTorch, in float32 by the kernels (compared in test_kernels.py)."""
    return transport(x, incidence_of(EDGES, x.size(0)), weight)


@SHAPES
def test_agrees_with_loops(shape):
    x, weight = normal(7, shape[1]), normal(*shape, seed=2)
    expected = torch.zeros(7, shape[1], dtype=x.dtype)
    for edge, (j, i) in enumerate(EDGES.t().tolist()):
        difference = x[j] - x[i]
        expected[i] += weight[edge] * difference if len(shape) == 2 else weight[edge] @ difference
    assert torch.allclose(run(x, weight), expected, atol=1e-12)  # sums of a few terms of order 1


@SHAPES
def test_derivatives_of_both_orders(shape):
    x, weight = normal(7, shape[1]).requires_grad_(), normal(*shape, seed=2).requires_grad_()
    assert torch.autograd.gradcheck(run, (x, weight))
    assert torch.autograd.gradgradcheck(run, (x, weight))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_derivative_of_second_order_counts_a_dependent_input_once(dtype):
    """w = x_j², so that x enters through both inputs."""
    x = normal(7, 1).to(dtype).requires_grad_()

    def loss(x):
        return run(x, x[EDGES[0]].square()).pow(2).sum()

    (given,) = torch.autograd.grad(loss(x), x, create_graph=True)
    (expected,) = torch.autograd.grad(loss(x), x)
    assert torch.allclose(given, expected, rtol=0, atol=100 * torch.finfo(dtype).eps * expected.abs().max())


@SHAPES
def test_constants_give_exactly_nothing(shape):
    for dtype in (torch.float32, torch.float64):
        assert not run(torch.full((7, shape[1]), 0.1, dtype=dtype), normal(*shape).to(dtype)).any()


@pytest.mark.skipif(compiled.library() is None, reason="no C compiler, or PDGN_KERNELS=0")
def test_the_kernels_keep_only_the_inputs_for_the_backward_pass():
    x, weight = normal(7, 2).float().requires_grad_(), normal(20, 2, seed=2).float().requires_grad_()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.data_ptr()), lambda _: None):
        run(x, weight)
    assert sorted(kept) == sorted((x.data_ptr(), weight.data_ptr()))


def test_the_dtype_in_common():
    assert run(normal(7, 2).float(), normal(20, 2)).dtype == torch.float64


@pytest.mark.parametrize("shape", [(19, 2), (20, 1), (20,), (20, 2, 3), (20, 1, 2)])
def test_weights_of_other_edges_or_channels_are_refused(shape):
    with pytest.raises(ValueError, match=r"^weight: wanted \[20, 2\] or \[20, 2, 2\], given \["):
        run(normal(7, 2), normal(*shape))
