"""A polynomial difference layer on a few edges, with its derivative: at the stencils of their target nodes alone."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn import functional

from experiments.directional.hidden_layer import Array, HiddenLayer, array, put_parts, weight_of
from experiments.directional.problem import Problem
from pdgn.nn import WeightNetwork
from pdgn.nn.incidence import incidence_of


class FewStencils:
    """u_ij · (∇_w f)_i on some edges, as `PolynomialDifferenceLayer` with `num_hops=0` and one kernel gives it.

    The polynomial's part is a number for each edge. What a learned weight adds is that weight times the residual of the
    polynomial, in the direction of the edge. Both factors are known before training.

    Args:
        network: of the layer. problem: with its stencils. inputs: of the nodes, [N, D].
    """

    def __init__(self, network: WeightNetwork, problem: Problem, inputs: Tensor) -> None:
        self.network = network
        source, target = problem.stencil.edge_index
        graph = incidence_of(problem.stencil.edge_index, inputs.size(0))
        reference, node = problem.stencil.reference, problem.edge_index[1]
        jet, residual = reference.fit(problem.signal, graph)
        self.fixed = (jet[node, :2, 0] * problem.direction).sum(dim=1).numpy()
        self.inputs = np.concatenate([inputs[target], inputs[source], problem.stencil.length], axis=1)  # [S, F]
        degree = np.bincount(target, minlength=inputs.size(0))
        rows = np.split(np.arange(len(target)), np.cumsum(degree)[:-1])
        self.rows = [rows[i] for i in node]
        self.offset = functional.normalize(reference.monomials[:, :2], dim=1).numpy()
        self.scaled = (residual * reference.sizes(graph)[target, :1]).numpy()
        self.direction = problem.direction.numpy()

    def __call__(self, edges: Array) -> Array:
        """The derivatives on some edges [b], [b]; kept for `back`."""
        rows = np.concatenate([self.rows[edge] for edge in edges])
        self.counts = np.array([len(self.rows[edge]) for edge in edges])
        starts = np.cumsum(self.counts) - self.counts
        direction, offset = np.repeat(self.direction[edges], self.counts, axis=0), self.offset[rows]
        along = (direction * offset).sum(axis=1)
        across = direction[:, 1] * offset[:, 0] - direction[:, 0] * offset[:, 1]
        self.factor = np.stack([along, across], axis=1) * self.scaled[rows]
        head = self.network.head
        self.hidden = HiddenLayer.of(self.inputs[rows], weight_of(head), array(head.hidden.bias))
        learned = self.hidden.after @ array(head.out.weight)[:2].T + array(head.out.bias)[:2]  # α and β
        return self.fixed[edges] + np.add.reduceat((learned * self.factor).sum(axis=1), starts)

    def back(self, grad: Array) -> None:
        """Writes derivatives by the parameters into their `grad`; grad: by the results of the last call, [b]."""
        head = self.network.head
        learned = self.factor * np.repeat(grad, self.counts)[:, None]
        head.out.weight.grad.numpy()[:2] = learned.T @ self.hidden.after
        head.out.bias.grad.numpy()[:2] = learned.sum(axis=0)
        through = self.hidden.back(learned @ array(head.out.weight)[:2])
        put_parts(head, through, self.hidden.inputs)
