"""What must hold of the arrays of a mesh before they are stored or used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pdgn.data.schema import require_name
from pdgn.geodesics import Curve

if TYPE_CHECKING:
    from pdgn.data.records import CurveRecord, MeshRecord

# By how much an exact distance may miss the triangle inequality: the solver was seen to by 3e-14 in thin faces.
TRIANGLE = 1e-6


def check_positions(pos: np.ndarray) -> None:
    """Refuses positions that are not [V, 3], V > 0, and finite.

    Raises:
        ValueError: naming the array and what is wrong.
    """
    if pos.ndim != 2 or pos.shape[1] != 3 or len(pos) == 0:
        raise ValueError(f"pos: wanted shape [V, 3] with V > 0, got {list(pos.shape)}")
    if not np.isfinite(pos).all():
        raise ValueError(
            f"pos: wanted finite positions, got {int((~np.isfinite(pos)).any(1).sum())} nodes with NaN or infinity"
        )


def check_names(names: Sequence[str], num_nodes: int) -> None:
    """Refuses names of nodes that are not as many as the nodes, empty, or given twice; none at all are legal.

    Raises:
        ValueError: naming the array that holds them and what is wrong.
    """
    if names and (len(names) != num_nodes or len(set(names)) < len(names) or not all(names)):
        raise ValueError(
            f"pos: attribute 'names': wanted {num_nodes} different names or none, got {len(names)}, "
            f"{len(set(names) - {''})} different"
        )


def check_edges(edge_index: np.ndarray, num_nodes: int) -> None:
    """Refuses edges [2, E] that are out of range, not sorted by target, loops, or leave a node without neighbour.

    Raises:
        ValueError: naming the array and what is wrong.
    """
    if edge_index.ndim != 2 or edge_index.shape[0] != 2 or edge_index.shape[1] == 0:
        raise ValueError(f"edge_index: wanted shape [2, E] with E > 0, got {list(edge_index.shape)}")
    _check_range("edge_index", edge_index, num_nodes)
    if (np.diff(edge_index[1]) < 0).any():
        raise ValueError("edge_index: wanted edges sorted by target (row 1), got another order")
    if (edge_index[0] == edge_index[1]).any():
        raise ValueError(f"edge_index: wanted no self-loops, got {int((edge_index[0] == edge_index[1]).sum())}")
    lonely = np.flatnonzero(np.bincount(edge_index[1], minlength=num_nodes) == 0)
    if lonely.size:
        raise ValueError(
            f"edge_index: wanted a neighbour for every node, got {lonely.size} nodes without (first: "
            f"{lonely[:5].tolist()})"
        )


def _check_range(name: str, index: np.ndarray, num_nodes: int) -> None:
    if index.min() < 0 or index.max() >= num_nodes:
        raise ValueError(f"{name}: wanted indices in [0, {num_nodes}), got {int(index.min())} … {int(index.max())}")


def check_geometry(record: MeshRecord) -> None:
    """Checks positions, edges, faces and geodesic distances of a record.

    Raises:
        ValueError: naming the array and what is wrong.
    """
    check_positions(record.pos)
    check_edges(record.edge_index, record.num_nodes)
    if record.face is not None:
        check_face(record.face, record.num_nodes)
    for name in record.geodesic:
        check_geodesic(name, record.geodesic, record.num_nodes)


def check_face(face: np.ndarray, num_nodes: int) -> None:
    """Refuses faces that are not [F, 3], F > 0, with indices in [0, V).

    Raises:
        ValueError: naming the array and what is wrong.
    """
    if face.ndim != 2 or face.shape[1] != 3 or len(face) == 0:
        raise ValueError(f"face: wanted shape [F, 3] with F > 0, got {list(face.shape)}")
    _check_range("face", face, num_nodes)


def check_geodesic(name: str, geodesic: Mapping[str, np.ndarray], num_nodes: int) -> None:
    """Refuses sources out of range, and distances that are not [S, V], NaN or negative; +inf is legal.

    Raises:
        ValueError: naming the array and what is wrong.
    """
    values, sources = geodesic[name], geodesic.get("sources")
    if sources is None:
        raise ValueError(f"geodesic: wanted 'sources' [S] beside the distances, got only {sorted(geodesic)}")
    if name == "sources":
        _check_range("geodesic/sources", values, num_nodes)
    elif values.shape != (len(sources), num_nodes) or np.isnan(values).any() or (values < 0).any():
        raise ValueError(
            f"geodesic/{name}: wanted distances ≥ 0 of shape {[len(sources), num_nodes]}, got "
            f"{list(values.shape)} "
            f"with {int(np.isnan(values).sum())} NaN and {int((values < 0).sum())} negative"
        )


def check_curve(name: str, record: CurveRecord, face: np.ndarray | None, num_nodes: int) -> None:
    """Refuses points outside faces, segments that leave a face, and signed distances that are NaN or −inf.

    Args:
        name: of the curve. record: the curve. face: [F, 3] of the mesh, None where it has none. num_nodes: V.

    Raises:
        ValueError: naming the array and what is wrong.
    """
    require_name(name, "curves")
    if face is None:
        raise ValueError(f"curves/{name}: wanted a surface to lie on, got a mesh without faces")
    try:
        Curve(record.face, record.barycentric).require_on(face)
    except ValueError as error:
        raise ValueError(f"curves/{name}/{error}") from error
    if (record.barycentric < 0).any():
        raise ValueError(f"curves/{name}/barycentric: wanted numbers ≥ 0, got {record.barycentric.min()}")
    distance = record.signed_distance
    if distance.shape != (num_nodes,) or distance.dtype != np.float64 or not (distance > -np.inf).all():
        wrong = int((~(distance > -np.inf)).sum())
        raise ValueError(
            f"curves/{name}/signed_distance: wanted {num_nodes} float64, finite or +inf, got {distance.dtype} "
            f"{list(distance.shape)} with {wrong} NaN or −inf"
        )


def required_arrays(has_faces: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names that every record has in ``node`` and in ``edge``."""
    node = ("mass", "normal", "boundary") if has_faces else ("mass",)
    return node, ("reference_gradient", "reference_laplacian", "vector", "length")


