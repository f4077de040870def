"""Moving least squares on scattered points: weights that are exact for polynomials."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_matrix, eye_array

# A least-squares system (columns of unit size) that is worse conditioned than this is tried with a degree less.
WORST_CONDITION = 1e3


def taylor_monomials(offset: ArrayLike, degree: int) -> NDArray[np.float64]:
    """ξ^a η^b / (a! b!) for 1 ≤ a + b ≤ degree, in the order ξ, η, ξ²/2, ξη, η²/2, …

    Args:
        offset: [E, 2] (ξ, η), from the point where a function is developed.
        degree: ≥ 1.

    Returns:
        [E, Q] float64, Q = degree (degree + 3) / 2.
    """
    xi, eta = np.asarray(offset, dtype=np.float64).T
    columns = [
        xi ** (total - b) * eta**b / (math.factorial(total - b) * math.factorial(b))
        for total in range(1, degree + 1)
        for b in range(total + 1)
    ]
    return np.stack(columns, axis=1)


def k_hop_graph(edge_index: ArrayLike, num_nodes: int, hops: int) -> NDArray[np.int64]:
    """Edges to every node from all nodes within k hops of it, without self-loops.

    Args:
        edge_index: [2, E] source j, target i.
        num_nodes: N.
        hops: k ≥ 1.

    Returns:
        [2, E'] int64, sorted by target, then source.

    Raises:
        ValueError: hops < 1.
    """
    if hops < 1:
        raise ValueError(f"hops: wanted an integer ≥ 1, given {hops}")
    source, target = np.asarray(edge_index, dtype=np.int64)
    one = coo_matrix((np.ones(len(source)), (target, source)), shape=(num_nodes, num_nodes)).tocsr()
    one = one + eye_array(num_nodes, format="csr")
    reached = one
    for _ in range(hops - 1):
        reached = reached @ one
    target, source = reached.nonzero()
    order = np.lexsort((source, target))
    edges = np.stack([source[order], target[order]]).astype(np.int64)
    return edges[:, edges[0] != edges[1]]


def moving_least_squares(
    offset: ArrayLike, edge_index: ArrayLike, num_nodes: int, *, degree: int = 2, power: float = 2.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights of all derivatives up to a degree at scattered points, by a weighted least-squares polynomial.

        (∂_a f)_i ≈ Σ_m W^a_im (f_m − f_i),   W the linear map from the differences to the c_a that minimise
        Σ_m |ξ_im|^(−2 power) (f_m − f_i − Σ_a c_a p_a(ξ_im))²,   p_a the `taylor_monomials`

    The polynomial passes through f_i, and polynomials of the degree are exact: Σ_m W^a_im p_b(ξ_im) = δ_ab. On a
    surface ξ are geodesic normal coordinates at i (the logarithmic map), of which a smooth function is a smooth one,
    so that first derivatives are of the order of the degree there too. Where the neighbours of a node do not determine
    a polynomial of that degree, one of the highest that they do determine is taken there, and the weights of the higher
    derivatives are 0.

    Args:
        offset: [E, 2] ξ_im, tangent coordinates of source m at target i [length].
        edge_index: [2, E] source m, target i, sorted by target.
        num_nodes: N.
        degree: ≥ 1.
        power: of the distance by which a neighbour counts less.

    Returns:
        (monomials [E, Q], weights [E, Q]), float64, Q = degree (degree + 3) / 2; weights of derivatives of order n in
        length^−n.

    Raises:
        ValueError: the shapes do not fit, edges are not sorted by target, an offset is zero, or the neighbours of a
            node (named) do not determine a gradient.

    Reference:
        Liszka and Orkisz, "The finite difference method at arbitrary irregular grids", Computers & Structures 11, 1980.
    """
    xi, index = np.asarray(offset, dtype=np.float64), np.asarray(edge_index, dtype=np.int64)
    if degree < 1:
        raise ValueError(f"degree: wanted an integer ≥ 1, given {degree}")
    if index.ndim != 2 or len(index) != 2 or xi.shape != (index.shape[1], 2):
        raise ValueError(f"offset: wanted [E, 2] for edge_index [2, E], given {list(xi.shape)}, {list(index.shape)}")
    if np.any(np.diff(index[1]) < 0):
        raise ValueError("edge_index: wanted edges sorted by target, given another order")
    if not np.all(np.linalg.norm(xi, axis=1) > 0):
        raise ValueError("offset: wanted distinct points, given an offset of length zero")
    monomials = taylor_monomials(xi, degree)
    weights = np.zeros_like(monomials)
    ptr = np.searchsorted(index[1], np.arange(num_nodes + 1))
    for node in range(num_nodes):
        rows = slice(ptr[node], ptr[node + 1])
        local = _local_weights(xi[rows], degree, power)
        if local is None:
            raise ValueError(
                f"node {node}: wanted neighbours that determine a gradient, given {ptr[node + 1] - ptr[node]}"
            )
        weights[rows, : local.shape[1]] = local
    return monomials, weights


def _local_weights(xi: NDArray[np.float64], degree: int, power: float) -> NDArray[np.float64] | None:
    """[n, Q'] for the highest degree that n neighbours determine; None where that is not even a gradient."""
    if len(xi) < 2:
        return None
    radius = np.linalg.norm(xi, axis=1)
    size = radius.max()
    root = (radius / size) ** -power
    for lower in range(degree, 0, -1):
        system = taylor_monomials(xi / size, lower) * root[:, None]
        if system.shape[0] < system.shape[1]:
            continue
        column = np.linalg.norm(system, axis=0)
        if column.min() == 0 or np.linalg.cond(system / column) > WORST_CONDITION:
            continue
        orders = np.concatenate([np.full(total + 1, total) for total in range(1, lower + 1)])
        return (np.linalg.pinv(system / column) / column[:, None] * root).T / size**orders
    return None
