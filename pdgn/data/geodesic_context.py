"""Context features from distances along the surface."""

from __future__ import annotations

import numpy as np

from pdgn.data.records import MeshRecord

# Geodesic distances by preference, the most accurate first.
METHODS = ("exact", "heat", "fast_marching")
SIGNED = "signed_distance:"
NODE_FEATURES = ("geodesic", "geodesic_sources")
EDGE_FEATURES = ("geodesic_difference",)


def is_geodesic(name: str) -> bool:
    """Whether a context feature is one of those made here."""
    return name in (*NODE_FEATURES, *EDGE_FEATURES) or name.startswith(SIGNED)


def has_geodesic(record: MeshRecord, name: str) -> bool:
    """Whether the record has the distances of a feature."""
    if name.startswith(SIGNED):
        return name.removeprefix(SIGNED) in record.curves
    return any(method in record.geodesic for method in METHODS)


def require_geodesic(record: MeshRecord, name: str) -> None:
    """Refuse a feature for which the record has not the distances.

    Args:
        record: the mesh. name: of the feature.

    Raises:
        ValueError: naming the feature, and what is there.
    """
    if has_geodesic(record, name):
        return
    if name.startswith(SIGNED):
        raise ValueError(
            f"context feature {name!r}: the record has no curve {name.removeprefix(SIGNED)!r}, available: "
            f"{', '.join(sorted(record.curves)) or 'none'}"
        )
    raise ValueError(
        f"context feature {name!r}: the record has no geodesic distances ({', '.join(METHODS)}), "
        f"available: {', '.join(sorted(record.geodesic)) or 'none'}"
    )


def geodesic_nodes(record: MeshRecord, name: str) -> np.ndarray:
    """A feature of the nodes, in the unit of the positions.

    Args:
        record: the mesh.
        name: "geodesic", distance to the nearest source [V, 1]; "geodesic_sources", distance to each source [V, S];
            "signed_distance:<curve>", signed distance from a curve [V, 1].

    Raises:
        ValueError: a distance is infinite, as no path leads there.
    """
    if name.startswith(SIGNED):
        distance = record.curves[name.removeprefix(SIGNED)].signed_distance[None]
        remedy = "nodes that the curve does not reach; leave out their components, or take a curve on the same one"
    elif name == "geodesic":
        distance = _from_sources(record).min(axis=0, keepdims=True)
        remedy = "nodes that no source reaches; add a source there"
    else:
        distance = _from_sources(record)
        remedy = (
            "nodes that not every source reaches; put all sources on one component, or take 'geodesic', the nearest"
        )
    infinite = int(np.isinf(distance).any(axis=0).sum())
    if infinite:
        raise ValueError(f"context feature {name!r}: infinite at {infinite} {remedy}")
    return distance.T


def geodesic_edges(record: MeshRecord, name: str) -> np.ndarray:
    """A feature of the directed edges: "geodesic_difference", d_j − d_i [E, S], how much further from each source the
    edge's source j is than its target i. At most the length of the edge, and the less the more it runs along the front.

    Args:
        record: the mesh. name: "geodesic_difference".

    Raises:
        ValueError: a distance is infinite.
    """
    try:
        distance = geodesic_nodes(record, "geodesic_sources")
    except ValueError as error:
        raise ValueError(str(error).replace("geodesic_sources", name)) from error
    return distance[record.edge_index[0]] - distance[record.edge_index[1]]


def _from_sources(record: MeshRecord) -> np.ndarray:
    return record.geodesic[next(method for method in METHODS if method in record.geodesic)]