def check_arrays(record: MeshRecord) -> None:
    """Checks that a record has the arrays that every record has, of the right length and finite.

    Raises:
        ValueError, TypeError: naming the array and what is wrong.
    """
    wanted = required_arrays(record.face is not None)
    for kind, arrays, count, names in (
        ("node", record.node, record.num_nodes, wanted[0]),
        ("edge", record.edge, record.num_edges, wanted[1]),
    ):
        missing = [name for name in names if name not in arrays]
        if missing:
            raise ValueError(f"{kind}: wanted the arrays {', '.join(names)}, got none named {', '.join(missing)}")
        for name, values in arrays.items():
            check_rows(kind, name, values, count)
    if "geodesic_length" in record.edge:
        check_geodesic_length(record.edge["geodesic_length"], record.edge["length"], record.face is not None)


def check_geodesic_length(values: np.ndarray, length: np.ndarray, on_surface: bool) -> None:
    """Refuses lengths along the surface that cannot be exact, beside the straight lengths of the edges.

    Args:
        values: [E]. length: [E]. on_surface: edges lie in the surface (a mesh) and are their own shortest paths; else
            only their ends do (sensors), and no path is shorter than the straight line.

    Raises:
        ValueError: naming the array and what is wrong.
    """
    if values.shape != length.shape:
        raise ValueError(f"edge/geodesic_length: wanted shape {list(length.shape)}, got {list(values.shape)}")
    wrong = values < (1 - TRIANGLE) * length
    if on_surface:
        wrong |= values > (1 + TRIANGLE) * length
    if wrong.any():
        wanted = "lengths equal to those of the edges" if on_surface else "lengths of at least the straight ones"
        raise ValueError(f"edge/geodesic_length: wanted {wanted}, got others at {int(wrong.sum())} edges")


def check_rows(kind: str, name: str, values: np.ndarray, count: int) -> None:
    """Refuses an array that does not have one finite row of numbers per node or edge.

    Args:
        kind: "node" or "edge". name: of the array. values: [count, ...]. count: V or E.

    Raises:
        ValueError, TypeError: naming the array and what is wrong.
    """
    require_name(name, kind)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"{kind}/{name}: wanted numbers, got dtype {values.dtype}")
    if values.ndim == 0 or len(values) != count:
        raise ValueError(f"{kind}/{name}: wanted {count} rows, got shape {list(values.shape)}")
    if not np.isfinite(values).all():
        raise ValueError(
            f"{kind}/{name}: wanted finite values, got {int((~np.isfinite(values)).sum())} NaN or infinite"
        )
