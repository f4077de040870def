"""Sparse factorisations: factored once, solved for many right-hand sides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu


def factorize(
    matrix: sp.csc_matrix, *, symmetric_definite: bool = False
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """The solver of A x = r, [D, n] → [D, n]."""
    # The pattern is symmetric and the diagonal dominant, so the ordering for symmetric patterns has far less fill.
    factor = splu(
        sp.csc_matrix(matrix), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.1, options={"SymmetricMode": True}
    )
    return factor.solve
