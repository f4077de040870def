"""What models read from a sample, checked against the widths that they were built for."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import scatter

from pdgn.models.channels import Channels


def node_inputs(data: Data, channels: Channels) -> Tensor:
    """data.node_context [N, P]; of width 0 where it is missing and P = 0.

    Raises:
        ValueError: another width than channels.node_context.
    """
    return _context(data, "node_context", channels.node_context, data.x.size(0))


def edge_inputs(data: Data, channels: Channels) -> Tensor:
    """data.edge_context [E, R]; of width 0 where it is missing and R = 0.

    Raises:
        ValueError: another width than channels.edge_context.
    """
    return _context(data, "edge_context", channels.edge_context, data.edge_index.size(1))


def forcing_inputs(data: Data, channels: Channels, index: int) -> Tensor:
    """data.forcing [N, T, Q] at a frame and the next, [N, 2·Q].

    Raises:
        ValueError: data has no forcing, none of width channels.forcing, or none at the next frame.
    """
    forcing = getattr(data, "forcing", None)
    wanted = (data.x.size(0), 2, channels.forcing)
    if forcing is None or forcing[:, index : index + 2].shape != wanted:
        given = None if forcing is None else list(forcing.shape)
        raise ValueError(f"data.forcing: wanted [{wanted[0]}, ≥ {index + 2}, {wanted[2]}], given {given}")
    return forcing[:, index : index + 2].flatten(1)


def reference_weights(data: Data) -> tuple[Tensor, Tensor]:
    """(data.reference_gradient [E], data.reference_laplacian [E]).

    Raises:
        ValueError: data has none.
    """
    missing = [name for name in ("reference_gradient", "reference_laplacian") if getattr(data, name, None) is None]
    if missing:
        raise ValueError(f"data.{missing[0]}: wanted a tensor [{data.edge_index.size(1)}], given None")
    return data.reference_gradient, data.reference_laplacian


def graph_index(data: Data) -> tuple[Tensor, int]:
    """The graph of each node, [N] int64, and how many graphs there are; one graph where data is not a batch."""
    batch = getattr(data, "batch", None)
    if batch is None:
        return torch.zeros(data.x.size(0), dtype=torch.long, device=data.x.device), 1
    return batch, data.num_graphs


def increment_scale(data: Data, frame: Tensor) -> Tensor:
    """The usual increment of each node and channel, [N, C]: data.increment_scale [B, C] of the node's graph, or 1.

    Raises:
        ValueError: data.increment_scale is not [B, C].
    """
    return _of_graphs(data, "increment_scale", frame, 1.0)


def physical_zero(data: Data, frame: Tensor) -> Tensor:
    """What a physical value of zero is at each node and channel, [N, C]: data.zero [B, C] of the node's graph, or 0.

    Raises:
        ValueError: data.zero is not [B, C].
    """
    return _of_graphs(data, "zero", frame, 0.0)


def trained_range(data: Data, frame: Tensor) -> tuple[Tensor, Tensor]:
    """Extremes of the training signal at each node and channel, [N, C] each: data.low, data.high [B, C], or ∓∞.

    Raises:
        ValueError: one of them is not [B, C].
    """
    return _of_graphs(data, "low", frame, -math.inf), _of_graphs(data, "high", frame, math.inf)


def mass_mean(data: Data, values: Tensor) -> Tensor:
    r"""The mass-weighted mean of each graph at its nodes, :math:`\sum_i m_i u_i / \sum_i m_i`.

    Args:
        data: with mass [N] (volumes or areas, in any unit).
        values: u, [N, C].

    Returns:
        [N, C].

    Raises:
        ValueError: data has no mass [N].
    """
    mass = getattr(data, "mass", None)
    if mass is None or mass.shape != values.shape[:1]:
        given = None if mass is None else list(mass.shape)
        raise ValueError(f"data.mass: wanted a tensor [{values.size(0)}], given {given}")
    batch, num_graphs = graph_index(data)
    weight = mass.to(values.dtype).unsqueeze(1)
    total = scatter(weight * values, batch, dim=0, dim_size=num_graphs, reduce="sum")
    return (total / scatter(weight, batch, dim=0, dim_size=num_graphs, reduce="sum")).index_select(0, batch)


def _context(data: Data, name: str, channels: int, rows: int) -> Tensor:
    value = getattr(data, name, None)
    if value is None:
        value = data.x.new_empty(rows, 0)
    if tuple(value.shape) != (rows, channels):
        raise ValueError(f"data.{name}: wanted {[rows, channels]}, given {list(value.shape)}")
    return value


def _of_graphs(data: Data, name: str, frame: Tensor, default: float) -> Tensor:
    value = getattr(data, name, None)
    if value is None:
        return torch.full_like(frame, default)
    batch, num_graphs = graph_index(data)
    if tuple(value.shape) != (num_graphs, frame.size(1)):
        raise ValueError(f"data.{name}: wanted {[num_graphs, frame.size(1)]}, given {list(value.shape)}")
    return value.to(frame.dtype).index_select(0, batch)
