"""A model of derivatives on edges, and what it may see of a problem."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from experiments.directional.problem import Problem

HIDDEN = 64


class EdgeModel(nn.Module):
    """Derivatives on edges of one problem, [E] by `everywhere`, and the same on a batch of edges [b] by `forward`.

    How it is trained: weight decay, epochs from one look at the validation edges to the next, and whether batches are
    drawn with replacement.
    """

    trainable = True
    decay, look_every, with_replacement = 0.0, 1, False

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem

    def everywhere(self) -> Tensor:
        """The derivative on every edge, [E]."""
        raise NotImplementedError

    def forward(self, edges: Tensor) -> Tensor:
        """The derivative on some edges [b], [b]."""
        return self.everywhere().index_select(0, edges)

    def add_gradient(self, edges: Tensor) -> None:
        """Adds the derivative of the mean squared error on some edges to the gradients of the parameters."""
        (self(edges) - self.problem.target.index_select(0, edges)).square().mean().backward()


def node_inputs(problem: Problem) -> Tensor:
    """(f, coordinates), [N, 1 + D], in the order of the layers."""
    return torch.cat([problem.signal, problem.context], dim=1)


def edge_inputs(problem: Problem) -> Tensor:
    """(target, source, distance), [E, 2 (1 + D) + 1]."""
    node = node_inputs(problem)
    source, target = problem.edge_index
    return torch.cat([node[target], node[source], problem.length], dim=1)


def ends(problem: Problem) -> tuple[Tensor, Tensor]:
    """f_i and f_j at the ends of every edge, [E] each."""
    source, target = problem.edge_index
    return problem.signal[target, 0], problem.signal[source, 0]
