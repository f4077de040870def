"""How many floating-point operations the mathematics needs, and how many the machine can do."""

from __future__ import annotations

import statistics
import time

import torch

from pdgn.models import PublishedPADGN
from pdgn.models.published_padgn import LAYERS, UNITS


def matrix_product_rate(dtype: torch.dtype = torch.float32, size: int = 2048, repeats: int = 9) -> float:
    """Floating-point operations per second of a square matrix product [1/s], the median of some runs."""
    left, right = torch.randn(size, size).to(dtype), torch.randn(size, size).to(dtype)
    out, seconds = torch.empty_like(left), []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        torch.mm(left, right, out=out)
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / statistics.median(seconds[1:])


def step_operations(model: PublishedPADGN, num_nodes: int, num_edges: int, steps: int) -> int:
    """Operations of the matrix products of a training step: a multiplication and an addition for each weight and row.

    What is a function of a node (the node terms of a layer on edges) counts once per node and not per edge. The
    backward pass needs the derivative by the inputs and by the weights, twice the forward one. What is not a matrix
    product (activations, sums, differences) is left out: below 2 % of it.

    Args:
        model: gives the widths. num_nodes: N. num_edges: E. steps: unrolled steps.
    """
    channels, width, kernels = model.channels.signal, model.hidden_channels, model.num_kernels
    inputs, outputs = channels + model.channels.node_context, model.per_kernel * kernels * channels
    node = 2 * (2 * inputs * width + (inputs + 2 * width) * width + width * width + 2 * width * width)
    edge = 2 * (width * width + width * width + width * outputs)
    if model.variant == "recurrent":
        first = channels * (1 + kernels), kernels * channels
        for place in range(LAYERS):
            node_in, edge_in = first if place == 0 else (width, width)
            units = (2 * UNITS - 1) * 3 * width * width  # all products of the units but those with the first input
            out = channels if place == LAYERS - 1 else width
            edge += 3 * width * edge_in + units + width * width
            node += 2 * 3 * width * node_in  # node terms of the edges' gates
            node += 3 * width * (node_in + 2 * width) + units + width * out
    return 3 * 2 * steps * (node * num_nodes + edge * num_edges)
