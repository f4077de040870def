"""A weight network of one hop on a few edges, with its derivative: at what they see, and not on the whole graph."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from experiments.directional.hidden_layer import Array, HiddenLayer, array, put, put_parts, weight_of
from pdgn.nn import WeightNetwork


class FewEdges:
    """The weights that `WeightNetwork` gives with `num_hops=1`, for some edges, and the derivative by its parameters.

    An edge sees the edges into its two ends. For sixteen edges that is a sixth of the graph, and automatic
    differentiation takes longer to plan such a step than to compute it; hence the equations and their derivative as
    they stand, in NumPy, on the memory of the network's parameters. The second layer of the edge block is linear, so
    the mean over edges is taken before it.

    Args:
        network: of one hop. x: inputs of the nodes, [N, D]. edge_index: [2, E], sorted by target, every node with an
        edge into it. edge: inputs of the edges, [E, R].
    """

    def __init__(self, network: WeightNetwork, x: Tensor, edge_index: Tensor, edge: Tensor) -> None:
        self.network = network
        self.x = x.numpy()
        self.source, self.target = edge_index.numpy()
        self.inputs = np.concatenate([self.x[self.target], self.x[self.source], edge.numpy()], axis=1)  # [E, 2D + R]
        degree = np.bincount(self.target, minlength=len(self.x))
        self.rows = np.split(np.arange(len(self.target)), np.cumsum(degree)[:-1])
        self.degree = degree

    def __call__(self, edges: Array) -> Array:
        """The weights of some edges [b], [b, O]; kept for `back`."""
        first, node, head = self.network.edge_blocks[0], self.network.node_blocks[0], self.network.head
        self.number, self.ends = len(edges), np.concatenate([self.target[edges], self.source[edges]])
        self.counts = self.degree[self.ends]
        rows = np.concatenate([self.rows[end] for end in self.ends] + [edges])
        self.starts = np.cumsum(self.counts) - self.counts
        self.near = int(self.counts.sum())
        weight = weight_of(first)
        self.first = HiddenLayer.of(self.inputs[rows], weight, array(first.hidden.bias))
        mean = np.add.reduceat(self.first.after[: self.near], self.starts, axis=0) / self._share()
        self.pooled = np.concatenate([mean, self.first.after[self.near :]])
        features = self.pooled @ array(first.out.weight).T + array(first.out.bias)
        ends, own = features[: 2 * self.number], features[2 * self.number :]
        inputs = np.concatenate([self.x[self.ends], ends], axis=1)
        self.node = HiddenLayer.of(inputs, array(node.hidden.weight), array(node.hidden.bias))
        at_ends = self.node.after @ array(node.out.weight).T + array(node.out.bias)
        joined = np.concatenate([at_ends[: self.number], at_ends[self.number :], own], axis=1)
        self.joint_weight = weight_of(head)
        self.head = HiddenLayer.of(joined, self.joint_weight, array(head.hidden.bias))
        return self.head.after @ array(head.out.weight).T + array(head.out.bias)

    def back(self, grad: Array) -> None:
        """Writes derivatives by the parameters into their `grad`; grad: by the weights of the last call, [b, O]."""
        first, node, head = self.network.edge_blocks[0], self.network.node_blocks[0], self.network.head
        put(head.out, grad, self.head.after)
        through = self.head.back(grad @ array(head.out.weight))
        put_parts(head, through, self.head.inputs)
        at_target, at_source, own = np.split(through @ self.joint_weight, 3, axis=1)
        at_ends = np.concatenate([at_target, at_source])
        put(node.out, at_ends, self.node.after)
        through = self.node.back(at_ends @ array(node.out.weight))
        put(node.hidden, through, self.node.inputs)
        incoming = through @ array(node.hidden.weight)[:, self.x.shape[1] :]
        features = np.concatenate([incoming, own])
        put(first.out, features, self.pooled)
        pooled = features @ array(first.out.weight)
        shared = pooled[: 2 * self.number] / self._share()
        spread = np.concatenate([np.repeat(shared, self.counts, axis=0), pooled[2 * self.number :]])
        put_parts(first, self.first.back(spread), self.first.inputs)

    def _share(self) -> Array:
        return self.counts[:, None].astype(self.x.dtype)
