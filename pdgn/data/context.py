"""What a model is told besides the signal: features of nodes, of edges and of time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pdgn.data.geodesic_context import (
    EDGE_FEATURES,
    NODE_FEATURES,
    SIGNED,
    geodesic_edges,
    geodesic_nodes,
    has_geodesic,
    is_geodesic,
    require_geodesic,
)
from pdgn.data.records import MeshRecord
from pdgn.data.shards import TimeAxis

HOURS = {"h": 1.0, "min": 1 / 60, "s": 1 / 3600, "d": 24.0}
_NODE_FEATURES = ("pos", "normal", "boundary", "log_mass", "dt", *NODE_FEATURES)
_EDGE_FEATURES = ("length", "vector", "reference", *EDGE_FEATURES)
_FORCING_FEATURES = ("hour_of_day",)
PROJECTION, CONVECTION = VECTOR_PREFIXES = ("project:", "convection:")
# Of features that name something of the mesh after a colon.
_PREFIXES = {"node": (SIGNED,), "edge": (), "forcing": ()}


class ChannelCounts(NamedTuple):
    """Numbers of channels: of the signal, of the context of nodes and edges, and of the forcing."""

    signal: int
    node_context: int = 0
    edge_context: int = 0
    forcing: int = 0


@dataclass(frozen=True)
class Context:
    """Names of the features that a model is given besides the signal.

    Args:
        node: of "pos" (3), "normal" (3), "boundary", "log_mass", "dt", "geodesic" (distance along the surface to the
            nearest stored source), "geodesic_sources" (to each of them, S), "signed_distance:<curve>", or the name of
            an array of the mesh's ``node`` [V, ...] or of the trajectory's parameters ([V, ...], or one value for all
            nodes). Of several stored methods the most accurate is taken: exact, heat, fast marching. Where the mesh has
            no distances, a parameter of the feature's name [V, S] is taken ("geodesic_sources" for that of edges).
        edge: of "length", "vector" (3), "reference" (reference gradient times length, reference Laplacian times
            length²; 2), "geodesic_difference" = d_j − d_i of the distances to each source (S), "project:<name>" =
            ½(a_i + a_j)·(x_j − x_i) of a node vector field a [V, 3], "convection:<name>", on a mesh, the convection
            weights of such a field or of one on the faces [F, 3] (2, see :class:`pdgn.operators.ConvectionWeights`),
            or the name of an array of the mesh's ``edge``, such as "geodesic_length".
        forcing: of "hour_of_day" (sin and cos of 2π·hour/24, UTC; 2).
    """

    node: list[str] = field(default_factory=list)
    edge: list[str] = field(default_factory=list)
    forcing: list[str] = field(default_factory=list)


def parameter_names(context: Context, record: MeshRecord, available: Mapping[str, object]) -> list[str]:
    """Those parameters of a trajectory that the context needs.

    Args:
        context: names of features.
        record: the mesh; its arrays come before parameters of the same name.
        available: names of the parameters.

    Raises:
        ValueError: a feature that neither the mesh nor the parameters have; named, with what is available.
    """
    needed = []
    for kind, names, own, builtin in (
        ("node", context.node, record.node, _NODE_FEATURES),
        ("edge", context.edge, record.edge, _EDGE_FEATURES),
        ("forcing", context.forcing, {}, _FORCING_FEATURES),
    ):
        for name in names:
            array, arrays = name, own
            if kind == "edge" and name.startswith(VECTOR_PREFIXES):
                array, arrays = _vector_field(name), record.node
                if name.startswith(CONVECTION) and record.face is None:
                    raise ValueError(f"edge context feature {name!r}: wanted a mesh, given sensors without faces")
            elif kind != "forcing" and (given := _given_geodesic(record, kind, name, available)):
                needed.append(given)
                continue
            elif name in builtin or name.startswith(_PREFIXES[kind]) or (kind != "node" and name in own):
                _require_builtin(record, name)
                continue
            if array in arrays:
                continue
            if array not in available or (kind != "node" and not name.startswith(VECTOR_PREFIXES)):
                raise ValueError(_unknown(kind, name, builtin, own if arrays is own else arrays, available))
            needed.append(array)
    return list(dict.fromkeys(needed))


def _given_geodesic(record: MeshRecord, kind: str, name: str, parameters: Mapping[str, object]) -> str | None:
    """The parameter that has the distances of a feature, where the record has none."""
    if kind == "edge":
        source = "geodesic_sources" if name in EDGE_FEATURES else None
    else:
        source = name if name in NODE_FEATURES or name.startswith(SIGNED) else None
    return source if source in parameters and not has_geodesic(record, name) else None


def _require_builtin(record: MeshRecord, name: str) -> None:
    if name in ("normal", "boundary") and name not in record.node:
        raise ValueError(
            f"context feature {name!r}: the record has no array {name!r}, available: {', '.join(sorted(record.node))}"
        )
    if is_geodesic(name):
        require_geodesic(record, name)


def _unknown(kind: str, name: str, builtin: tuple[str, ...], own: Mapping, parameters: Mapping[str, object]) -> str:
    names = [*builtin, *sorted(own), *(sorted(parameters) if kind != "forcing" else ())]
    vectors = [f"{prefix}<vector field>" for prefix in VECTOR_PREFIXES]
    names += {"edge": vectors, "node": [f"{SIGNED}<curve>"]}.get(kind, [])
    return f"{kind} context feature {name!r}: the record does not have it, available: {', '.join(dict.fromkeys(names))}"


def node_context(record: MeshRecord, names: list[str], parameters: Mapping[str, np.ndarray], dt: float) -> Tensor:
    """Features of the nodes.

    Returns:
        [V, P] float32; P = 0 for no names.

    Raises:
        ValueError: a feature that the record does not have or that is not finite.
    """
    own = {name for name in (*_NODE_FEATURES, *record.node) if not _given_geodesic(record, "node", name, parameters)}
    static = set(names) <= own - {"dt"}
    return _kept(record, "node", names, static, lambda: _node_columns(record, names, parameters, dt))


def _kept(record: MeshRecord, kind: str, names: list[str], static: bool, compute: Callable[[], Tensor]) -> Tensor:
    """Features that are the mesh's own are joined once and kept with it."""
    return record.tensor(f"{kind} context {','.join(names)}", lambda: compute().numpy()) if static else compute()


