"""Random closed curves that divide a surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pdgn.geodesics.curve import Curve
from pdgn.geodesics.level_sets import level_lines
from pdgn.mesh import TriMesh

# Share of the vertices that may lie below the level: curves further out are small.
_QUANTILES = (0.2, 0.8)
_ATTEMPTS = 20


def random_curves(
    mesh: TriMesh, values: ArrayLike, generator: np.random.Generator, *, least_points: int = 12
) -> list[Curve]:
    """One closed curve per function: of its level set at a random level, the longest curve that divides the surface.

    The level is uniform between the 20 % and 80 % quantiles of the function's values at the vertices; larger values lie
    on the left of the curve. A curve that goes once round a handle, or ends at the boundary, is passed over.

    Args:
        mesh: manifold and consistently oriented.
        values: [V, n] finite, smooth functions; random sums of eigenfunctions, for example.
        generator: source of randomness.
        least_points: curves of fewer points are passed over, as the mesh does not resolve them.

    Returns:
        n curves.

    Raises:
        ValueError: where a function has no such curve at any of 20 levels, or the mesh or the values are not as wanted.
    """
    functions = np.asarray(values, dtype=np.float64)
    if functions.ndim != 2:
        raise ValueError(f"values: wanted shape [{mesh.num_vertices}, n], got {list(functions.shape)}")
    return [_random_curve(mesh, functions[:, k], generator, least_points, k) for k in range(functions.shape[1])]


def _random_curve(
    mesh: TriMesh, value: NDArray[np.float64], generator: np.random.Generator, least_points: int, number: int
) -> Curve:
    low, high = np.quantile(value, _QUANTILES)
    for _ in range(_ATTEMPTS):
        for curve, crossed in level_lines(mesh, value, float(generator.uniform(low, high))):
            if len(curve) >= least_points and _divides(mesh, crossed):
                return curve
    raise ValueError(
        f"values: function {number} has no closed curve of at least {least_points} points that divides the surface "
        f"at any of {_ATTEMPTS} levels"
    )


def _divides(mesh: TriMesh, crossed: NDArray[np.int64]) -> bool:
    """Whether the ends of crossed edges are no longer joined once all of these edges are cut."""
    source, target = mesh.edge_index
    high, low = crossed.T
    cut = np.concatenate([high * mesh.num_vertices + low, low * mesh.num_vertices + high])
    kept = ~np.isin(source * mesh.num_vertices + target, cut)
    shape = (mesh.num_vertices, mesh.num_vertices)
    graph = coo_matrix((np.ones(kept.sum(), dtype=np.int8), (source[kept], target[kept])), shape=shape)
    label = connected_components(graph, directed=False)[1]
    return bool(label[high[0]] != label[low[0]])
