"""The graph network of the published table, with its derivative."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from experiments.directional.edge_model import HIDDEN, edge_inputs, node_inputs
from experiments.directional.hidden_layer import Array, array, put
from experiments.directional.problem import Problem


class EdgeNodeEdge(nn.Module):
    """A number for each edge: edges look at their ends, nodes at the sum of the edges into them, the graph at the means
    of both, and edges at all of it; ReLU.

    `numbers` and `back` are `forward` and its derivative in NumPy, on the memory of the parameters, as automatic
    differentiation takes longer to plan such a step than to compute it.

    Args:
        problem: what it looks at.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.x, self.inputs = node_inputs(problem), edge_inputs(problem)
        self.source, self.target = problem.edge_index
        node, edge = self.x.size(1), self.inputs.size(1)
        self.edge_block = nn.Linear(edge, HIDDEN)
        self.node_block = nn.Linear(node + HIDDEN, HIDDEN)
        self.graph_block = nn.Linear(2 * HIDDEN, HIDDEN)
        self.decoder = nn.Linear(4 * HIDDEN, HIDDEN)
        self.out = nn.Linear(HIDDEN, 1)
        edges, nodes = len(self.target), len(self.x)
        ones = np.ones(edges, dtype=self.x.numpy().dtype)
        self.incidence = sp.csr_matrix((ones, (self.target.numpy(), np.arange(edges))), shape=(nodes, edges))
        self.share = [np.full((1, number), 1 / number, ones.dtype) for number in (nodes, edges)]

    def forward(self, edges: Tensor) -> Tensor:
        """The numbers of some edges [b], [b]."""
        edge = torch.relu(self.edge_block(self.inputs))
        into = edge.new_zeros(len(self.x), HIDDEN).index_add(0, self.target, edge)
        node = torch.relu(self.node_block(torch.cat([self.x, into], dim=1)))
        graph = torch.relu(self.graph_block(torch.cat([node.mean(0), edge.mean(0)])))
        parts = [edge[edges], node[self.target[edges]], node[self.source[edges]], graph.expand(len(edges), -1)]
        return self.out(torch.relu(self.decoder(torch.cat(parts, dim=1)))).squeeze(1)

    def numbers(self, rows: Array) -> Array:
        """The numbers of some edges [b], [b]; kept for `back`."""
        self.rows, self.ends = rows, [end.numpy()[rows] for end in (self.target, self.source)]
        self.edge = _relu(self.inputs.numpy(), self.edge_block)
        self.seen = np.concatenate([self.x.numpy(), self.incidence @ self.edge], axis=1)
        self.node = _relu(self.seen, self.node_block)
        self.means = np.concatenate([self.share[0] @ self.node, self.share[1] @ self.edge], axis=1)
        self.graph = _relu(self.means, self.graph_block)
        parts = [self.edge[rows], *(self.node[end] for end in self.ends), np.repeat(self.graph, len(rows), axis=0)]
        self.joined = np.concatenate(parts, axis=1)
        self.hidden = _relu(self.joined, self.decoder)
        return self.hidden @ array(self.out.weight)[0] + array(self.out.bias)

    def back(self, grad: Array) -> None:
        """Writes derivatives by the parameters into their `grad`; grad: by the numbers of the last call, [b]."""
        put(self.out, grad[:, None], self.hidden)
        through = grad[:, None] * array(self.out.weight) * (self.hidden > 0)
        put(self.decoder, through, self.joined)
        at_edge, *at_ends, at_graph = np.split(through @ array(self.decoder.weight), 4, axis=1)
        through = at_graph.sum(0, keepdims=True) * (self.graph > 0)
        put(self.graph_block, through, self.means)
        node_mean, edge_mean = np.split((through @ array(self.graph_block.weight))[0], 2)
        node = np.repeat(node_mean[None] / len(self.node), len(self.node), axis=0)
        for end, part in zip(self.ends, at_ends):
            np.add.at(node, end, part)
        node *= self.node > 0
        put(self.node_block, node, self.seen)
        into = node @ array(self.node_block.weight)[:, self.x.size(1) :]
        into += edge_mean / len(self.edge)
        edge = into.take(self.target.numpy(), axis=0)
        np.add.at(edge, self.rows, at_edge)
        edge *= self.edge > 0
        put(self.edge_block, edge, self.inputs.numpy())


def _relu(inputs: Array, linear: nn.Linear) -> Array:
    values = inputs @ array(linear.weight).T
    values += array(linear.bias)
    return np.maximum(values, 0, out=values)