def _node_columns(record: MeshRecord, names: list[str], parameters: Mapping[str, np.ndarray], dt: float) -> Tensor:
    parameter_names(Context(node=list(names)), record, parameters)
    columns = [_node_feature(record, name, parameters, dt) for name in names]
    return torch.cat([torch.empty(record.num_nodes, 0), *columns], dim=1)


def _node_feature(record: MeshRecord, name: str, parameters: Mapping[str, np.ndarray], dt: float) -> Tensor:
    if name == "pos":
        return record.tensor("pos", lambda: record.pos.astype(np.float32))
    if name == "dt":
        return torch.full((record.num_nodes, 1), dt)
    if name == "log_mass":
        return record.tensor("log_mass", lambda: np.log(record.node["mass"])[:, None])
    if given := _given_geodesic(record, "node", name, parameters):
        return torch.from_numpy(_distances(record, given, parameters))
    if is_geodesic(name):
        return record.tensor(f"geodesic/{name}", lambda: geodesic_nodes(record, name))
    if name in record.node:
        return record.tensor(f"node/{name}", lambda: _columns(record.node[name]))
    values = torch.from_numpy(np.array(parameters[name], dtype=np.float32))
    if values.ndim and len(values) == record.num_nodes:
        return values.reshape(record.num_nodes, -1)
    if values.ndim > 1:
        raise ValueError(
            f"node context feature {name!r}: wanted [V, ...], one value or [D], got shape {list(values.shape)}"
        )
    return values.reshape(1, -1).expand(record.num_nodes, -1)


