"""The trained rows of the published table, with the hyper-parameters of their authors.

ReLU, a weight decay of 5e-4 on everything, batches drawn with replacement, a look at the validation edges every
fiftieth epoch, and for the perceptron no distance among the inputs.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from experiments.directional.edge_model import HIDDEN, EdgeModel, edge_inputs, ends
from experiments.directional.edge_node_edge import EdgeNodeEdge
from experiments.directional.hidden_layer import Array
from experiments.directional.problem import Problem


class PublishedModel(EdgeModel):
    """A row trained as published."""

    decay, look_every, with_replacement = 5e-4, 50, True


class PublishedMLP(PublishedModel):
    """A perceptron with two hidden layers of (x_i, f_i, x_j, f_j)."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.inputs = edge_inputs(problem)[:, :-1]
        layers = nn.Linear(self.inputs.size(1), HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU()
        self.network = nn.Sequential(*layers, nn.Linear(HIDDEN, 1))

    def everywhere(self) -> Tensor:
        return self.network(self.inputs).squeeze(1)

    def forward(self, edges: Tensor) -> Tensor:
        return self.network(self.inputs.index_select(0, edges)).squeeze(1)


class PublishedGN(PublishedModel):
    """The graph network's number is the derivative."""

    num_networks = 1

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.networks = nn.ModuleList(EdgeNodeEdge(problem) for _ in range(self.num_networks))
        self.targets = problem.target.numpy()
        self.near, self.far = (end.numpy() for end in ends(problem))

    def everywhere(self) -> Tensor:
        return self(torch.arange(len(self.near)))

    def forward(self, edges: Tensor) -> Tensor:
        rows = edges.numpy()
        return torch.from_numpy(self.value(self._weights(rows), self.near[rows], self.far[rows]))

    def add_gradient(self, edges: Tensor) -> None:
        rows = edges.numpy()
        weights, near, far = self._weights(rows), self.near[rows], self.far[rows]
        rest = 2 / len(rows) * (self.value(weights, near, far) - self.targets[rows])
        for network, slope in zip(self.networks, self.slopes(weights, near, far)):
            network.back(rest * slope)

    def _weights(self, rows: Array) -> list[Array]:
        return [network.numbers(rows) for network in self.networks]

    def value(self, weights: list[Array], near: Array, far: Array) -> Array:
        """The derivative [b]; near = f_i, far = f_j."""
        return weights[0]

    def slopes(self, weights: list[Array], near: Array, far: Array) -> list[Array]:
        """Its derivatives by the weights, [b] each."""
        return [np.ones_like(near)]


class PublishedOneWeight(PublishedGN):
    """w_ij f_j − f_i."""

    def value(self, weights: list[Array], near: Array, far: Array) -> Array:
        return weights[0] * far - near

    def slopes(self, weights: list[Array], near: Array, far: Array) -> list[Array]:
        return [far]


class PublishedSDL(PublishedGN):
    """w¹_ij (f_j − w²_ij f_i), each weight of a network of its own."""

    num_networks = 2

    def value(self, weights: list[Array], near: Array, far: Array) -> Array:
        return weights[0] * (far - weights[1] * near)

    def slopes(self, weights: list[Array], near: Array, far: Array) -> list[Array]:
        return [far - weights[1] * near, -weights[0] * near]
