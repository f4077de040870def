"""Exact solutions to hold the simulator to; each is evaluated at points."""

from __future__ import annotations

from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import lpmv

from pdgn.simulate.argument import finite_array, one_of
from pdgn.simulate.equation import BOUNDARIES


def real_spherical_harmonic(pos: ArrayLike, degree: int, order: int) -> NDArray[np.float64]:
    """Real spherical harmonic Y_lm in the directions of points: −Δ Y_lm = l(l+1) Y_lm on the unit sphere.

        Y_lm = N P_l^|m|(z) · (√2 cos mφ, 1, √2 sin |m|φ) for m > 0, m = 0, m < 0;  no Condon–Shortley sign

    Args:
        pos: [N, 3] points other than the origin; only their directions count.
        degree: l ≥ 0.
        order: m, −l ≤ m ≤ l.

    Returns:
        [N] float64; the integral of Y² over the sphere is 1.

    Raises:
        ValueError: degree or order out of range.
    """
    if not (degree >= 0 and abs(order) <= degree):
        raise ValueError(f"degree, order: wanted 0 <= |order| <= degree, got degree {degree}, order {order}")
    point = finite_array("pos", pos, [(None, 3)])
    distance = np.linalg.norm(point, axis=1, keepdims=True)
    if not distance.all():
        raise ValueError(f"pos: wanted points other than the origin, got it at {int(np.argmin(distance))}")
    unit = point / distance
    m = abs(order)
    norm = np.sqrt((2 * degree + 1) / (4 * np.pi) * factorial(degree - m) / factorial(degree + m))
    value = (-1) ** m * norm * lpmv(m, degree, unit[:, 2])  # lpmv carries the sign (−1)^m
    angle = m * np.arctan2(unit[:, 1], unit[:, 0])
    if order == 0:
        return value
    return value * np.sqrt(2) * (np.cos(angle) if order > 0 else np.sin(angle))


def sphere_heat_factor(degree: int, diffusivity: float, time: ArrayLike, radius: float = 1.0) -> NDArray[np.float64]:
    """Factor exp(−κ l(l+1) t / radius²) by which heat diminishes a spherical harmonic.

    Args:
        degree: l.
        diffusivity: κ [length²/time].
        time: t, any shape.
        radius: of the sphere [length].

    Returns:
        The factor, of the shape of time.
    """
    return np.exp(-diffusivity * degree * (degree + 1) / radius**2 * np.asarray(time, dtype=np.float64))


def shrinking_sphere_radius(radius: float, mobility: float, time: ArrayLike) -> NDArray[np.float64]:
    """Radius √(R₀² − 4μt) of a sphere that moves by V = −μH; it vanishes at t = R₀²/4μ (0 from then on).

    Args:
        radius: R₀ at time 0 [length].
        mobility: μ [length²/time].
        time: t, any shape.

    Returns:
        The radius, of the shape of time.
    """
    return np.sqrt(np.maximum(radius**2 - 4 * mobility * np.asarray(time, dtype=np.float64), 0.0))


def shortened_circle_height(height: float, mobility: float, time: ArrayLike) -> NDArray[np.float64]:
    """Height cos θ = cos θ₀ exp(μt) of a circle on the unit sphere that moves by μ times its geodesic curvature cot θ.

    It encloses 2π (1 − cos θ), that is 2π − (2π − A₀) exp(μt), and vanishes at the pole, where 1 (or −1) is reached.

    Args:
        height: cos θ₀, from −1 to 1.
        mobility: μ [1/time].
        time: t, any shape.

    Returns:
        The height, of the shape of time; it stays at the pole.
    """
    return np.clip(height * np.exp(mobility * np.asarray(time, dtype=np.float64)), -1.0, 1.0)