def _distances(record: MeshRecord, name: str, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    """Distances [V, S] that came as a parameter; S is 1 but for those to each source."""
    values = np.array(parameters[name], dtype=np.float32)
    shapes = "[V] or [V, S]" if name == "geodesic_sources" else "[V]"
    if (
        values.ndim not in (1, 2)
        or values.shape[0] != record.num_nodes
        or (shapes == "[V]" and values.size != record.num_nodes)
    ):
        raise ValueError(f"parameters: {name}: wanted {shapes}, V = {record.num_nodes}, got {list(values.shape)}")
    return values.reshape(record.num_nodes, -1)


def _columns(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1).astype(np.float32)


def edge_context(record: MeshRecord, names: list[str], parameters: Mapping[str, np.ndarray]) -> Tensor:
    """Features of the directed edges.

    Returns:
        [E, R] float32; R = 0 for no names.

    Raises:
        ValueError: a feature that the record does not have.
    """
    own = {name for name in (*_EDGE_FEATURES, *record.edge) if not _given_geodesic(record, "edge", name, parameters)}
    static = all(name in own or _vector_field(name) in record.node for name in names)
    return _kept(record, "edge", names, static, lambda: _edge_columns(record, names, parameters))


def _edge_columns(record: MeshRecord, names: list[str], parameters: Mapping[str, np.ndarray]) -> Tensor:
    parameter_names(Context(edge=list(names)), record, parameters)
    columns = [_edge_feature(record, name, parameters) for name in names]
    return torch.cat([torch.empty(record.num_edges, 0), *columns], dim=1)


def _edge_feature(record: MeshRecord, name: str, parameters: Mapping[str, np.ndarray]) -> Tensor:
    if name == "reference":
        return record.tensor("reference", lambda: _scaled_reference(record))
    if given := _given_geodesic(record, "edge", name, parameters):
        distance = _distances(record, given, parameters)
        source, target = record.edge_index
        return torch.from_numpy(distance[source] - distance[target])
    if is_geodesic(name):
        return record.tensor(f"geodesic/{name}", lambda: geodesic_edges(record, name))
    if name in record.edge:
        return record.tensor(f"edge/{name}", lambda: _columns(record.edge[name]))
    field, make = _vector_field(name), _convection if name.startswith(CONVECTION) else _project
    if field in record.node:
        return record.tensor(name, lambda: make(record, record.node[field], name))
    return torch.from_numpy(make(record, parameters[field], name).astype(np.float32))


def _vector_field(name: str) -> str:
    return name.removeprefix(CONVECTION if name.startswith(CONVECTION) else PROJECTION)


def _scaled_reference(record: MeshRecord) -> np.ndarray:
    length = record.edge["length"]
    return np.stack(
        [record.edge["reference_gradient"] * length, record.edge["reference_laplacian"] * length**2], axis=1
    )


def _convection(record: MeshRecord, values: np.ndarray, name: str) -> np.ndarray:
    try:
        return np.stack(record.convection.weights(values), axis=1)
    except ValueError as error:
        raise ValueError(f"edge context feature {name!r}: {error}") from None


def _project(record: MeshRecord, values: np.ndarray, name: str) -> np.ndarray:
    _require_vectors(record, values, name)
    source, target = record.edge_index
    return np.einsum("ec,ec->e", 0.5 * (values[source] + values[target]), record.edge["vector"])[:, None]


def _require_vectors(record: MeshRecord, values: np.ndarray, name: str) -> None:
    if values.shape != (record.num_nodes, 3):
        raise ValueError(
            f"edge context feature {name!r}: wanted a vector field {[record.num_nodes, 3]}, got {list(values.shape)}"
        )


def forcing(names: list[str], time: np.ndarray, axis: TimeAxis, num_nodes: int) -> Tensor:
    """Inputs known at every frame.

    hour_of_day: (sin 2πh/24, cos 2πh/24), h the hour of the day (UTC).

    Args:
        names: of features.
        time: [T] in the axis's unit since its origin.
        axis: unit and origin of the time; without origin, time 0 is midnight.
        num_nodes: V.

    Returns:
        [V, T, Q] float32; Q = 0 for no names.

    Raises:
        ValueError: an unknown feature, or a unit of time that is not one of h, min, s, d.
    """
    if not names:
        return torch.empty(num_nodes, len(time), 0)
    unknown = [name for name in names if name not in _FORCING_FEATURES]
    if unknown:
        raise ValueError(f"forcing feature {unknown[0]!r}: unknown, available: {', '.join(_FORCING_FEATURES)}")
    angle = torch.from_numpy(hour_of_day(time, axis)) * (2 * math.pi / 24)
    values = torch.stack([angle.sin(), angle.cos()], dim=-1).float().repeat(1, len(names))
    return values.expand(num_nodes, -1, -1)


def hour_of_day(time: np.ndarray, axis: TimeAxis) -> np.ndarray:
    """Hours since midnight UTC, in [0, 24).

    Args:
        time: [T] in the axis's unit since its origin.
        axis: unit "h", "min", "s" or "d"; without origin, time 0 is midnight.

    Raises:
        ValueError: another unit.
    """
    if axis.unit not in HOURS:
        raise ValueError(f"forcing feature 'hour_of_day': wanted a time unit of {', '.join(HOURS)}, got {axis.unit!r}")
    start = 0.0
    if axis.origin is not None:
        clock = datetime.fromisoformat(axis.origin)
        clock = clock if clock.tzinfo is None else clock.astimezone(UTC)
        start = clock.hour + clock.minute / 60 + clock.second / 3600
    return (start + np.asarray(time, dtype=np.float64) * HOURS[axis.unit]) % 24
