"""Poisson's equation."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import connected_components

from pdgn.mesh import TriMesh
from pdgn.operators import mass
from pdgn.simulate.argument import finite_array, nonnegative_array, one_of
from pdgn.simulate.boundary import boundary_condition, require_simulable
from pdgn.simulate.equation import BOUNDARIES
from pdgn.simulate.factor import factorize
from pdgn.simulate.weak_form import diffusion_form

# Of Σ|load|: what round-off leaves of a load that is in balance.
BALANCE = 1e-10


def solve_poisson(
    mesh: TriMesh,
    source: ArrayLike,
    diffusivity: ArrayLike = 1.0,
    *,
    boundary: str = "neumann",
    boundary_value: ArrayLike | None = None,
    project: bool = False,
) -> NDArray[np.float64]:
    """Solve −∇·(κ∇u) = f on a surface: K u = M f + s with the lumped mass M, factored once for all columns.

    Where no value is given (a closed surface, or "neumann"), u is determined up to a constant on each connected
    component, and only where what flows in balances: ∫ f + ∫_∂ q = 0 there. The solution of mean zero on each component
    is taken.

    Args:
        mesh: V vertices, F faces.
        source: f, a number, [V] or [V, C] for C problems at once [field/time].
        diffusivity: κ > 0, a number, [V] or [F] [length²/time].
        boundary: "neumann" (flux given) or "dirichlet" (value given).
        boundary_value: a number or [V], read at boundary vertices; neumann: q = κ∂u/∂n, None for zero; dirichlet: the
            value of u, None for zero.
        project: take the mean off the load of a component that is out of balance, instead of refusing it.

    Returns:
        u [V] or [V, C] float64, as the source is shaped ([V] for a number).

    Raises:
        ValueError: an unfit mesh, an argument of another shape or out of range, a load out of balance, a component
            without boundary with "dirichlet".
    """
    require_simulable(mesh)
    vertices = mesh.num_vertices
    kappa = finite_array(
        "diffusivity", nonnegative_array("diffusivity", diffusivity), [(), (vertices,), (mesh.num_faces,)]
    )
    if kappa.min() == 0:
        raise ValueError("diffusivity: wanted values above 0, got a minimum of 0")
    density = finite_array("source", source, [(), (vertices,), (vertices, None)])
    if not density.size:
        raise ValueError(f"source: wanted at least one column, got shape {list(density.shape)}")
    operator = diffusion_form(mesh, kappa)
    weight = mass(mesh).diagonal()
    load = weight[:, None] * (density.reshape(vertices, -1) if density.ndim else np.full((vertices, 1), density))
    fixed, inflow, value = boundary_condition(mesh, one_of("boundary", boundary, BOUNDARIES), boundary_value)
    part = _components(mesh)
    if boundary == "dirichlet":
        solution = _with_values(operator, load, fixed, np.zeros(vertices) if value is None else value, part)
    else:
        load = load if inflow is None else load + inflow[:, None]
        solution = _of_mean_zero(operator, _balanced(load, weight, part, project), weight, part)
    return solution if density.ndim == 2 else solution[:, 0]


def _with_values(
    operator: sp.csr_matrix,
    load: NDArray[np.float64],
    fixed: NDArray[np.bool_],
    value: NDArray[np.float64],
    part: NDArray[np.int32],
) -> NDArray[np.float64]:
    held = np.bincount(part, weights=fixed) > 0
    if not held.all():
        raise ValueError(
            f"boundary 'dirichlet': wanted a boundary on each of {len(held)} components, "
            f"got {int((~held).sum())} without"
        )
    free = np.flatnonzero(~fixed)
    solution = np.repeat(value[:, None], load.shape[1], axis=1)
    rows = operator[free]
    matrix = sp.csc_matrix(rows[:, free])
    solution[free] = factorize(matrix, symmetric_definite=True)(load[free] - rows[:, fixed] @ solution[fixed])
    return solution


def _of_mean_zero(
    operator: sp.csr_matrix, load: NDArray[np.float64], weight: NDArray[np.float64], part: NDArray[np.int32]
) -> NDArray[np.float64]:
    """One vertex of each component is held at 0, then the mean is taken off."""
    held = np.unique(part, return_index=True)[1]
    free = np.setdiff1d(np.arange(len(part)), held)
    solution = np.zeros_like(load)
    matrix = sp.csc_matrix(operator[free][:, free])
    solution[free] = factorize(matrix, symmetric_definite=True)(load[free])
    return solution - _mean(weight[:, None] * solution, weight, part)[part]


def _balanced(
    load: NDArray[np.float64], weight: NDArray[np.float64], part: NDArray[np.int32], project: bool
) -> NDArray[np.float64]:
    mean = _mean(load, weight, part)
    if project:
        return load - weight[:, None] * mean[part]
    size = _mean(np.abs(load), weight, part)
    bad, column = np.nonzero(np.abs(mean) > BALANCE * size)
    if len(bad):
        raise ValueError(
            f"source: wanted a load in balance on each component, got a mean of {mean[bad[0], column[0]]:.3g} "
            f"(mean size {size[bad[0], column[0]]:.3g}) on component {bad[0]}; project=True takes it off"
        )
    return load


def _mean(load: NDArray[np.float64], weight: NDArray[np.float64], part: NDArray[np.int32]) -> NDArray[np.float64]:
    """Σ load / Σ weight on every component, [components, C]."""
    total = np.stack([np.bincount(part, weights=column) for column in load.T], axis=1)
    return total / np.bincount(part, weights=weight)[:, None]


def _components(mesh: TriMesh) -> NDArray[np.int32]:
    """The connected component of every vertex, [V]."""
    first, second = mesh.face[:, [0, 1, 2]].ravel(), mesh.face[:, [1, 2, 0]].ravel()
    size = (mesh.num_vertices, mesh.num_vertices)
    graph = sp.coo_matrix((np.ones(len(first)), (first, second)), size)
    return connected_components(graph, directed=False)[1]
