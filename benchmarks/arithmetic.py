"""How many floating-point operations the mathematics needs, and how many bytes it moves at least."""

from __future__ import annotations

from typing import NamedTuple

from pdgn.models import PublishedPADGN
from pdgn.models.published_padgn import LAYERS, UNITS

FLOAT = 4  # bytes
INDEX = 8
PASSES = 3  # the forward one, and the backward one with derivatives by the inputs and by the weights


class Product(NamedTuple):
    """A linear map of rows: [rows, inputs] → [rows, outputs]."""

    rows: int
    inputs: int
    outputs: int


def products(model: PublishedPADGN, num_nodes: int, num_edges: int) -> list[Product]:
    """The linear maps of one step forward.

    What is a function of a node (the node terms of a layer on edges) counts once per node and not per edge. What is no
    linear map (activations, sums, differences, batch normalisation) is left out: below 2 % of the operations.

    Args:
        model: gives the widths. num_nodes: N. num_edges: E.
    """
    width, signal = model.hidden_channels, model.channels.signal
    inputs, difference = signal + model.channels.node_context, model.num_kernels * signal
    nodes = [(inputs, width)] * 2 + [(inputs + 2 * width, width), (width, width)] + [(width, width)] * 2
    edges = [(width, width), (width, width), (width, model.per_kernel * difference)]
    nodes, edges = 2 * nodes, 2 * edges  # a network for each order
    for layer in range(LAYERS if model.variant == "recurrent" else 0):
        node, edge = (signal + difference, difference) if layer == 0 else (width, width)
        out = signal if layer == LAYERS - 1 else width
        gates = [(width, 3 * width)] * (2 * UNITS - 1)  # of all units, but those of the first from its input
        nodes += [(node, 3 * width)] * 2 + [(node + 2 * width, 3 * width), *gates, (width, out)]
        edges += [(edge, 3 * width), *gates, (width, width)]
    return [Product(num_nodes, *widths) for widths in nodes] + [Product(num_edges, *widths) for widths in edges]


def step_operations(model: PublishedPADGN, num_nodes: int, num_edges: int, steps: int) -> int:
    """Operations of a training step: a multiplication and an addition for each weight and row, in three passes.

    Args:
        model, num_nodes, num_edges: as :func:`products`. steps: unrolled steps.
    """
    maps = products(model, num_nodes, num_edges)
    return PASSES * steps * sum(2 * rows * inputs * outputs for rows, inputs, outputs in maps)


def step_bytes(model: PublishedPADGN, num_nodes: int, num_edges: int, steps: int) -> int:
    """Bytes of a training step in float32 if each pass of each linear map reads its rows and writes its rows once, and
    all between the maps happens on the way.

    Args:
        model, num_nodes, num_edges: as :func:`products`. steps: unrolled steps.
    """
    maps = products(model, num_nodes, num_edges)
    return PASSES * steps * sum(FLOAT * rows * (inputs + outputs) for rows, inputs, outputs in maps)


def difference_bytes(num_nodes: int, num_edges: int, channels: int, backward: bool) -> int:
    """Bytes of the differences of one kernel in float32 if every tensor is read or written once.

    Forward reads x, four weights and the two ends of every edge and writes gradient and Laplacian. Backward reads them
    all again, with the derivatives by both results, and writes those by the weights and by x.

    Args:
        num_nodes: N. num_edges: E. channels: C. backward: whether the backward pass counts too.
    """
    node, edge, ends = FLOAT * num_nodes * channels, FLOAT * num_edges * channels, 2 * INDEX * num_edges
    forward = node + 4 * edge + ends + edge + node
    return forward + (node + 4 * edge + ends + edge + node + 4 * edge + node if backward else 0)
