"""Differences on edges, and the fixed weights with which they make first and second derivatives."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix

from pdgn.mesh import TriMesh
from pdgn.operators.mass import mass
from pdgn.operators.stiffness import cotangent_weights


def edge_difference(mesh: TriMesh) -> csr_matrix:
    """Differences on directed edges: row e is f_j − f_i, source minus target, in the order of mesh.edge_index.

    Returns:
        [E, V] float64.
    """
    source, target = mesh.edge_index
    num = len(source)
    columns = np.stack([source, target], axis=1).ravel()
    values = np.tile([1.0, -1.0], num)
    return csr_matrix((values, columns, 2 * np.arange(num + 1)), shape=(num, mesh.num_vertices))


def reference_weights(mesh: TriMesh) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fixed weights on the edges of a mesh: of the directional derivative, and of the cotangent Laplacian.

    gradient_ij = 1 / |x_j − x_i|, laplacian_ij = ½ (cot α_ij + cot β_ij) / m_i with the lumped mass m of target i, so
    that Σ_j laplacian_ij (f_i − f_j) = (M⁻¹ L f)_i = −(Δf)_i.

    Args:
        mesh: without edges of length zero and faces without area.

    Returns:
        (gradient [E], per unit of pos; laplacian [E], per unit of pos squared), in the order of mesh.edge_index.

    Raises:
        ValueError: where an edge has length zero (its vertices are named) or a face no area.
    """
    _refuse_zero_length(mesh.edge_length, mesh.edge_index, "vertices")
    weight = cotangent_weights(mesh).data
    return 1 / mesh.edge_length, weight / mass(mesh).diagonal()[mesh.edge_index[1]]


def sensor_reference_weights(
    edge_vector: ArrayLike, edge_index: ArrayLike, num_nodes: int, *, dimension: int = 2
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fixed weights on the edges of a sensor graph: of the directional derivative and a finite-difference Laplacian.

    gradient_ij = 1 / d_ij, laplacian_ij = 2 · dimension / (deg_i d_ij²): exact where the neighbours lie symmetrically
    along the axes; on a regular grid with four neighbours the five-point stencil, with the sign of −Δ.

    Args:
        edge_vector: [E, D] x_j − x_i, shortest images where the domain is periodic.
        edge_index: [2, E] source j, target i.
        num_nodes: N.
        dimension: of the domain on which the sensors lie.

    Returns:
        (gradient [E], per unit of length; laplacian [E], per unit of length squared).

    Raises:
        ValueError: where an edge has length zero, an index is out of range, or a sensor has no neighbour (named).
    """
    index = np.asarray(edge_index, dtype=np.int64)
    length = np.linalg.norm(np.asarray(edge_vector, dtype=np.float64), axis=1)
    if index.shape != (2, len(length)):
        raise ValueError(f"edge_index must have shape [2, {len(length)}] as edge_vector has, got {list(index.shape)}")
    if index.size and not 0 <= index.min() <= index.max() < num_nodes:
        raise ValueError(f"edge_index must lie in [0, {num_nodes}), got {index.min()} to {index.max()}")
    _refuse_zero_length(length, index, "sensors")
    degree = np.bincount(index[1], minlength=num_nodes)
    alone = np.flatnonzero(degree == 0)
    if len(alone):
        raise ValueError(f"every sensor needs a neighbour, got {len(alone)} without, the first is sensor {alone[0]}")
    return 1 / length, 2 * dimension / (degree[index[1]] * length**2)


def _refuse_zero_length(length: NDArray[np.float64], edge_index: NDArray[np.int64], nodes: str) -> None:
    zero = np.flatnonzero(length == 0)
    if len(zero):
        pair = sorted(edge_index[:, zero[0]].tolist())
        raise ValueError(
            f"every edge must have a length, got {len(zero)} directed edges of length zero, "
            f"the first between {nodes} {pair[0]} and {pair[1]}"
        )
