"""One window of a trajectory as the graph that models and roll-outs see."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from pdgn.data.cells import cell_vectors, cells
from pdgn.data.context import Context, edge_context, forcing, node_context
from pdgn.data.records import MeshRecord
from pdgn.data.shards import TimeAxis

_HOURS = TimeAxis("h")


def build_sample(
    record: MeshRecord,
    x: np.ndarray | Tensor,
    x_mask: np.ndarray | Tensor | None,
    y: np.ndarray | Tensor | None,
    y_mask: np.ndarray | Tensor | None,
    time: np.ndarray,
    context: Context,
    parameters: Mapping[str, np.ndarray] | None = None,
    *,
    axis: TimeAxis = _HOURS,
) -> Data:
    """A window of T0 observed and H further frames on one mesh, in physical units.

    Args:
        record: the mesh or sensor network, V nodes and E edges.
        x: observed frames [T0, V, C], in the order of the file (time first).
        x_mask: [T0, V] bool, true where the sensor reports; None: true where x is finite.
        y: frames to predict [H, V, C]; None where the truth is unknown, y and y_mask are then zero and false.
        y_mask: [H, V] bool; None: true where y is finite.
        time: [T0 + H], in the unit of ``axis``; at least two frames, equally spaced.
        context: names of features.
        parameters: of this trajectory, name → [V, ...] or one value or [D].
        axis: unit and origin of ``time``; by default hours since a midnight UTC.

    Returns:
        Data with x [V, T0, C], x_mask [V, T0], y [V, H, C], y_mask [V, H], forcing [V, T0+H, Q], node_context [V, P],
        edge_context [E, R], edge_index [2, E], reference_gradient [E], reference_laplacian [E], mass [V], pos [V, 3],
        face [3, F] and cell_vector [F, 2, 3] (:mod:`pdgn.data.cells`; F may be 0 for sensors), dt [1]. Floats are
        float32; frames are 0 where not observed. Static tensors are shared between samples: do not change them in
        place.

    Raises:
        ValueError: shapes do not fit, an observed value is not finite, a context feature is not there.
    """
    time = np.asarray(time, dtype=np.float64)
    frames, observed = _frames("x", x, x_mask, record.num_nodes)
    horizon = len(time) - frames.shape[1]
    if len(time) < 2 or horizon < 0:
        raise ValueError(f"time: wanted at least 2 and {frames.shape[1]} entries, as x has frames, got {len(time)}")
    if y is None:  # zeros that no one touches take no memory
        target = torch.zeros(record.num_nodes, horizon, frames.shape[2])
        target_mask = torch.zeros(record.num_nodes, horizon, dtype=torch.bool)
    else:
        target, target_mask = _frames("y", y, y_mask, record.num_nodes)
    if y is not None and target.shape[1:] != (horizon, frames.shape[2]):
        raise ValueError(
            f"y: wanted {horizon} frames of {frames.shape[2]} channels, as time and x say, got {list(y.shape)}"
        )
    dt = float(time[1] - time[0])
    parameters = parameters or {}
    face = record.tensor("face", lambda: cells(record))
    return Data(
        x=frames,
        x_mask=observed,
        y=target,
        y_mask=target_mask,
        forcing=forcing(context.forcing, time, axis, record.num_nodes),
        node_context=node_context(record, context.node, parameters, dt),
        edge_context=edge_context(record, context.edge, parameters),
        edge_index=record.tensor("edge_index", lambda: record.edge_index),
        reference_gradient=record.tensor("reference_gradient", lambda: record.edge["reference_gradient"]),
        reference_laplacian=record.tensor("reference_laplacian", lambda: record.edge["reference_laplacian"]),
        mass=record.tensor("mass", lambda: record.node["mass"]),
        pos=record.tensor("pos", lambda: record.pos),
        face=face,
        cell_vector=record.tensor("cell_vector", lambda: cell_vectors(record, face.numpy())),
        dt=torch.tensor([dt]),
    )


def _frames(
    name: str, values: np.ndarray | Tensor, mask: np.ndarray | Tensor | None, num_nodes: int
) -> tuple[Tensor, Tensor]:
    """Frames [V, T, C] with 0 where not observed, and the mask [V, T]."""
    values = _array(values)
    if values.ndim != 3 or values.shape[1] != num_nodes:
        raise ValueError(f"{name}: wanted shape [T, {num_nodes}, C] (time first), got {list(values.shape)}")
    mask = None if mask is None else _array(mask)
    if mask is not None and (mask.shape != values.shape[:2] or mask.dtype != np.bool_):
        kind = torch.as_tensor(mask).dtype
        raise ValueError(f"{name}_mask: wanted bool {list(values.shape[:2])}, got {kind} {list(mask.shape)}")
    if np.isfinite(values).all() and (mask is None or mask.all()):  # the rule, and the hot path of training
        return _nodes_first(values, np.float32), torch.ones(num_nodes, len(values), dtype=torch.bool)
    finite = np.isfinite(values).all(axis=-1)
    mask = finite if mask is None else mask
    wrong = int((mask & ~finite).sum())
    if wrong:
        raise ValueError(
            f"{name}: wanted finite values where the mask is true, got NaN or infinity at {wrong} node frames"
        )
    return _nodes_first(np.where(mask[..., None], values, 0), np.float32), _nodes_first(mask, np.bool_)


def _array(values: np.ndarray | Tensor) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _nodes_first(values: np.ndarray, dtype: type) -> Tensor:
    """A copy of [T, V, ...] as [V, T, ...]; frame by frame, which is faster than a transposed copy."""
    result = np.empty((values.shape[1], len(values), *values.shape[2:]), dtype=dtype)
    with np.errstate(over="ignore"):
        for number, frame in enumerate(values):
            result[:, number] = frame
    return torch.from_numpy(result)
