"""Level sets of piecewise linear functions: closed curves, and the area on one side of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.geodesics.curve import ON_EDGE, Curve
from pdgn.mesh import TriMesh

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


def level_set_curves(mesh: TriMesh, values: ArrayLike, level: float) -> list[Curve]:
    """The closed curves on which a piecewise linear function has a value, larger values on their left.

    A vertex exactly on the level counts as above it: where the function stays on the level over an edge or face, the
    curve runs round the outside. Parts without area above them (a vertex or a ridge that just touches the level) give
    no curve, and neither do lines that end at the boundary of the mesh.

    Args:
        mesh: manifold and consistently oriented; isolated vertices and several components are legal.
        values: [V] finite, at the vertices.
        level: the value.

    Returns:
        Curves, those of most points first; none where the function does not cross the level in a closed curve.

    Raises:
        ValueError: where the mesh is not as wanted, or the values or the level are not.
    """
    return [curve for curve, _ in level_lines(mesh, values, level)]


def level_lines(mesh: TriMesh, values: ArrayLike, level: float) -> list[tuple[Curve, Indices]]:
    """The curves of :func:`level_set_curves`, each with the edges [n, 2] that it crosses (vertex above, vertex below).

    Raises:
        ValueError: as :func:`level_set_curves` does.
    """
    value = _check_values(mesh, values, level)
    mesh.require(manifold=True, oriented=True)
    above = value >= level
    crossed = above[mesh.face]
    face = np.flatnonzero(crossed.any(axis=1) & ~crossed.all(axis=1))
    if not len(face):
        return []
    corner, inside = mesh.face[face], crossed[face]
    following, rows = np.roll(inside, -1, axis=1), np.arange(len(face))
    # A face has one side that leaves what is above, where the line comes in, and one that returns, where it goes out.
    entry, exit_ = np.argmax(inside & ~following, axis=1), np.argmax(~inside & following, axis=1)
    high, low = corner[rows, entry], corner[rows, (entry + 1) % 3]
    key = high * mesh.num_vertices + low
    wanted = corner[rows, (exit_ + 1) % 3] * mesh.num_vertices + corner[rows, exit_]
    order = np.argsort(key)
    place = np.minimum(np.searchsorted(key, wanted, sorter=order), len(order) - 1)
    successor = np.where(key[order[place]] == wanted, order[place], -1)
    share = _shares(value, level, high, low)
    weight = np.zeros((len(face), 3))
    weight[rows, entry], weight[rows, (entry + 1) % 3] = 1 - share, share
    edge = np.stack([high, low], axis=1)
    lines = [(_curve(face[chain], weight[chain], mesh), edge[chain]) for chain in _cycles(successor)]
    kept = [(curve, crossed) for curve, crossed in lines if curve is not None]
    return sorted(kept, key=lambda line: len(line[0]), reverse=True)


def _check_values(mesh: TriMesh, values: ArrayLike, level: float) -> Array:
    value = np.asarray(values, dtype=np.float64)
    if value.shape != (mesh.num_vertices,) or not np.isfinite(value).all():
        bad = int((~np.isfinite(value)).sum())
        raise ValueError(
            f"values: wanted {mesh.num_vertices} finite numbers, got shape {list(value.shape)}, {bad} not finite"
        )
    if not np.isfinite(level):
        raise ValueError(f"level: wanted a finite number, got {level}")
    return value


def _shares(value: Array, level: float, high: Indices, low: Indices) -> Array:
    """How far along each side, from its vertex above to the one below, the level lies, [n]; 0 and 1 at the ends."""
    share = np.clip((value[high] - level) / (value[high] - value[low]), 0.0, 1.0)
    share[share <= ON_EDGE] = 0.0
    share[share >= 1 - ON_EDGE] = 1.0
    return share


def _cycles(successor: Indices) -> list[list[int]]:
    """The cycles of a map in which nothing has two predecessors; −1 ends a chain, which is no cycle."""
    follow = successor.tolist()
    first = np.setdiff1d(np.arange(len(follow)), successor)
    done = [False] * len(follow)
    cycles = []
    for start in [*first.tolist(), *range(len(follow))]:
        chain, here = [], start
        while here >= 0 and not done[here]:
            done[here] = True
            chain.append(here)
            here = follow[here]
        if chain and here == start:
            cycles.append(chain)
    return cycles


def _curve(face: Indices, weight: Array, mesh: TriMesh) -> Curve | None:
    """The curve through crossings, without repeated points and without spikes; None where nothing is left."""
    # A crossing is known by the edge or, where the function has the level at a vertex, by the vertex it lies on.
    name = [tuple(sorted(row)) for row in np.where(weight > 0, mesh.face[face], -1).tolist()]
    kept: list[int] = []
    for k in range(len(face)):
        kept.append(k)
        if len(kept) > 1 and name[k] == name[kept[-2]]:
            kept.pop()
        elif len(kept) > 2 and name[k] == name[kept[-3]]:
            del kept[-2:]
    while len(kept) > 2:
        if name[kept[-1]] == name[kept[0]]:
            kept.pop()
        elif name[kept[-2]] == name[kept[0]]:
            del kept[-2:]
        elif name[kept[-1]] == name[kept[1]]:
            kept = kept[1:-1]
        else:
            return Curve(face[kept], weight[kept])
    return None


def area_above(mesh: TriMesh, values: ArrayLike, level: float) -> float:
    """The area on which a piecewise linear function exceeds a value, exactly, units of pos squared.

    With a signed distance and level 0 it is the area enclosed by the curve.

    Args:
        mesh: any mesh.
        values: [V] finite, at the vertices.
        level: the value.

    Raises:
        ValueError: where the values or the level are not finite, or too few.
    """
    value = _check_values(mesh, values, level)
    corner = np.sort(value[mesh.face], axis=1) - level
    low, middle, high = corner.T
    with np.errstate(divide="ignore", invalid="ignore"):
        # One corner above: the triangle it cuts off, a share of h/(h−l) by h/(h−m). One below: the rest.
        tip = high**2 / ((high - low) * (high - middle))
        rest = 1 - low**2 / ((high - low) * (middle - low))
    share = np.select([low >= 0, middle >= 0, high > 0], [1.0, rest, tip], 0.0)
    share[(corner == 0).all(axis=1)] = 0.0
    return float(share @ mesh.face_area)
