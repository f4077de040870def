"""Where the eigenvalues of a semi-discrete system du/dt = A u lie, from which stable steps follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

# A Ritz value lies below the largest eigenvalue; converged to a tenth of this, it is raised by this to be a safe bound.
RITZ_TOLERANCE = 1e-3
DENSE_LIMIT = 64
SAMPLES = 400
# Of amplification factors near 1.
ROUND_OFF = 1e-12


class Spectrum(NamedTuple):
    """A region of the complex plane that holds the decaying eigenvalues of A.

    λ = −a + i b with 0 ≤ a ≤ decay, |b| ≤ oscillation and b² ≤ coupling · a. Eigenvalues with a positive real part
    are growth that the equation itself asks for (a compressing velocity) and bound no step.

    Attributes:
        decay: bound of −Re λ [1/time].
        oscillation: bound of |Im λ| [1/time].
        coupling: bound of (Im λ)²/(−Re λ) [1/time], infinite where convection is not held by diffusion.
    """

    decay: float
    oscillation: float = 0.0
    coupling: float = np.inf

    def boundary(self) -> NDArray[np.complex128]:
        """Points [P] on the outline of the upper half of the region (the lower half is its mirror image)."""
        # A quotient first: the square of a large number overflows.
        held = self.oscillation * (self.oscillation / self.coupling) if self.coupling > 0 else np.inf
        knee = min(self.decay, held)
        # The curved part is sampled uniformly in b, where the parabola is smooth.
        root = np.linspace(0.0, 1.0, SAMPLES)
        start = -knee * root**2 + 1j * root * min(self.oscillation, np.sqrt(self.coupling * knee) if knee else np.inf)
        if knee == 0:
            start = 1j * root * self.oscillation
        top = -np.linspace(knee, self.decay, SAMPLES) + 1j * start[-1].imag
        side = -self.decay + 1j * start[-1].imag * root
        return np.concatenate([start, top, side])


def largest_stable_step(amplification: Callable[[NDArray[np.complex128]], NDArray], spectrum: Spectrum) -> float:
    """Largest dt for which |R(dt λ)| ≤ 1 on the whole region of the spectrum.

    Found by bisection on dt, R being the amplification factor of the stepper; the regions of absolute stability used
    here are star-shaped about 0, so that every smaller step is stable as well.

    Args:
        amplification: R, complex [P] → complex [P].
        spectrum: the region that holds the eigenvalues.

    Returns:
        The step [time]: infinite where nothing bounds it, 0 where no step is stable.
    """
    outline = spectrum.boundary()

    def stable(dt: float) -> bool:
        """Whether |R| ≤ 1 all along the outline."""
        with np.errstate(over="ignore", invalid="ignore"):
            return bool(np.all(np.abs(amplification(dt * outline)) <= 1 + ROUND_OFF))

    return first_unstable_step(stable, float(np.abs(outline).max()))


def first_unstable_step(stable: Callable[[float], bool], size: float, least: float = 1e-3) -> float:
    """Where stability ends: steps are tried from small to large, the first failure is located by bisection.

    Args:
        stable: dt → whether that step is stable.
        size: largest modulus of the eigenvalues that an explicit stepper meets [1/time].
        least: dt · size of the first trial.

    Returns:
        The step [time]: infinite where nothing bounds it, 0 where the first trial is not stable.
    """
    if size == 0:
        return np.inf
    if not stable(least / size):
        return 0.0
    low, high = least / size, np.inf
    for trial in np.geomspace(least, 1e3, 120) / size:  # no explicit stepper here reaches |z| = 1000
        if not stable(trial):
            high = trial
            break
        low = trial
    if high == np.inf:
        return np.inf
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if stable(middle) else (low, middle)
    return float(low)


def spectrum_of(mass: NDArray[np.float64], operator: sp.csr_matrix, coupling: float = np.inf) -> Spectrum:
    """The region of the eigenvalues of A = −M⁻¹K, by the field of values of K in the mass inner product.

    With K scaled to D = M^-½ K M^-½, −Re λ is at most the largest eigenvalue of (D + Dᵀ)/2 and |Im λ| at most the norm
    of (D − Dᵀ)/2. Both come from Lanczos iterations (a Gershgorin bound where these do not converge).

    Args:
        mass: [D] positive diagonal of M.
        operator: csr [D, D], K.
        coupling: bound of (Im λ)²/(−Re λ) known for this operator.

    Returns:
        The region; exact to RITZ_TOLERANCE for a symmetric K.
    """
    scale = sp.diags(1.0 / np.sqrt(mass))
    scaled = (scale @ operator @ scale).tocsr()
    symmetric = (0.5 * (scaled + scaled.T)).tocsr()
    skew = (0.5 * (scaled - scaled.T)).tocsr()
    decay = max(_largest_eigenvalue(symmetric), 0.0)
    # Cotangents are symmetric to round-off only: what is left of that is no oscillation.
    if _largest_entry(skew) <= 1e-12 * _largest_entry(symmetric):
        return Spectrum(decay)
    return Spectrum(decay, _norm(skew), coupling)


def norm_bound(symmetric: sp.csr_matrix) -> float:
    """Upper bound of the spectral norm of a symmetric matrix without negative entries: its largest eigenvalue.

    Args:
        symmetric: csr [D, D], entries ≥ 0.
    """
    return max(_largest_eigenvalue(symmetric), 0.0)


def _largest_entry(matrix: sp.csr_matrix) -> float:
    return float(np.abs(matrix.data).max()) if matrix.nnz else 0.0


def _largest_eigenvalue(symmetric: sp.csr_matrix) -> float:
    """Upper bound of the largest eigenvalue of a symmetric matrix."""
    size = symmetric.shape[0]
    if size <= DENSE_LIMIT:
        return float(np.linalg.eigvalsh(symmetric.toarray())[-1])
    gershgorin = float(abs(symmetric).sum(axis=1).max())
    return min(gershgorin, _ritz(symmetric, size, gershgorin))


def _norm(skew: sp.csr_matrix) -> float:
    """Upper bound of the spectral norm of a skew-symmetric matrix N, the root of the largest eigenvalue of NᵀN."""
    size = skew.shape[0]
    if size <= DENSE_LIMIT:
        return float(np.linalg.norm(skew.toarray(), 2))
    gershgorin = float(abs(skew).sum(axis=1).max())
    # Of a power of two, so that no digit changes: squares then neither overflow nor vanish.
    scale = 2.0 ** (int(np.frexp(gershgorin)[1]) - 1)
    unit = skew / scale
    product = LinearOperator((size, size), matvec=lambda x: -(unit @ (unit @ x)), dtype=np.float64)
    return min(gershgorin, float(scale * np.sqrt(_ritz(product, size, (gershgorin / scale) ** 2))))


def _ritz(matrix: sp.csr_matrix | LinearOperator, size: int, otherwise: float) -> float:
    if otherwise == 0:
        return 0.0
    start = 1.0 + np.cos(np.arange(size, dtype=np.float64) ** 2)  # fixed, and unlike any smooth mode
    try:
        value = eigsh(matrix, k=1, which="LA", tol=0.1 * RITZ_TOLERANCE, v0=start, return_eigenvectors=False)[0]
    except ArpackNoConvergence:
        return otherwise
    return float(value) * (1 + RITZ_TOLERANCE)