def rotated_points(pos: ArrayLike, axis: ArrayLike, angle: float) -> NDArray[np.float64]:
    """Points turned about an axis through the origin (Rodrigues' formula), counter-clockwise seen from its tip.

    u₀(rotated_points(x, axis, −rate·t)) solves u_t + v·∇u = 0 with v = `rotation_velocity`(axis, rate).

    Args:
        pos: [N, 3].
        axis: [3], not zero.
        angle: in radians.

    Returns:
        [N, 3] float64.
    """
    point = finite_array("pos", pos, [(None, 3)])
    direction = finite_array("axis", axis, [(3,)])
    length = float(np.linalg.norm(direction))
    if length == 0:
        raise ValueError("axis: wanted a vector that is not zero, got [0, 0, 0]")
    direction = direction / length
    along = np.outer(point @ direction, direction)
    return along + np.cos(angle) * (point - along) + np.sin(angle) * np.cross(direction, point)


def plane_wave(
    pos: ArrayLike,
    time: float,
    wave: tuple[int, int],
    *,
    size: tuple[float, float] = (2 * np.pi, 2 * np.pi),
    velocity: tuple[float, float] = (0.0, 0.0),
    diffusivity: float = 0.0,
) -> NDArray[np.float64]:
    """Fourier mode on a periodic rectangle, carried and damped: u = exp(−κ|q|²t) cos(q·(x − v t)).

    Solves u_t + v·∇u = κΔu with q = 2π (k/size₀, l/size₁).

    Args:
        pos: [N, 2 or 3] points, of which x and y are read [length].
        time: t.
        wave: (k, l), waves along each side.
        size: periods [length].
        velocity: constant v [length/time].
        diffusivity: constant κ [length²/time].

    Returns:
        [N] float64.
    """
    point = finite_array("pos", pos, [(None, 2), (None, 3)])[:, :2]
    q = 2 * np.pi * np.asarray(wave) / np.asarray(size)
    return np.exp(-diffusivity * float(q @ q) * time) * np.cos((point - time * np.asarray(velocity)) @ q)


def rectangle_mode(
    pos: ArrayLike, time: float, wave: tuple[int, int], *, size: tuple[float, float], diffusivity: float, boundary: str
) -> NDArray[np.float64]:
    """Heat mode on the rectangle [0, size₀] × [0, size₁]: u = exp(−κ|q|²t) g(q₀x) g(q₁y), q = π (k/size₀, l/size₁).

    g is the cosine for zero flux ("neumann"), the sine for zero values ("dirichlet").

    Args:
        pos: [N, 2 or 3] points, of which x and y are read [length].
        time: t.
        wave: (k, l), half waves along each side.
        size: sides [length].
        diffusivity: constant κ [length²/time].
        boundary: "neumann" or "dirichlet".

    Returns:
        [N] float64.
    """
    point = finite_array("pos", pos, [(None, 2), (None, 3)])[:, :2]
    q = np.pi * np.asarray(wave) / np.asarray(size)
    shape = np.cos if one_of("boundary", boundary, BOUNDARIES) == "neumann" else np.sin
    return np.exp(-diffusivity * float(q @ q) * time) * shape(point * q).prod(axis=1)


def burgers_wave(
    pos: ArrayLike,
    time: float,
    wave: tuple[int, int],
    *,
    size: tuple[float, float] = (2 * np.pi, 2 * np.pi),
    viscosity: float,
    contrast: float,
) -> NDArray[np.float64]:
    """A wave that steepens and fades, by Cole and Hopf: u = −2ν θ_s/θ with θ = 1 + a e^(−ν|q|²t) cos s.

    Solves u_t + ∇·(½u² d) = νΔu with s = q·x, q = 2π (k/size₀, l/size₁), for the direction d = q (or any other of the
    same q·d, for u depends on s alone).

    Args:
        pos: [N, 2 or 3] points, of which x and y are read [length].
        time: t.
        wave: (k, l), waves along each side.
        size: periods [length].
        viscosity: ν [length²/time].
        contrast: a, 0 < a < 1; near 1 the front is steep.

    Returns:
        [N] float64.
    """
    point = finite_array("pos", pos, [(None, 2), (None, 3)])[:, :2]
    q = 2 * np.pi * np.asarray(wave) / np.asarray(size)
    faded = contrast * np.exp(-viscosity * float(q @ q) * time)
    phase = point @ q
    return 2 * viscosity * faded * np.sin(phase) / (1 + faded * np.cos(phase))
