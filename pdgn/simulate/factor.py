"""Sparse factorisations: factored once, solved for many right-hand sides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from cholespy import CholeskySolverD, MatrixType
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from pdgn.simulate.dissection import nested_dissection

# Of the residual of a trial solve, relative to its right-hand side: beyond it a solution has no digit left to trust.
RESIDUAL = 1e-4


class Factorization:
    """The solver of A x = r with A factored; call it with r.

    Args:
        size: D.
        solve: r → x for a C-contiguous float64 [D] or [D, n], a new array.
    """

    def __init__(self, size: int, solve: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> None:
        self._size = size
        self._solve = solve

    def __call__(self, right: NDArray[np.float64]) -> NDArray[np.float64]:
        """The solution x of A x = r.

        Args:
            right: r, [D] or [D, n] for n right-hand sides at once, of any layout.

        Returns:
            x, a new float64 array of the shape of r.

        Raises:
            ValueError: another shape.
        """
        right = np.ascontiguousarray(right, dtype=np.float64)
        if right.ndim not in (1, 2) or len(right) != self._size:  # the library would write beyond the array
            raise ValueError(f"right: wanted shape [{self._size}] or [{self._size}, n], got {list(right.shape)}")
        return self._solve(right)

    def __repr__(self) -> str:
        return f"Factorization({self._size} unknowns)"


def factorize(matrix: sp.spmatrix, *, symmetric_definite: bool = False) -> Factorization:
    """Factor a sparse matrix.

    Symmetric positive definite ones by CHOLMOD (cholespy), others by SuperLU in the order of `nested_dissection` with
    pivots from the diagonal where they are large enough, or with full pivoting where that loses the solution. The
    factors, and so all solutions, are the same bits in every process.

    Args:
        matrix: A, square [D, D], real and finite.
        symmetric_definite: A is symmetric (its upper triangle alone may be read) and should be positive definite.

    Returns:
        The solver.

    Raises:
        ValueError: not square, not finite, singular to working precision; not positive definite where it should be.

    Reference: Chen, Davis, Hager & Rajamanickam, "Algorithm 887: CHOLMOD", 2008; Li, "An overview of SuperLU", 2005.
    """
    matrix = sp.csc_matrix(matrix, dtype=np.float64)
    if matrix.shape[0] != matrix.shape[1] or not matrix.shape[0]:
        raise ValueError(f"matrix: wanted a square one, got shape {list(matrix.shape)}")
    if not np.isfinite(matrix.data).all():
        raise ValueError(f"matrix: wanted finite entries, got NaN or infinity in a matrix of {matrix.shape[0]} rows")
    matrix.sum_duplicates()
    for factor in (_cholesky,) if symmetric_definite else (_dissected_lu, _pivoted_lu):
        solver = factor(matrix)
        if solver is not None and _solves(solver, matrix):
            return solver
    raise ValueError(f"matrix: wanted a regular one, got {matrix.shape[0]} rows that are singular to working precision")


def _cholesky(matrix: sp.csc_matrix) -> Factorization:
    """By CHOLMOD, in an order of METIS."""
    size = matrix.shape[0]
    indptr, indices = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)
    try:
        factor = CholeskySolverD(size, indptr, indices, matrix.data, MatrixType.CSC)
    except ValueError as error:
        raise ValueError(f"matrix: wanted a positive definite one, got {size} rows that are not") from error

    def solve(right: NDArray[np.float64]) -> NDArray[np.float64]:
        solution = np.empty_like(right)
        factor.solve(right, solution)
        return solution

    return Factorization(size, solve)


def _dissected_lu(matrix: sp.csc_matrix) -> Factorization | None:
    """By SuperLU in the order of nested dissection, off-diagonal pivots only where the diagonal is small."""
    order = nested_dissection(matrix)
    permuted = matrix[order][:, order].tocsc()
    try:
        factor = splu(permuted, permc_spec="NATURAL", diag_pivot_thresh=0.1, options={"SymmetricMode": True})
    except RuntimeError:
        return None

    def solve(right: NDArray[np.float64]) -> NDArray[np.float64]:
        solution = np.empty_like(right)
        solution[order] = factor.solve(right[order])
        return solution

    return Factorization(matrix.shape[0], solve)


def _pivoted_lu(matrix: sp.csc_matrix) -> Factorization | None:
    """By SuperLU with full pivoting by rows."""
    try:
        return Factorization(matrix.shape[0], splu(matrix, permc_spec="COLAMD").solve)
    except RuntimeError:
        return None


def _solves(solver: Factorization, matrix: sp.csc_matrix) -> bool:
    """Whether A x = r holds for one r: a singular A fails, though its factors may be finite."""
    right = 1.0 + np.cos(np.arange(matrix.shape[0], dtype=np.float64) ** 2)  # fixed, with a part in every mode
    with np.errstate(over="ignore", invalid="ignore"):
        residual = np.abs(matrix @ solver(right) - right).max()
    return bool(residual <= RESIDUAL * right.max())
