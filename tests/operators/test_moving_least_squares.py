"""Moving least squares: exact for polynomials of the degree, and of its order on the plane and on a sphere."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import fibonacci_sphere, knn_graph
from pdgn.operators.moving_least_squares import k_hop_graph, moving_least_squares, taylor_monomials
from pdgn.simulate.exact import real_spherical_harmonic


def scattered(number=60, seed=0):
    """Points, their 3-hop graph and the offsets x_m − x_i."""
    pos = np.random.default_rng(seed).uniform(-1, 1, (number, 2))
    edges = k_hop_graph(knn_graph(pos, 4), number, 3)
    return pos, edges, pos[edges[0]] - pos[edges[1]]


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
@pytest.mark.parametrize("power", [0.0, 2.0])
def test_weights_and_monomials_are_dual(degree, power):
    pos, edges, offset = scattered()
    monomials, weights = moving_least_squares(offset, edges, len(pos), degree=degree, power=power)
    product = np.zeros((len(pos), *monomials.shape[1:] * 2))
    np.add.at(product, edges[1], weights[:, :, None] * monomials[:, None, :])
    size = np.zeros_like(product)
    np.add.at(size, edges[1], np.abs(weights[:, :, None] * monomials[:, None, :]))
    known = np.zeros(product.shape[:2])
    np.maximum.at(known, edges[1], np.abs(weights))
    known = known > 0
    assert known[:, :5].all() if degree > 1 else known.all()  # a quadratic is determined everywhere
    assert known.mean() > 0.5
    wanted = np.eye(monomials.shape[1]) * known[:, :, None]
    both = known[:, :, None] & known[:, None, :]
    # Round-off of sums whose terms may be much larger than 1.
    assert (np.abs(product - wanted)[both] <= 1e-11 * (1 + size[both])).all()


def test_all_derivatives_of_a_quadratic_are_exact():
    pos, edges, offset = scattered()
    x, y = pos.T
    f = 3 + x - 2 * y + 0.5 * x**2 + 3 * x * y - 4 * y**2
    _, weights = moving_least_squares(offset, edges, len(pos), degree=2)
    jet = np.zeros((len(pos), 5))
    np.add.at(jet, edges[1], weights * (f[edges[0]] - f[edges[1]])[:, None])
    exact = np.stack([1 + x + 3 * y, -2 + 3 * x - 8 * y, 1 + 0 * x, 3 + 0 * x, -8 + 0 * x], axis=1)
    np.testing.assert_allclose(jet, exact, atol=1e-9)  # round-off over spacings of some hundredths


def test_neighbours_that_determine_less_give_the_lower_degree():
    offset = np.array([[1.0, 0], [0, 1], [-1, 0.1]])  # three: a gradient, no quadratic
    monomials, weights = moving_least_squares(offset, [[1, 2, 3], [0, 0, 0]], 1, degree=2)
    assert (weights[:, 2:] == 0).all()
    np.testing.assert_allclose(weights[:, :2].T @ monomials[:, :2], np.eye(2), atol=1e-14)


def normal_coordinates(pos, frame, edges):
    """The logarithmic map of the unit sphere, in frames."""
    source, target = edges
    cosine = np.einsum("ed,ed->e", pos[source], pos[target])
    tangent = pos[source] - cosine[:, None] * pos[target]
    tangent *= (np.arccos(cosine) / np.linalg.norm(tangent, axis=1))[:, None]
    return np.einsum("ecd,ed->ec", frame[target], tangent)


@pytest.mark.parametrize("degree", [2, 3])
def test_gradient_on_the_sphere_converges_with_the_degree(degree):
    errors = []
    for number in (250, 1000, 4000):
        pos = fibonacci_sphere(number).pos
        edges = k_hop_graph(knn_graph(pos, 6), number, 2)
        first = np.cross(pos, np.eye(3)[np.abs(pos).argmin(axis=1)])
        first /= np.linalg.norm(first, axis=1, keepdims=True)
        frame = np.stack([first, np.cross(pos, first)], axis=1)
        offset = normal_coordinates(pos, frame, edges)
        _, weights = moving_least_squares(offset, edges, number, degree=degree)
        f = real_spherical_harmonic(pos, 3, 0)
        jet = np.zeros((number, 2))
        np.add.at(jet, edges[1], weights[:, :2] * (f[edges[0]] - f[edges[1]])[:, None])
        z = pos[:, 2:]
        ambient = np.sqrt(7 / (4 * np.pi)) * (15 * z**2 - 3) / 2 * (np.array([0, 0, 1.0]) - z * pos)
        exact = np.einsum("ncd,nd->nc", frame, ambient)
        errors.append(np.sqrt(np.mean((jet - exact) ** 2)))
    order = np.log2(np.array(errors[:-1]) / errors[1:])  # the spacing halves
    assert (order > degree - 0.3).all(), (errors, order)


def test_hops_are_counted():
    path = np.array([[1, 0, 2, 1, 3, 2], [0, 1, 1, 2, 2, 3]])
    assert k_hop_graph(path, 4, 1).tolist() == path.tolist()
    assert k_hop_graph(path, 4, 2).T.tolist() == [
        [1, 0], [2, 0], [0, 1], [2, 1], [3, 1], [0, 2], [1, 2], [3, 2], [1, 3], [2, 3],
    ]  # fmt: skip


def test_monomials_in_order():
    np.testing.assert_allclose(taylor_monomials([[2.0, 3.0]], 3), [[2, 3, 2, 6, 4.5, 8 / 6, 6, 9, 4.5]], rtol=1e-15)


def test_refusals():
    with pytest.raises(ValueError, match="node 0: wanted neighbours that determine a gradient, given 1"):
        moving_least_squares([[1.0, 0]], [[1], [0]], 1)
    with pytest.raises(ValueError, match="node 1: .* given 2"):
        moving_least_squares([[1.0, 0], [0, 1], [1, 0], [2, 0]], [[1, 2, 0, 2], [0, 0, 1, 1]], 2)
    with pytest.raises(ValueError, match="sorted by target"):
        moving_least_squares([[1.0, 0], [0, 1]], [[0, 1], [1, 0]], 2)
    with pytest.raises(ValueError, match="offset of length zero"):
        moving_least_squares([[0.0, 0]], [[1], [0]], 2)
    with pytest.raises(ValueError, match="hops: wanted an integer ≥ 1, given 0"):
        k_hop_graph([[0], [1]], 2, 0)
    with pytest.raises(ValueError, match="degree: wanted an integer ≥ 1, given 0"):
        moving_least_squares([[1.0, 0]], [[1], [0]], 2, degree=0)
