"""Factorisations solve what they were given, refuse what has no solution, and give the same bits in every process."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp

from pdgn.mesh import grid, icosphere
from pdgn.operators import mass, stiffness
from pdgn.simulate.factor import _dissected_lu, factorize

# Of solutions relative to dense ones: round-off times condition numbers of at most 1e3.
ROUND_OFF = 1e-12

BITS = """
import hashlib, numpy as np, scipy.sparse as sp
from pdgn.mesh import icosphere
from pdgn.operators import mass, stiffness
from pdgn.simulate.factor import factorize
mesh = icosphere(4)
matrix = mass(mesh) + 0.01 * stiffness(mesh)
right = np.random.default_rng(0).standard_normal((mesh.num_vertices, 3))
for definite in (True, False):
    print(hashlib.sha256(factorize(matrix, symmetric_definite=definite)(right).tobytes()).hexdigest())
"""


def diffusion(mesh) -> sp.csc_matrix:
    return sp.csc_matrix(mass(mesh, kind="lumped") + 0.01 * stiffness(mesh))


def convected(mesh, rng: np.random.Generator) -> sp.csc_matrix:
    """A matrix of the symmetric pattern of a mesh with other entries above the diagonal than below."""
    matrix = sp.csc_matrix(stiffness(mesh))
    matrix.data *= rng.uniform(0.5, 1.5, matrix.nnz)
    return sp.csc_matrix(0.01 * matrix + mass(mesh, kind="lumped"))


def saddle(rng: np.random.Generator) -> sp.csc_matrix:
    """Symmetric, regular, indefinite, with zeros on the diagonal."""
    upper = sp.diags(rng.uniform(1, 2, 60)) + sp.random(60, 60, density=0.05, random_state=1)
    return sp.csc_matrix(sp.bmat([[None, upper], [upper.T, None]]))


def two_components(rng: np.random.Generator) -> sp.csc_matrix:
    return sp.csc_matrix(sp.block_diag([convected(icosphere(2), rng), convected(grid(9, 7), rng)]))


def unsymmetric_pattern(rng: np.random.Generator) -> sp.csc_matrix:
    return sp.csc_matrix(sp.random(150, 150, density=0.03, random_state=2) + 3 * sp.eye(150))


@pytest.mark.parametrize(
    "make",
    [lambda rng: convected(icosphere(2), rng), saddle, two_components, unsymmetric_pattern, lambda rng: 2 * sp.eye(1)],
    ids=["convected", "saddle", "two components", "unsymmetric pattern", "one unknown"],
)
def test_general_matrices_are_solved(make, rng):
    matrix = sp.csc_matrix(make(rng))
    right = rng.standard_normal((matrix.shape[0], 4))
    wanted = np.linalg.solve(matrix.toarray(), right)
    assert np.abs(factorize(matrix)(right) - wanted).max() <= ROUND_OFF * np.abs(wanted).max()


def test_the_dissected_factorisation_needs_no_other(rng):
    """Without this a fault in it would only cost time: the pivoted one stands in."""
    matrix = convected(icosphere(3), rng)
    right = rng.standard_normal((matrix.shape[0], 2))
    solve = _dissected_lu(matrix)
    assert solve is not None
    assert np.abs(matrix @ solve(right) - right).max() <= ROUND_OFF * np.abs(right).max()


def test_both_factorisations_solve_a_definite_matrix_and_agree(rng):
    matrix = diffusion(icosphere(3))
    right = rng.standard_normal((matrix.shape[0], 5))
    wanted = np.linalg.solve(matrix.toarray(), right)
    for definite in (True, False):
        solution = factorize(matrix, symmetric_definite=definite)(right)
        assert np.abs(solution - wanted).max() <= ROUND_OFF * np.abs(wanted).max()


@pytest.mark.parametrize("definite", [True, False])
def test_any_layout_of_right_hand_sides(definite, rng):
    solve = factorize(diffusion(icosphere(2)), symmetric_definite=definite)
    right = rng.standard_normal((162, 300))
    kept = right.copy()
    solution = solve(right)
    assert np.array_equal(right, kept) and solution is not right
    assert np.array_equal(solve(np.asfortranarray(right)), solution)
    assert np.array_equal(solve(np.repeat(right, 2, axis=1)[:, ::2]), solution)
    # One column alone takes other kernels of the linear algebra, which sum in another order.
    assert np.abs(solve(right[:, 0]) - solution[:, 0]).max() <= ROUND_OFF * np.abs(solution).max()
    assert solve(right[:, 0].astype(np.float32)).dtype == np.float64
    assert solve(right[:, :0]).shape == (162, 0)
    for wrong in (right[:-1], right[:, :, None], np.zeros(())):
        with pytest.raises(ValueError, match=r"right: wanted shape \[162\] or \[162, n\], got "):
            solve(wrong)


def test_what_cannot_be_solved_is_refused():
    mesh = icosphere(2)
    definite, singular = diffusion(mesh), sp.csc_matrix(stiffness(mesh))
    indefinite = definite - 2 * sp.diags(definite.diagonal())
    with pytest.raises(ValueError, match="matrix: wanted a positive definite one, got 162 rows that are not"):
        factorize(indefinite, symmetric_definite=True)
    for flag in (True, False):
        with pytest.raises(ValueError, match="wanted a regular one, got 162 rows that are singular|positive definite"):
            factorize(singular, symmetric_definite=flag)
        with pytest.raises(ValueError, match="wanted finite entries"):
            factorize(definite * np.nan, symmetric_definite=flag)
        with pytest.raises(ValueError, match=r"wanted a square one, got shape \[161, 162\]"):
            factorize(definite[1:], symmetric_definite=flag)
    with pytest.raises(ValueError, match="wanted a regular one, got 3 rows that are singular"):
        factorize(sp.csc_matrix((3, 3)))


def test_solutions_are_the_same_bits_in_another_process_whatever_was_factored_before(rng):
    for level in (2, 3):
        factorize(diffusion(icosphere(level)), symmetric_definite=True)
    mesh = icosphere(4)
    right = np.random.default_rng(0).standard_normal((mesh.num_vertices, 3))
    matrix = mass(mesh) + 0.01 * stiffness(mesh)
    here = [
        hashlib.sha256(factorize(matrix, symmetric_definite=definite)(right).tobytes()).hexdigest()
        for definite in (True, False)
    ]
    run = subprocess.run([sys.executable, "-c", BITS], capture_output=True, text=True, check=True)
    assert run.stdout.split() == here


def test_a_small_pivot_does_not_cost_the_solution(rng):
    """Where the diagonal is tiny the elimination must leave it; the residual tells."""
    matrix = sp.csc_matrix(convected(icosphere(2), rng) + sp.diags(np.full(161, 1.0), 1))
    matrix.setdiag(1e-14)
    right = rng.standard_normal(162)
    # Backward stable: the residual is round-off times the sizes of A and x, times a growth of at most a few hundred.
    solution = factorize(matrix)(right)
    assert np.abs(matrix @ solution - right).max() <= 1e-12 * abs(matrix).sum(axis=1).max() * np.abs(solution).max()
