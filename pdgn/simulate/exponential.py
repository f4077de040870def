"""The exponential method: linear systems stepped exactly, by Chebyshev polynomials of their operator."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.fft import dct

from pdgn.simulate.spectrum import Spectrum
from pdgn.simulate.stepper import Step, Stepper
from pdgn.simulate.system import LinearSystem, System

# Of a step's change, relative to dt F(u).
TOLERANCE = 1e-8
ROUND_OFF = 2e-16
# Eigenvalues to the right of 0 are growth that the equation asks for; a step resolves it: dt growth is at most this.
GROWTH = 0.25
MOST_NODES = 2**14
STRETCHES = (1.0, 1.01, 1.03, 1.05, 1.07, 1.1, 1.2, 1.4, 1.7, 2.0, 3.0, 5.0)


class Series(NamedTuple):
    """φ₁(z) ≈ Σ_k c_k S_k(y), y = (z − centre)/radius, S_0 = 1, S_1 = y, S_{k+1} = 2 y S_k + sign S_{k−1}.

    Attributes:
        centre, radius: of the interval that is expanded on.
        sign: −1 for an interval of the real axis (S_k = T_k), +1 for one along the imaginary axis (S_k = iᵏ T_k(−i y)).
        coefficients: [m + 1], c_k.
    """

    centre: float
    radius: float
    sign: float
    coefficients: NDArray[np.float64]


class Exponential(Stepper):
    """Exact integration of linear systems: the only error is a polynomial's, below 1e-8 of dt F(u) at every step size.

        u(t + dt) = u + dt φ₁(dt A) F(u),    F(u) = A u + M⁻¹s,    A = −M⁻¹K,    φ₁(z) = (eᶻ − 1)/z

    φ₁(dt A) is a Chebyshev sum over the region that holds the spectrum; its degree, the number of products with A,
    grows as √(dt · decay) and as dt · oscillation. A steady state stays, and Σ m u where F conserves it. It pays where
    rk4 would take many substeps and an implicit method would not be accurate enough.

    Reference: Tal-Ezer & Kosloff, "An accurate and efficient scheme for propagating the time dependent Schrödinger
    equation", 1984; Hochbruck & Ostermann, "Exponential integrators", 2010.
    """

    order = 99  # none: the error is not one of dt

    def __repr__(self) -> str:
        return "Exponential()"

    def prepare(self, system: System, dt: float) -> Step:
        """The step function.

        Raises:
            TypeError: the system is not linear.
        """
        if type(system) is not LinearSystem:
            other = "an imex method" if isinstance(system, LinearSystem) else system.remedy
            raise TypeError(f"exponential: wanted a LinearSystem, got {type(system).__name__}; use {other}")
        pieces, series = shortest(system.spectrum(), dt)
        dt /= pieces
        scale = 2 / series.radius
        twice = (sp.diags(-scale * dt / system.mass) @ system.operator).tocsr()
        twice = (twice - scale * series.centre * sp.identity(len(system.mass), format="csr")).tocsr()
        combine = np.subtract if series.sign < 0 else np.add

        def piece(time: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
            before = system.rate(time, state)
            term = 0.5 * (twice @ before)
            total = series.coefficients[0] * before + series.coefficients[1] * term
            for coefficient in series.coefficients[2:]:
                following = twice @ term
                combine(following, before, out=following)
                before, term = term, following
                total += coefficient * term
            total *= dt
            total += state
            return total

        def step(time: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
            for number in range(pieces):
                state = piece(time + number * dt, state)
            return state

        return step

    def stable_step(self, system: System, state: NDArray[np.float64]) -> float:
        """Infinite: the degree and the number of pieces follow the step."""
        return np.inf


def shortest(spectrum: Spectrum, dt: float) -> tuple[int, Series]:
    """The number of equal pieces of a step, a power of two, and the series of a piece, with the fewest products in all.

    More pieces than one where a long and flat region leaves no series that round-off does not spoil.
    """
    pieces, best = 1, None
    while best is None:
        best, pieces = expand(spectrum, dt / pieces), 2 * pieces
    other = expand(spectrum, dt / pieces)
    if other is not None and 2 * len(other.coefficients) < len(best.coefficients):
        return pieces, other
    return pieces // 2, best


def expand(spectrum: Spectrum, dt: float) -> Series | None:
    """The shortest Chebyshev sum for φ₁ on dt times the region of the spectrum; None where round-off spoils them all.

    The region is put into a rectangle and that into an ellipse with one of several focal intervals; on the ellipse
    |S_k| ≤ ρᵏ, ρ the sum of its half-axes over the radius, which bounds what the coefficients left out can do.
    """
    left, top = dt * spectrum.decay, dt * spectrum.oscillation
    centre, half = 0.5 * (GROWTH - left), 0.5 * (GROWTH + left)
    corner = half + 1j * top
    candidates = []
    for stretch in STRETCHES:
        candidates.append(_series(centre, stretch * half, -1.0, corner))
        if top > 0.5 * half:
            candidates.append(_series(centre, stretch * top, 1.0, corner))
    found = [series for series in candidates if series is not None]
    return min(found, key=lambda series: len(series.coefficients), default=None)


def _series(centre: float, radius: float, sign: float, corner: complex) -> Series | None:
    """The sum on one interval, cut where the rest is below the tolerance; None where round-off would be above it."""
    if sign < 0 and centre + radius > 20:  # e²⁰ times round-off is more than the tolerance
        return None
    turn = 1.0 if sign < 0 else 1j
    place = corner / (turn * radius)
    ratio = float(max(abs(place + np.sqrt(place**2 - 1)), abs(place - np.sqrt(place**2 - 1))))
    known_to = _coefficients(centre, radius, turn)
    if known_to is None:
        return None
    coefficients, error = known_to
    size = np.abs(coefficients)
    # What is not known of the coefficients is magnified most by the polynomials of the last degree.
    known = int(np.flatnonzero(size > error)[-1]) + 1
    if np.log(error) + known * np.log(ratio) > np.log(TOLERANCE):
        return None
    rest = np.cumsum((size[:known] * ratio ** np.arange(known))[::-1])[::-1]
    wanted = int(np.count_nonzero(rest > TOLERANCE))
    return Series(centre, radius, sign, coefficients[: max(wanted, 2)])


def _coefficients(centre: float, radius: float, turn: complex) -> tuple[NDArray[np.float64], float] | None:
    """Chebyshev coefficients of φ₁(centre + turn radius x) on [−1, 1], divided by turnᵏ, and their round-off.

    None where more than MOST_NODES nodes would be needed.
    """
    count = 32
    while count <= MOST_NODES:
        angle = np.pi * (np.arange(count) + 0.5) / count
        values = _phi(centre + turn * radius * np.cos(angle))
        found = (dct(values.real) + 1j * dct(values.imag)) / count
        found[0] /= 2
        error = ROUND_OFF * float(np.abs(values).max())
        if np.abs(found[-count // 4 :]).max() <= 4 * error:
            return (found / turn ** (np.arange(count) % 4)).real, error
        count *= 2
    return None


def _phi(z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """φ₁(z) = (eᶻ − 1)/z, 1 at 0."""
    z = np.asarray(z, dtype=np.complex128)
    small = np.abs(z) < 1e-3
    safe = np.where(small, 1.0, z)
    return np.where(small, 1 + z / 2 + z**2 / 6 + z**3 / 24 + z**4 / 120, (np.exp(safe) - 1) / safe)
