"""The polynomial difference layer: a fresh one is its reference, and no parameters spoil what that has exact."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pdgn.mesh import knn_graph
from pdgn.nn.polynomial_difference import PolynomialDifferenceLayer
from pdgn.nn.polynomial_reference import PolynomialReference
from pdgn.operators.moving_least_squares import k_hop_graph, moving_least_squares
from tests.nn.graphs import normal, randomise

NUMBER = 40
# Round-off in float64 of sums over twenty neighbours with weights of size 1 / spacing², and results up to 1e4.
ROUND_OFF = 1e-10
RELATIVE = 1e-12


def stencils(degree=2, angle=None):
    """Points in the plane, their stencil and its reference; angle: by which the frame at each point is turned, [N]."""
    pos = np.random.default_rng(3).uniform(-1, 1, (NUMBER, 2))
    edges = k_hop_graph(knn_graph(pos, 4), NUMBER, 3)
    offset = pos[edges[0]] - pos[edges[1]]
    if angle is not None:
        cosine, sine = np.cos(angle)[edges[1]], np.sin(angle)[edges[1]]
        offset = np.stack([cosine * offset[:, 0] + sine * offset[:, 1], cosine * offset[:, 1] - sine * offset[:, 0]], 1)
    reference = PolynomialReference(
        *(torch.tensor(part) for part in moving_least_squares(offset, edges, NUMBER, degree=degree))
    )
    return torch.tensor(pos), torch.tensor(edges), reference


def layer(**options):
    """With every parameter at random."""
    return randomise(PolynomialDifferenceLayer(2, 2, 8, edge_context_channels=1, **options))


def applied(model, x, pos, edges, reference):
    length = reference.monomials[:, :2].norm(dim=1, keepdim=True)
    return model(x, edges, reference, pos, length)


def test_a_fresh_layer_is_the_reference():
    pos, edges, reference = stencils()
    fresh = PolynomialDifferenceLayer(2, 2, 8, num_kernels=3, edge_context_channels=1).double()
    x = normal(NUMBER, 2)
    gradient, laplacian = applied(fresh, x, pos, edges, reference)
    for i in range(NUMBER):
        into = edges[1] == i
        jet = reference.weights[into].T @ (x[edges[0][into]] - x[i])
        for kernel in range(3):
            torch.testing.assert_close(gradient[i, kernel], jet[:2], rtol=RELATIVE, atol=ROUND_OFF)
            torch.testing.assert_close(laplacian[i, kernel], -(jet[2] + jet[4]), rtol=RELATIVE, atol=ROUND_OFF)


@pytest.mark.parametrize("num_hops", [0, 1])
@pytest.mark.parametrize("signal_in_weights", [False, True])
def test_the_result_is_the_sum_of_the_weights(num_hops, signal_in_weights):
    pos, edges, reference = stencils()
    model, x = layer(num_hops=num_hops, num_kernels=2, signal_in_weights=signal_in_weights), normal(NUMBER, 2)
    length = reference.monomials[:, :2].norm(dim=1, keepdim=True)
    weights = model.weights(x, edges, reference, pos, length)
    gradient, laplacian = applied(model, x, pos, edges, reference)
    for i in range(NUMBER):
        into = edges[1] == i
        step = (x[edges[0][into]] - x[i]).view(-1, 1, 1, 2)
        torch.testing.assert_close(gradient[i], (weights[into, :, :2] * step).sum(0), rtol=RELATIVE, atol=ROUND_OFF)
        torch.testing.assert_close(
            laplacian[i], -(weights[into, :, 2] * step[:, 0]).sum(0), rtol=RELATIVE, atol=ROUND_OFF
        )


def test_polynomials_stay_exact_whatever_the_parameters():
    pos, edges, reference = stencils()
    a, b = pos.T
    x = torch.stack([2 + a - b + a**2 - 3 * a * b, 0.5 * b**2 - a], dim=1)
    gradient, laplacian = applied(layer(num_kernels=2), x, pos, edges, reference)
    exact = torch.stack([torch.stack([1 + 2 * a - 3 * b, -1 - 3 * a], 1), torch.stack([0 * a - 1, b], 1)], dim=2)
    torch.testing.assert_close(gradient, exact.unsqueeze(1).expand_as(gradient), rtol=RELATIVE, atol=ROUND_OFF)
    minus = torch.tensor([-2.0, -1.0], dtype=torch.float64)
    torch.testing.assert_close(laplacian, minus.expand_as(laplacian), rtol=RELATIVE, atol=100 * ROUND_OFF)
    cubic = torch.stack([a**3, b**3], dim=1)
    fresh = PolynomialDifferenceLayer(2, 2, 8, edge_context_channels=1).double()
    change = applied(layer(), cubic, pos, edges, reference)[0] - applied(fresh, cubic, pos, edges, reference)[0]
    assert change.abs().max() > 1e-2  # the parameters are not without effect


def test_the_gradient_turns_with_the_frames():
    angle = np.random.default_rng(0).uniform(0, 6, NUMBER)
    pos, edges, reference = stencils()
    _, _, turned = stencils(angle=angle)
    model, x = layer(), normal(NUMBER, 2)
    gradient, laplacian = applied(model, x, pos, edges, reference)
    other, same = applied(model, x, pos, edges, turned)
    cosine, sine = torch.tensor(np.cos(angle)).view(-1, 1, 1), torch.tensor(np.sin(angle)).view(-1, 1, 1)
    first, second = gradient.unbind(2)
    expected = torch.stack([cosine * first + sine * second, cosine * second - sine * first], dim=2)
    torch.testing.assert_close(other, expected, rtol=RELATIVE, atol=ROUND_OFF)
    torch.testing.assert_close(same, laplacian, rtol=RELATIVE, atol=100 * ROUND_OFF)


def test_relabelling_and_another_order_of_the_edges():
    pos, edges, reference = stencils()
    model, x = layer(), normal(NUMBER, 2)
    gradient, laplacian = applied(model, x, pos, edges, reference)
    generator = torch.Generator().manual_seed(0)
    new, order = torch.randperm(NUMBER, generator=generator), torch.randperm(edges.size(1), generator=generator)
    moved = torch.empty_like(x), torch.empty_like(pos)
    moved[0][new], moved[1][new] = x, pos
    shuffled = PolynomialReference(*(part[order] for part in reference))
    other = applied(model, *moved, new[edges][:, order], shuffled)
    torch.testing.assert_close(other[0][new], gradient, rtol=RELATIVE, atol=ROUND_OFF)
    torch.testing.assert_close(other[1][new], laplacian, rtol=RELATIVE, atol=100 * ROUND_OFF)


def test_derivatives():
    pos, edges, reference = stencils()
    model, x = layer(), normal(NUMBER, 2).requires_grad_()
    few = lambda x: torch.cat([part.flatten()[:20] for part in applied(model, x, pos, edges, reference)])  # noqa: E731
    assert torch.autograd.gradcheck(few, (x,), fast_mode=True)


def test_a_node_without_edges_has_zero():
    edges = torch.tensor([[1, 2, 3, 4, 5], [0, 0, 0, 0, 0]])
    offset = np.random.default_rng(0).standard_normal((5, 2))
    monomials, weights = moving_least_squares(offset, edges, 1, degree=2)
    reference = PolynomialReference(torch.tensor(monomials), torch.tensor(weights))
    model = randomise(PolynomialDifferenceLayer(1, 0, 8))
    for part in model(normal(6, 1), edges, reference):
        assert part[0].abs().min() > 0 and (part[1:] == 0).all()


def test_refusals():
    pos, edges, reference = stencils()
    with pytest.raises(ValueError, match="num_kernels: wanted an integer ≥ 1, given 0"):
        PolynomialDifferenceLayer(1, 0, num_kernels=0)
    model = PolynomialDifferenceLayer(1, 0, 8).double()
    with pytest.raises(ValueError, match=r"x: wanted \[40, 1\], given \[40, 2\]"):
        model(normal(NUMBER, 2), edges, reference)
    few = PolynomialReference(reference.monomials[:, :2], reference.weights[:, :2])
    with pytest.raises(ValueError, match=r"reference: wanted monomials and weights \[\d+, Q\], Q ≥ 5, given"):
        model(normal(NUMBER, 1), edges, few)
    with pytest.raises(ValueError, match=r"context: wanted \[40, 0\]"):
        model(normal(NUMBER, 1), edges, reference, pos)


def test_repr():
    assert repr(PolynomialDifferenceLayer(1, 2)) == "PolynomialDifferenceLayer(1, 2, 64, num_hops=0, num_kernels=1)"
