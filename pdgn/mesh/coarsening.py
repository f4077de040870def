"""Coarser meshes of the same surface."""

from __future__ import annotations

import numpy as np
import openmesh
from numpy.typing import NDArray

from pdgn.mesh.sides import Sides
from pdgn.mesh.topology import Topology
from pdgn.mesh.tri_mesh import TriMesh

# Longest side over smallest height of a face that a collapse may leave: the first that reaches the number of vertices.
ASPECT_RATIOS = (4.0, 6.0, 10.0, 20.0)
# No collapse turns a face by more [degrees].
MOST_TURN = 45.0
# How far above the number of vertices asked for a result may stay.
SLACK = 1.1


def coarsen(mesh: TriMesh, ratio: float = 0.25) -> TriMesh:
    """A mesh of about a given part of the vertices: edges are collapsed into one of their ends, the flattest first.

    OpenMesh's decimater with error quadrics; faces do not turn over and do not become needles. The vertices are some
    of the old ones, in their order, so that they lie on the surface. Components, boundary loops and handles stay. A
    boundary keeps its shape, by a curtain of faces hung on it while edges are collapsed. Where the input has creases
    or thin parts, the surface changes by more than the usual second order.

    Args:
        mesh: manifold, consistently oriented, not periodic, without degenerate faces.
        ratio: of the number of vertices, above 0 and below 1.

    Returns:
        The coarser mesh; on a mesh with boundary the number of vertices is met less well.

    Raises:
        ValueError: where ratio is out of range, the mesh unsuitable, or no such mesh is found.

    Reference: Garland & Heckbert, "Surface simplification using quadric error metrics", 1997.
    """
    if not 0 < ratio < 1:
        raise ValueError(f"ratio must lie above 0 and below 1, got {ratio}")
    if mesh.period is not None:
        raise ValueError(f"coarsen needs a mesh without period, got period {mesh.period}; a grid can be made coarser")
    mesh.require(manifold=True, oriented=True)
    before = mesh.topology()
    if len(before.degenerate_faces):
        raise ValueError(f"coarsen needs faces of some area, got {len(before.degenerate_faces)} degenerate faces")
    target = ratio * mesh.num_vertices
    for aspect in ASPECT_RATIOS:
        result = _decimate(mesh, ratio, aspect)
        if result.num_vertices <= SLACK * target and _same_topology(before, result.topology()):
            return result
    raise ValueError(
        f"no mesh of about {target:.0f} vertices with this topology and faces of aspect ratio up to "
        f"{ASPECT_RATIOS[-1]:g} is found, the last try has {result.num_vertices}; choose a larger ratio than {ratio}"
    )


def _decimate(mesh: TriMesh, ratio: float, aspect: float) -> TriMesh:
    low = mesh.pos.min(axis=0)
    unit = (mesh.pos - low) / (mesh.pos - low).max()  # the quadrics' round-off is absolute
    pos, face = _with_curtain(mesh, unit)
    half_edges = openmesh.TriMesh(pos, face)
    half_edges.set_vertex_property_array("number", np.arange(len(pos), dtype=np.float64)[:, None])
    half_edges.request_face_normals()
    half_edges.update_face_normals()
    decimater = openmesh.TriMeshDecimater(half_edges)
    quadric, turn, needle = (
        openmesh.TriMeshModQuadricHandle(),
        openmesh.TriMeshModNormalFlippingHandle(),
        openmesh.TriMeshModAspectRatioHandle(),
    )
    for handle in (quadric, turn, needle):
        decimater.add(handle)
    decimater.module(quadric).unset_max_err()
    decimater.module(turn).set_max_normal_deviation(MOST_TURN)
    decimater.module(needle).set_aspect_ratio(aspect)
    decimater.module(needle).set_binary(True)
    decimater.initialize()
    decimater.decimate_to(max(4, round(ratio * len(pos))))
    half_edges.garbage_collection()
    number = half_edges.vertex_property_array("number")[:, 0].astype(np.int64)
    left = number[half_edges.face_vertex_indices()]
    left = left[(left < mesh.num_vertices).all(axis=1)]
    kept, local = np.unique(np.concatenate([left.ravel(), mesh.topology().isolated_vertices]), return_inverse=True)
    return TriMesh(mesh.pos[kept], local[: left.size].reshape(-1, 3))


def _with_curtain(mesh: TriMesh, pos: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The mesh with a strip hung on its boundary along −n, as deep as the edges there are long.

    The quadrics of the strip hold a boundary vertex on its boundary: OpenMesh's own have no term for that.
    """
    sides = Sides.of(mesh.face, mesh.num_vertices)
    border = np.flatnonzero(sides.multiplicity[sides.edge] == 1)
    tail, head = mesh.face.ravel()[border], np.roll(mesh.face, -1, axis=1).ravel()[border]
    depth = np.zeros(mesh.num_vertices)
    for end in (tail, head):
        np.maximum.at(depth, end, np.linalg.norm(pos[head] - pos[tail], axis=1))
    rim = np.flatnonzero(depth)
    below = np.full(mesh.num_vertices, -1)
    below[rim] = mesh.num_vertices + np.arange(len(rim))
    upper = np.stack([head, tail, below[tail]], axis=1)
    lower = np.stack([head, below[tail], below[head]], axis=1)
    hung = pos[rim] - depth[rim, None] * mesh.vertex_normal[rim]
    return np.concatenate([pos, hung]), np.concatenate([mesh.face, upper, lower])


def _same_topology(before: Topology, after: Topology) -> bool:
    counts = ("components", "boundary_loops", "euler_characteristic")
    sound = after.manifold and not len(after.degenerate_faces) and not len(after.inconsistent_edges)
    return sound and all(getattr(before, name) == getattr(after, name) for name in counts)
