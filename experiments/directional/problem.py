"""One function on one set of points: what the models see, the exact targets, and the edges of each part."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.directional.functions import PLANE, Function, zonal_cubic
from experiments.directional.geometry import Points, plane_points, sphere_points
from pdgn.mesh import knn_graph
from pdgn.nn.polynomial_reference import PolynomialReference
from pdgn.operators.moving_least_squares import k_hop_graph, moving_least_squares

NEIGHBOURS = 4
PARTS = (0.7, 0.1, 0.2)
SPHERE = "sphere, degree 3"


class Stencil(NamedTuple):
    """The k-hop graph with its polynomials.

    Attributes:
        edge_index: [2, S]. reference: each [S, Q]. length: |ξ|, [S, 1].
    """

    edge_index: Tensor
    reference: PolynomialReference
    length: Tensor


class Problem(NamedTuple):
    """Directional derivatives on the edges of a 4-nearest-neighbour graph; float32 unless asked otherwise.

    Attributes:
        context: coordinates of the nodes, [N, D].
        signal: f at the nodes, [N, 1]; every model sees all of it.
        edge_index: [2, E], source j and target i.
        length: geodesic distance of the ends, [E, 1].
        direction: unit tangent at i of the shortest curve from i to j, in the frame at i, [E, 2].
        target: ∇f(x_i) · direction, [E].
        train, validation, test: edges, int64; each directed edge is in one of them.
        stencil: of the models that see k hops.
    """

    context: Tensor
    signal: Tensor
    edge_index: Tensor
    length: Tensor
    direction: Tensor
    target: Tensor
    train: Tensor
    validation: Tensor
    test: Tensor
    stencil: Stencil


class StencilOptions(NamedTuple):
    """Hops of the stencil, degree of the polynomials, and the power of the distance by which neighbours count less."""

    hops: int = 3
    degree: int = 4
    power: float = 3.0


# Of hops 2–4, degrees 2–5 and powers 1–4 the least error of the fixed weights on training and validation edges.
CHOSEN = StencilOptions()


def exact_targets(points: Points, function: Function, edge_index: NDArray[np.int64]) -> NDArray[np.float64]:
    """∇f(x_i) · u_ij on every edge, [E]; u_ij the unit tangent at x_i of the shortest curve to x_j."""
    target = edge_index[1]
    offset = points.offset(edge_index)
    unit = np.einsum("ec,ecd->ed", offset / np.linalg.norm(offset, axis=1, keepdims=True), points.frame[target])
    return np.einsum("ed,ed->e", function.gradient(points.pos)[target], unit)


def make_problem(
    points: Points,
    function: Function,
    generator: np.random.Generator,
    options: StencilOptions = CHOSEN,
    dtype: torch.dtype = torch.float32,
) -> Problem:
    """The problem of a function on points, its edges split at random."""
    edges = knn_graph(points.pos, NEIGHBOURS)
    offset = points.offset(edges)
    length = np.linalg.norm(offset, axis=1, keepdims=True)
    bounds = np.rint(np.cumsum(PARTS[:2]) * edges.shape[1]).astype(int)
    parts = np.split(generator.permutation(edges.shape[1]), bounds)

    def floating(array: NDArray) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), dtype=dtype)

    return Problem(
        floating(points.pos),
        floating(function.value(points.pos)[:, None]),
        torch.from_numpy(edges),
        floating(length),
        floating(offset / length),
        floating(exact_targets(points, function, edges)),
        *(torch.from_numpy(part) for part in parts),
        _stencil(points, edges, options, floating),
    )


def problems(seed: int, options: StencilOptions = CHOSEN) -> dict[str, Problem]:
    """The three problems of a seed, which draws the points, the axis of the harmonic and the split of the edges."""
    plane, ball, split = (np.random.default_rng([seed, stream]) for stream in range(3))
    points = plane_points(plane)
    made = {name: make_problem(points, function, split, options) for name, function in PLANE.items()}
    points, axis = sphere_points(ball), ball.standard_normal(3)
    made[SPHERE] = make_problem(points, zonal_cubic(axis / np.linalg.norm(axis)), split, options)
    return made


def _stencil(points: Points, edges: NDArray[np.int64], options: StencilOptions, floating) -> Stencil:
    number = len(points.pos)
    wide = k_hop_graph(edges, number, options.hops)
    offset = points.offset(wide)
    reference = moving_least_squares(offset, wide, number, degree=options.degree, power=options.power)
    length = np.linalg.norm(offset, axis=1, keepdims=True)
    return Stencil(torch.from_numpy(wide), PolynomialReference(*map(floating, reference)), floating(length))
