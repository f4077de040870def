"""A seeded family of smooth closed surfaces."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import sph_harm_y

from pdgn.mesh.fibonacci import fibonacci_sphere
from pdgn.mesh.shapes import icosphere
from pdgn.mesh.tri_mesh import TriMesh

# Radii then differ by factors beyond e^10, and faces become needles.
MOST_AMPLITUDE = 5


def bumpy_sphere(
    generator: np.random.Generator,
    subdivisions: int = 3,
    amplitude: float = 0.2,
    max_degree: int = 4,
    triangulation: Literal["icosahedron", "fibonacci"] = "icosahedron",
) -> TriMesh:
    """A smooth closed surface drawn at random: a sphere with random spherical harmonics on its logarithmic radius.

    r(n) = exp(amplitude · s(n)), s = Σ_{l=2}^{max_degree} Σ_m a_lm Y_lm(n), a_lm normal, scaled so that the mean of s²
    over the sphere is 1. Star-shaped, so it never meets itself. The same state of the generator gives the same
    surface at every number of subdivisions and in both triangulations.

    Args:
        generator: source of the coefficients.
        subdivisions: n of the underlying sphere of 10·4ⁿ + 2 vertices.
        amplitude: root mean square of log r, from 0 to 5.
        max_degree: largest degree of the harmonics, at least 2.
        triangulation: of the underlying sphere: "icosahedron" (`icosphere`) or "fibonacci" (`fibonacci_sphere`).

    Raises:
        ValueError: where an argument is out of range.
    """
    if triangulation not in ("icosahedron", "fibonacci"):
        raise ValueError(f"bumpy_sphere needs triangulation 'icosahedron' or 'fibonacci', got {triangulation!r}")
    icosahedral = icosphere(subdivisions)
    sphere = icosahedral if triangulation == "icosahedron" else fibonacci_sphere(icosahedral.num_vertices)
    return bumps_on(sphere, generator, amplitude, max_degree)


def bumps_on(sphere: TriMesh, generator: np.random.Generator, amplitude: float = 0.2, max_degree: int = 4) -> TriMesh:
    """The surface that `bumpy_sphere` draws, on any triangulation of the unit sphere.

    Args:
        sphere: V vertices of length 1.
        generator: source of the coefficients; the same state gives the same surface on every sphere.
        amplitude: as for `bumpy_sphere`.
        max_degree: as for `bumpy_sphere`.

    Raises:
        ValueError: where amplitude or max_degree is out of range.
    """
    if not 0 <= amplitude <= MOST_AMPLITUDE or max_degree < 2:
        raise ValueError(
            f"bumpy_sphere needs 0 <= amplitude <= {MOST_AMPLITUDE} and max_degree >= 2, "
            f"got {amplitude} and {max_degree}"
        )
    degrees = [(degree, order) for degree in range(2, max_degree + 1) for order in range(-degree, degree + 1)]
    coefficients = generator.standard_normal(len(degrees))
    # Orthonormal Y_lm: the mean of s² is Σ a² / 4π.
    coefficients *= np.sqrt(4 * np.pi / np.sum(coefficients**2))
    log_radius = sum(a * _real_harmonic(sphere.pos, *lm) for a, lm in zip(coefficients, degrees))
    return TriMesh(sphere.pos * np.exp(amplitude * log_radius)[:, None], sphere.face)


def _real_harmonic(unit: NDArray[np.float64], degree: int, order: int) -> NDArray[np.float64]:
    colatitude, longitude = np.arccos(np.clip(unit[:, 2], -1, 1)), np.arctan2(unit[:, 1], unit[:, 0])
    value = sph_harm_y(degree, abs(order), colatitude, longitude)
    if order == 0:
        return value.real
    return np.sqrt(2) * (value.real if order > 0 else value.imag)
