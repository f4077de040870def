"""Random smooth initial states, one per column: sums of eigenfunctions and Fourier sums."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh
from pdgn.simulate.argument import finite_array, nonnegative_number, positive_integer, positive_number, random_generator
from pdgn.simulate.eigenfunctions import eigenfunctions


def random_eigenfunctions(
    mesh: TriMesh,
    count: int,
    generator: np.random.Generator,
    *,
    num_modes: int = 32,
    decay: float = 2.0,
    boundary: str = "neumann",
) -> NDArray[np.float64]:
    """Random combinations of the smoothest eigenfunctions of the surface.

        u = Σ_k a_k φ_k,    a_k normal with variance s_k / Σ s,    s_k = (1 + λ_k/λ₁)^(−decay)

    λ₁ being the smallest non-zero eigenvalue and φ_k of mean square 1: the expected mean square of u is 1, and the
    variance falls as λ^(−decay), whatever the size of the surface.

    Args:
        mesh: V vertices.
        count: number of states.
        generator: source of the coefficients.
        num_modes: number of eigenfunctions, the constant among them.
        decay: exponent of the spectrum; 0 is white over the modes.
        boundary: "neumann", or "dirichlet" for states that vanish on the boundary.

    Returns:
        [V, count] float64.
    """
    positive_integer("count", count)
    random_generator(generator)
    decay = nonnegative_number("decay", decay)
    value, mode = eigenfunctions(mesh, num_modes, boundary)
    first = value[value > 1e-8 * value[-1]].min(initial=np.inf)  # eigenvalues 0 come out of the size of round-off
    variance = (1 + value / first) ** (-decay)
    amplitude = np.sqrt(variance / variance.sum())
    return mode @ (amplitude[:, None] * generator.standard_normal((num_modes, count)))


def random_fourier(
    pos: ArrayLike,
    count: int,
    generator: np.random.Generator,
    *,
    max_wavenumber: int = 9,
    variance: float = 1 / 50,
    constant: float = 2.0,
    size: tuple[float, float] = (2 * np.pi, 2 * np.pi),
) -> NDArray[np.float64]:
    """Random Fourier sums on a periodic rectangle, evaluated at points (so that any grid sees the same functions).

        u = c + Σ_{|k|,|l| ≤ N} a_kl cos θ_kl + b_kl sin θ_kl,    θ_kl = 2π (k x/size₀ + l y/size₁)

    with a, b normal and c uniform in (−constant, constant). The sum is not rescaled.

    Args:
        pos: [N, 2 or 3] points, of which x and y are read [length].
        count: number of states.
        generator: source of the coefficients; the same generator gives the same functions at every set of points.
        max_wavenumber: N, at least 1.
        variance: of a and b.
        constant: bound of c.
        size: periods in x and y [length].

    Returns:
        [N, count] float64.
    """
    points = finite_array("pos", pos, [(None, 2), (None, 3)])
    positive_integer("count", count)
    random_generator(generator)
    variance, constant = nonnegative_number("variance", variance), nonnegative_number("constant", constant)
    periods = [positive_number("size", side) for side in finite_array("size", size, [(2,)])]
    wave = np.arange(-positive_integer("max_wavenumber", max_wavenumber), max_wavenumber + 1)
    coefficient = np.sqrt(variance) * generator.standard_normal((2, len(wave) ** 2, count))
    shift = generator.uniform(-constant, constant, size=count)
    # Σ_k exp(i k x) (Σ_l c_kl exp(i l y)), the inner sum once for each y: on grids a twentieth of the work.
    level, place = np.unique(points[:, 1], return_inverse=True)
    amplitude = (coefficient[0] - 1j * coefficient[1]).reshape(len(wave), len(wave), count)
    along = np.tensordot(np.exp(2j * np.pi / periods[1] * np.outer(level, wave)), amplitude, axes=(1, 1))
    across = np.exp(2j * np.pi / periods[0] * np.outer(points[:, 0], wave))
    state = np.tile(shift, (len(points), 1))
    for number in range(len(wave)):
        state += (along[place, number] * across[:, number, None]).real
    return state
