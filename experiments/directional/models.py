"""The rows of the table: each gives the derivative on every edge, and quickly on a few edges at a time."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from experiments.directional.edge_model import HIDDEN, EdgeModel, edge_inputs, ends, node_inputs
from experiments.directional.few_edges import FewEdges
from experiments.directional.few_stencils import FewStencils
from experiments.directional.problem import Problem
from experiments.directional.published import PublishedGN, PublishedMLP, PublishedOneWeight, PublishedSDL
from pdgn.nn import SpatialDifferenceLayer, WeightNetwork
from pdgn.nn.polynomial_difference import PolynomialDifferenceLayer

Array = NDArray[np.floating]


class FiniteDifference(EdgeModel):
    """(f_j − f_i) / |x_j − x_i|, the distance along the surface."""

    trainable = False

    def everywhere(self) -> Tensor:
        near, far = ends(self.problem)
        return (far - near) / self.problem.length[:, 0]


class FixedPolynomial(EdgeModel):
    """Moving least squares: the gradient of the polynomial at i, times the direction; nothing is learned."""

    trainable = False

    def everywhere(self) -> Tensor:
        fresh = PolynomialDifference(self.problem)
        fresh.layer.reset_parameters()
        with torch.no_grad():
            return fresh.everywhere()


class EdgeMLP(EdgeModel):
    """A perceptron with two hidden layers of (x_i, f_i, x_j, f_j, distance)."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.inputs = edge_inputs(problem)
        width = self.inputs.size(1)
        layers = nn.Linear(width, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, 1)
        self.network = nn.Sequential(*layers)

    def everywhere(self) -> Tensor:
        return self.network(self.inputs).squeeze(1)

    def forward(self, edges: Tensor) -> Tensor:
        return self.network(self.inputs.index_select(0, edges)).squeeze(1)


class NetworkModel(EdgeModel):
    """A derivative from the weights that a network of one hop gives an edge and the signal at its ends.

    Subclasses say how: `value` and its derivative by the weights, `slope`, of NumPy arrays, weights [b, O].
    """

    def __init__(self, problem: Problem, network: WeightNetwork) -> None:
        super().__init__(problem)
        self.network = network
        self.few = FewEdges(network, node_inputs(problem), problem.edge_index, problem.length)
        self.targets = problem.target.numpy()
        self.near, self.far = (end.numpy() for end in ends(problem))

    def value(self, weights: Array, near: Array, far: Array) -> Array:
        """The derivative [b]; near = f_i, far = f_j."""
        raise NotImplementedError

    def slope(self, weights: Array, near: Array, far: Array) -> Array:
        """Its derivative by the weights, [b, O]."""
        raise NotImplementedError

    def everywhere(self) -> Tensor:
        problem = self.problem
        weights = self.network(node_inputs(problem), problem.edge_index, problem.length)
        return torch.from_numpy(self.value(weights.detach().numpy(), self.near, self.far))

    def forward(self, edges: Tensor) -> Tensor:
        rows = edges.numpy()
        return torch.from_numpy(self.value(self.few(rows), self.near[rows], self.far[rows]))

    def add_gradient(self, edges: Tensor) -> None:
        rows = edges.numpy()
        weights, near, far = self.few(rows), self.near[rows], self.far[rows]
        rest = self.value(weights, near, far) - self.targets[rows]
        self.few.back(self.slope(weights, near, far) * (2 / len(rows) * rest)[:, None])


class GraphNetwork(NetworkModel):
    """Edge → node → edge block; the last gives the derivative itself."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem, edge_network(problem))

    def value(self, weights: Array, near: Array, far: Array) -> Array:
        return weights[:, 0]

    def slope(self, weights: Array, near: Array, far: Array) -> Array:
        return np.ones_like(weights)


class OneWeight(GraphNetwork):
    """w_ij (f_j − f_i), the weight from the same network."""

    def value(self, weights: Array, near: Array, far: Array) -> Array:
        return weights[:, 0] * (far - near)

    def slope(self, weights: Array, near: Array, far: Array) -> Array:
        return (far - near)[:, None]


class FreeDifference(NetworkModel):
    """The spatial difference layer: w¹_ij (f_j − w²_ij f_i), one kernel, free weights."""

    def __init__(self, problem: Problem) -> None:
        layer = SpatialDifferenceLayer(
            1, problem.context.size(1), HIDDEN, num_hops=1, num_kernels=1, edge_context_channels=1, anchored=False
        )
        super().__init__(problem, layer.free)
        self.layer = layer

    def everywhere(self) -> Tensor:
        problem = self.problem
        gradient, _ = self.layer(problem.signal, problem.edge_index, problem.context, None, problem.length)
        return gradient[:, 0, 0]

    def value(self, weights: Array, near: Array, far: Array) -> Array:
        return weights[:, 0] * (far - weights[:, 1] * near)

    def slope(self, weights: Array, near: Array, far: Array) -> Array:
        none = np.zeros_like(near)  # of the two weights of the Laplacian
        return np.stack([far - weights[:, 1] * near, -weights[:, 0] * near, none, none], axis=1)


class PolynomialDifference(EdgeModel):
    """Ours: the polynomial difference layer's gradient at i over k hops, times the direction of the edge."""

    def __init__(self, problem: Problem, hidden: int = HIDDEN, signal_in_weights: bool = True) -> None:
        super().__init__(problem)
        self.layer = PolynomialDifferenceLayer(
            1, problem.context.size(1), hidden, edge_context_channels=1, signal_in_weights=signal_in_weights
        )
        inputs = node_inputs(problem) if signal_in_weights else problem.context
        self.few = FewStencils(self.layer.network, problem, inputs)

    def everywhere(self) -> Tensor:
        problem, stencil = self.problem, self.problem.stencil
        gradient, _ = self.layer(problem.signal, stencil.edge_index, stencil.reference, problem.context, stencil.length)
        return (gradient[problem.edge_index[1], 0, :, 0] * problem.direction).sum(dim=1)

    def forward(self, edges: Tensor) -> Tensor:
        return torch.from_numpy(self.few(edges.numpy()))

    def add_gradient(self, edges: Tensor) -> None:
        rows = edges.numpy()
        rest = self.few(rows) - self.problem.target.numpy()[rows]
        self.few.back(2 / len(rows) * rest)


ROWS: dict[str, type[EdgeModel]] = {
    "finite-difference": FiniteDifference,
    "mlp": PublishedMLP,
    "gn": PublishedGN,
    "one-weight": PublishedOneWeight,
    "sdl": PublishedSDL,
    "ours": PolynomialDifference,
    "fixed-mls": FixedPolynomial,
    "mlp-silu": EdgeMLP,
    "gn-silu": GraphNetwork,
    "one-weight-silu": OneWeight,
    "sdl-silu": FreeDifference,
}


def edge_network(problem: Problem) -> WeightNetwork:
    """One number for each edge, from one hop."""
    return WeightNetwork(problem.context.size(1) + 1, 1, HIDDEN, 1, num_hops=1)
