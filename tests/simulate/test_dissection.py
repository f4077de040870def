"""Nested dissection is a permutation that separates, with far less fill than no order, whatever the graph."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from pdgn.mesh import grid, icosphere, torus
from pdgn.operators import mass, stiffness
from pdgn.simulate.dissection import nested_dissection


def fill(matrix: sp.csc_matrix, order: np.ndarray) -> int:
    """Entries of L of a symmetric matrix eliminated in this order."""
    permuted = sp.csc_matrix(matrix[order][:, order])
    return splu(permuted, permc_spec="NATURAL", diag_pivot_thresh=0.0, options={"SymmetricMode": True}).L.nnz


def test_fill_grows_as_n_log_n_on_a_surface():
    """George's bound for grids is 31/4 · n log₂ n."""
    fills = []
    for level in (3, 4, 5):
        mesh = icosphere(level)
        matrix = sp.csc_matrix(mass(mesh) + stiffness(mesh))
        fills.append(fill(matrix, nested_dissection(matrix)))
        assert fills[-1] <= 31 / 4 * mesh.num_vertices * np.log2(mesh.num_vertices)
    # With four times the vertices n log n is 4.7 times as much here, n^1.5, as a band has it, 8 times.
    assert fills[2] / fills[1] < 6


def test_fill_is_at_most_that_of_minimum_degree():
    """On a mesh of 10,000 vertices; the library's own order for symmetric patterns."""
    mesh = icosphere(5)
    matrix = sp.csc_matrix(mass(mesh) + stiffness(mesh))
    other = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}).L.nnz
    assert fill(matrix, nested_dissection(matrix)) <= 1.1 * other


@pytest.mark.parametrize(
    "matrix",
    [
        sp.eye(1),
        sp.csc_matrix((40, 40)),  # as many components as vertices
        sp.csc_matrix(np.ones((50, 50))),  # nothing separates
        sp.diags([np.ones(99), np.ones(99)], [-1, 1]),
        sp.random(80, 80, density=0.05, random_state=0),
        sp.block_diag([stiffness(torus(1.0, 0.4, 12, 9)), stiffness(grid(5, 5)), sp.eye(30)]),
    ],
    ids=["one", "empty", "dense", "path", "random", "components"],
)
def test_every_graph_gives_a_permutation(matrix):
    order = nested_dissection(matrix)
    assert np.array_equal(np.sort(order), np.arange(matrix.shape[0]))


def test_the_last_unknowns_separate_the_others():
    """The top separator of a sphere is a short closed curve: without it the surface falls into two halves."""
    mesh = icosphere(4)
    order = nested_dissection(stiffness(mesh))
    graph = sp.csr_matrix(abs(stiffness(mesh)) > 0)
    for length in range(1, mesh.num_vertices):
        rest = order[:-length]
        parts, label = sp.csgraph.connected_components(graph[rest][:, rest], directed=False)
        if parts > 1 and np.bincount(label).max() < 0.6 * mesh.num_vertices:
            break
    # An equator has 2π R / h = 2π √(n √3 / (8π)) ≈ 1.65 √n vertices.
    assert length <= 2 * 1.65 * np.sqrt(mesh.num_vertices)


def test_only_the_pattern_counts(rng):
    matrix = sp.csc_matrix(stiffness(icosphere(3)))
    other = matrix.copy()
    other.data = rng.uniform(-1, 1, other.nnz)
    assert np.array_equal(nested_dissection(matrix), nested_dissection(other))
