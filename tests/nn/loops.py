"""The equations of the layers with plain loops over edges and nodes, the reference that the layers are held to."""

from __future__ import annotations

import torch
from torch import Tensor

from pdgn.nn import DifferenceWeights, EdgeBlock, GatedUpdate, NodeBlock, RecurrentGraphNetwork, WeightNetwork


def silu(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


def spatial_difference(x: Tensor, edges: list, weights: DifferenceWeights) -> tuple[Tensor, Tensor]:
    kernels, channels = weights.gradient.shape[1:]
    gradient = torch.zeros(len(edges), kernels, channels, dtype=x.dtype)
    laplacian = torch.zeros(x.size(0), kernels, channels, dtype=x.dtype)
    for e, (j, i) in enumerate(edges):
        for k in range(kernels):
            for c in range(channels):
                w1, w2, v1, v2 = (weight[e, k, c] for weight in weights)
                gradient[e, k, c] = w1 * (x[j, c] - w2 * x[i, c])
                laplacian[i, k, c] += v1 * (x[i, c] - v2 * x[j, c])
    return gradient, laplacian


def edge_block(block: EdgeBlock, x: Tensor, edges: list, edge: Tensor) -> Tensor:
    matrix = torch.cat([block.hidden.target, block.hidden.source, block.hidden.edge], dim=1)
    rows = []
    for e, (j, i) in enumerate(edges):
        hidden = silu(matrix @ torch.cat([x[i], x[j], edge[e]]) + block.hidden.bias)
        rows.append(block.out.weight @ hidden + block.out.bias)
    return torch.stack(rows)


def node_block(block: NodeBlock, x: Tensor, edges: list, edge: Tensor) -> Tensor:
    rows = []
    for n in range(x.size(0)):
        incoming = [edge[e] for e, (_, i) in enumerate(edges) if i == n]
        mean = sum(incoming) / len(incoming) if incoming else torch.zeros(edge.size(1), dtype=x.dtype)
        hidden = silu(block.hidden.weight @ torch.cat([x[n], mean]) + block.hidden.bias)
        rows.append(block.out.weight @ hidden + block.out.bias)
    return torch.stack(rows)


def weight_network(network: WeightNetwork, x: Tensor, edges: list, edge: Tensor) -> Tensor:
    for hop in range(network.num_hops):
        edge = edge_block(network.edge_blocks[hop], x, edges, edge)
        x = node_block(network.node_blocks[hop], x, edges, edge)
    return edge_block(network.head, x, edges, edge)


def mean_size(weight: Tensor, edges: list) -> Tensor:
    """s_i of each edge's target."""
    sizes = []
    for _, i in edges:
        incoming = [abs(float(weight[e])) for e, (_, other) in enumerate(edges) if other == i]
        sizes.append(sum(incoming) / len(incoming))
    return torch.tensor(sizes, dtype=weight.dtype)


def gated_update(update: GatedUpdate, gates: Tensor, hidden: Tensor) -> Tensor:
    reset_in, update_in, new_in = gates.chunk(3)
    reset_weight, update_weight, new_weight = update.weight.chunk(3)
    reset = 1 / (1 + torch.exp(-(reset_in + reset_weight @ hidden)))
    keep = 1 / (1 + torch.exp(-(update_in + update_weight @ hidden)))
    new = torch.tanh(new_in + reset * (new_weight @ hidden + update.bias))
    return (1 - keep) * new + keep * hidden


def recurrent(network: RecurrentGraphNetwork, node: Tensor, edge: Tensor, edges: list, state) -> tuple[Tensor, Tensor]:
    for layer, hidden_edge, hidden_node in zip(network.layers, state.edge, state.node):
        gates = layer.edge_gates
        matrix = torch.cat([gates.edge, gates.target, gates.source], dim=1)
        inputs = [torch.cat([edge[e], node[i], node[j]]) for e, (j, i) in enumerate(edges)]
        edge = torch.stack(
            [gated_update(layer.edge_update, matrix @ z + gates.bias, h) for z, h in zip(inputs, hidden_edge)]
        )
        rows = []
        for n in range(node.size(0)):
            incoming = sum((edge[e] for e, (_, i) in enumerate(edges) if i == n), torch.zeros_like(edge[0]))
            outgoing = sum((edge[e] for e, (j, _) in enumerate(edges) if j == n), torch.zeros_like(edge[0]))
            z = layer.node_gates.weight @ torch.cat([node[n], incoming, outgoing]) + layer.node_gates.bias
            rows.append(gated_update(layer.node_update, z, hidden_node[n]))
        node = torch.stack(rows)
    return node, edge
