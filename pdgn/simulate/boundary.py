"""Boundaries of a mesh as equations see them: is the mesh fit, which vertices are fixed, what flows in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh
from pdgn.mesh.period import minimal_image
from pdgn.operators import mass
from pdgn.simulate.argument import finite_array
from pdgn.simulate.system import LinearSystem


def bounded_system(
    field: str, mesh: TriMesh, operator: sp.csr_matrix, boundary: str, value: ArrayLike | None, coupling: float = np.inf
) -> LinearSystem:
    """A linear system with lumped mass and the boundary condition put in.

    Args:
        field: name of the unknown.
        mesh: the mesh.
        operator: csr [V, V], K.
        boundary: "neumann" or "dirichlet".
        value: inflow or fixed value, as `Heat` takes it.
        coupling: see `Spectrum`.

    Returns:
        The system M du/dt = −K u + s.
    """
    fixed, source, values = boundary_condition(mesh, boundary, value)
    diagonal = np.asarray(mass(mesh, kind="lumped").diagonal())
    return LinearSystem(field, diagonal, operator, source, fixed, values, coupling)


class BoundaryCondition(NamedTuple):
    """What a boundary does to one scalar field on V vertices.

    Attributes:
        fixed: [V] bool, Dirichlet vertices.
        source: [V] load of the flux that comes in [field · length²/time], None for zero.
        value: [V] values of fixed vertices, None to keep the initial state's.
    """

    fixed: NDArray[np.bool_]
    source: NDArray[np.float64] | None
    value: NDArray[np.float64] | None


def boundary_condition(mesh: TriMesh, boundary: str, value: ArrayLike | None) -> BoundaryCondition:
    """The boundary condition of one field.

    Args:
        mesh: V vertices.
        boundary: "neumann" or "dirichlet".
        value: inflow or fixed value, as `Heat` takes it.

    Raises:
        ValueError: Dirichlet without boundary or interior, a value of another shape.
    """
    values = None if value is None else boundary_values(mesh, value)
    if boundary == "dirichlet":
        return BoundaryCondition(dirichlet_vertices(mesh), None, values)
    free = np.zeros(mesh.num_vertices, dtype=bool)
    return BoundaryCondition(free, None if values is None else flux_load(mesh, values), None)


def require_mesh(mesh: TriMesh) -> None:
    """Refuse, with a TypeError, what is no mesh."""
    if not isinstance(mesh, TriMesh):
        raise TypeError(f"mesh: wanted a TriMesh, got {type(mesh).__name__}")


def require_simulable(mesh: TriMesh) -> None:
    """Refuse a mesh on which the finite-element operators are not defined.

    Raises:
        TypeError: not a TriMesh.
        ValueError: isolated vertices (no mass), degenerate faces (no gradient) or non-manifold edges, with their
            numbers and the repair that removes them.
    """
    require_mesh(mesh)
    if not _may_have_defects(mesh):
        return
    topology = mesh.topology()
    for what, option in (
        ("isolated_vertices", "isolated"),
        ("degenerate_faces", "degenerate"),
        ("duplicate_faces", "duplicate"),
        ("non_manifold_edges", "non_manifold"),
    ):
        count = len(getattr(topology, what))
        if count:
            raise ValueError(
                f"mesh: wanted none, got {count} {what.replace('_', ' ')}; "
                f"remove them with pdgn.mesh.repair(mesh, {option}=True)"
            )


def _may_have_defects(mesh: TriMesh) -> bool:
    """False only where no defect is that `require_simulable` refuses, in a fifth of the time of `topology`."""
    side = np.sort(np.stack([mesh.face, np.roll(mesh.face, -1, axis=1)], axis=2), axis=2).reshape(-1, 2)
    key = side[:, 0] * mesh.num_vertices + side[:, 1]
    order = np.argsort(key, kind="stable")
    same = key[order[1:]] == key[order[:-1]]
    one, other = order[:-1][same], order[1:][same]
    twin = np.full(len(key), -1)
    twin[one], twin[other] = other // 3, one // 3
    beyond = twin.reshape(-1, 3)  # the face on the other side of each side
    duplicate = (beyond[:, 0] >= 0) & (beyond == beyond[:, :1]).all(axis=1)
    isolated = np.bincount(mesh.face.ravel(), minlength=mesh.num_vertices) == 0
    crowded = same[1:] & same[:-1]
    return bool(crowded.any() or duplicate.any() or isolated.any() or mesh.degenerate.any())


def dirichlet_vertices(mesh: TriMesh) -> NDArray[np.bool_]:
    """The vertices that Dirichlet conditions fix: [V] bool, those on the boundary.

    Raises:
        ValueError: no boundary, or no vertex inside it.
    """
    fixed = np.asarray(mesh.boundary, dtype=bool)
    if not fixed.any():
        raise ValueError("boundary 'dirichlet': wanted a mesh with a boundary, got a closed surface; use 'neumann'")
    if fixed.all():
        raise ValueError(
            f"boundary 'dirichlet': wanted at least one interior vertex, got a mesh of {mesh.num_faces} faces "
            f"with all {mesh.num_vertices} vertices on the boundary; refine it or use 'neumann'"
        )
    return fixed


def boundary_values(mesh: TriMesh, value: ArrayLike) -> NDArray[np.float64]:
    """A number or [V] array of boundary values as an array [V] (zero inside)."""
    array = finite_array("boundary_value", value, [(), (mesh.num_vertices,)])
    return np.where(mesh.boundary, array, 0.0)


def flux_load(mesh: TriMesh, flux: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integral of a boundary flux against the hat functions: s_i = ∫_∂ q φ_i, exact for q linear along each edge.

    Args:
        mesh: a mesh with boundary.
        flux: [V] q, inflow per unit length of boundary [field · length/time].

    Returns:
        [V] load [field · length²/time]; its sum is the total inflow.
    """
    first, second = boundary_edges(mesh)
    step = minimal_image(mesh.pos[second] - mesh.pos[first], mesh.period)
    length = np.linalg.norm(step, axis=1)
    load = np.zeros(mesh.num_vertices)
    np.add.at(load, first, length * (2 * flux[first] + flux[second]) / 6)
    np.add.at(load, second, length * (flux[first] + 2 * flux[second]) / 6)
    return load


def boundary_edges(mesh: TriMesh) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges of one face only, from tail to head as that face runs: two arrays [n] of vertices."""
    edges = mesh.face[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    _, place, count = np.unique(np.sort(edges, axis=1), axis=0, return_index=True, return_counts=True)
    single = edges[place[count == 1]]
    return single[:, 0], single[:, 1]
