"""Whether the arrays of a mesh, each good for itself, tell of one and the same mesh."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pdgn.data.record_checks import TRIANGLE
from pdgn.data.records import MeshRecord
from pdgn.mesh import TriMesh, minimal_image

# Of sums and differences of float64 numbers in another order: their round-off was below 1e-13 on every mesh tried.
_CLOSE = 1e-9
# Of unit vectors, which may have been stored in float32.
_UNIT = 1e-6


def relations(record: MeshRecord) -> Iterator[tuple[str, str]]:
    """What does not fit together in a mesh.

    Edge vectors and lengths are those of the positions, masses are positive and add up to the area, the stiffness
    m_i w_ij that the reference weights stand for is symmetric, normals are of length 1, the boundary is that of the
    faces, distances are 0 at their sources and finite exactly on their connected component, as are those from curves.

    Args:
        record: a mesh or sensor network whose arrays have the right shapes, ranges and no NaN.

    Yields:
        (path of the array inside the mesh's group, what was wanted and found).
    """
    yield from _edges(record)
    mass = record.node["mass"]
    if mass.shape != (record.num_nodes,) or not (mass > 0).all():
        yield "node/mass", f"wanted {record.num_nodes} positive numbers, got {list(mass.shape)}, the least {mass.min()}"
    if record.face is not None:
        yield from _surface(record)
    for method, distance in record.geodesic.items():
        if method == "sources":
            continue
        at_source = distance[np.arange(len(distance)), record.geodesic["sources"]]
        if (at_source > _CLOSE * record.edge["length"].mean()).any():
            row = int(at_source.argmax())
            yield f"geodesic/{method}", f"wanted 0 at the sources, got {at_source[row]} in row {row}"


def _edges(record: MeshRecord) -> Iterator[tuple[str, str]]:
    source, target = record.edge_index
    repeated = record.num_edges - len(np.unique(target * record.num_nodes + source))
    if repeated:
        yield "edge_index", f"wanted every edge once, got {repeated} again"
    wanted = minimal_image(record.pos[source] - record.pos[target], record.period)
    round_off = _CLOSE * max(float(np.abs(record.pos).max()), float(np.abs(wanted).max()))
    if not _close(record.edge["vector"], wanted, round_off):
        yield "edge/vector", "wanted x_j − x_i, row 0 of edge_index minus row 1, got other vectors"
    if not _close(record.edge["length"], np.linalg.norm(wanted, axis=1), round_off):
        yield "edge/length", "wanted |x_j − x_i|, got other numbers"
    for name in ("reference_gradient", "reference_laplacian"):
        if record.edge[name].shape != (record.num_edges,):
            yield f"edge/{name}", f"wanted shape [{record.num_edges}], got {list(record.edge[name].shape)}"


def _close(values: np.ndarray, wanted: np.ndarray, tolerance: float) -> bool:
    return values.shape == wanted.shape and bool((np.abs(values - wanted) <= tolerance).all())


def _surface(record: MeshRecord) -> Iterator[tuple[str, str]]:
    assert record.face is not None
    try:
        mesh = TriMesh(record.pos, record.face, record.period)
    except ValueError as error:
        yield "face", f"wanted a triangle mesh, but {error}"
        return
    mass, normal, boundary = (record.node[name] for name in ("mass", "normal", "boundary"))
    area = float(mesh.face_area.sum())
    if not abs(mass.sum() - area) <= _CLOSE * area:
        yield "node/mass", f"wanted masses that add up to the area of the surface, {area:.9g}, got {mass.sum():.9g}"
    size = np.linalg.norm(normal, axis=1) if normal.shape == (record.num_nodes, 3) else np.full(1, np.nan)
    if not (np.isclose(size, 1, rtol=0, atol=_UNIT) | (size == 0)).all():
        yield "node/normal", "wanted unit vectors, or zero where there is no normal, got others"
    if boundary.dtype != np.bool_ or not np.array_equal(boundary, mesh.boundary):
        yield "node/boundary", "wanted bool, true at the vertices of edges that belong to one face only, got others"
    yield from _stiffness(record)
    for method, distance in record.geodesic.items():
        if method != "sources":
            yield from _distances(record, mesh.component, method, distance)
    for name, curve in record.curves.items():
        reached = mesh.component == mesh.component[record.face[curve.face[0], 0]]
        wrong = int((np.isfinite(curve.signed_distance) != reached).sum())
        if wrong:
            where = f"curves/{name}/signed_distance"
            yield where, f"wanted +inf exactly where the curve cannot be reached, got {wrong} others"


def _stiffness(record: MeshRecord) -> Iterator[tuple[str, str]]:
    """m_i w_ij = m_j w_ji: the reference Laplacian is M⁻¹ times a symmetric matrix, unless its edges are permuted."""
    (source, target), weight = record.edge_index, record.edge["reference_laplacian"]
    if weight.shape != target.shape:
        return
    stiffness = record.node["mass"].reshape(record.num_nodes, -1)[target, 0] * weight
    key, mirrored = target * record.num_nodes + source, source * record.num_nodes + target
    forward, backward = np.argsort(key), np.argsort(mirrored)
    if not np.array_equal(key[forward], mirrored[backward]):
        yield "edge_index", "wanted every edge of a surface in both directions, got some in one"
    elif not _close(stiffness[forward], stiffness[backward], _CLOSE * float(np.abs(stiffness).max())):
        yield "edge/reference_laplacian", "wanted m_i w_ij = m_j w_ji with the masses m, got weights that differ"


def _distances(
    record: MeshRecord, component: np.ndarray, method: str, distance: np.ndarray
) -> Iterator[tuple[str, str]]:
    reached = component[None, :] == component[record.geodesic["sources"]][:, None]
    wrong = int((np.isfinite(distance) != reached).sum())
    if wrong:
        yield f"geodesic/{method}", f"wanted +inf exactly where the source cannot be reached, got {wrong} others"
    elif method == "exact":
        (source, target), length = record.edge_index, record.edge["length"].reshape(-1)
        for row, values in enumerate(distance):
            ends = np.where(reached[row], values, 0.0)
            if (np.abs(ends[source] - ends[target]) > (1 + TRIANGLE) * length).any():
                wanted = "wanted distances at the ends of an edge that differ by no more than its length"
                yield f"geodesic/{method}", f"{wanted}, got more in row {row}"
                return
