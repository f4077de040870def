"""Coefficient fields of equations: random conductivities and those of the planar problem."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh
from pdgn.simulate.argument import finite_array, positive_integer, positive_number, random_generator
from pdgn.simulate.boundary import require_simulable
from pdgn.simulate.eigenfunctions import eigenfunctions


def random_conductivity(
    mesh: TriMesh, generator: np.random.Generator, *, contrast: float = 4.0, mean: float = 1.0, num_modes: int = 12
) -> NDArray[np.float64]:
    """A smooth random positive conductivity: κ = mean · contrast^(g/2), g from −1 to 1.

    g is a random sum of eigenfunctions (variance falling as 1/(1 + λ/λ₁)²) put onto [−1, 1], so that
    max κ / min κ = contrast exactly and the geometric middle of the two is `mean`.

    Args:
        mesh: V vertices.
        generator: source of the coefficients.
        contrast: max κ / min κ, at least 1.
        mean: geometric middle of the range [length²/time].
        num_modes: number of eigenfunctions besides the constant ones.

    Returns:
        [V] float64 [length²/time].
    """
    require_simulable(mesh)
    random_generator(generator)
    contrast, mean = float(finite_array("contrast", contrast, [()])), positive_number("mean", mean)
    if contrast < 1:
        raise ValueError(f"contrast: wanted a number of at least 1, got {contrast:g}")
    constant = mesh.topology().components
    value, mode = eigenfunctions(mesh, positive_integer("num_modes", num_modes) + constant)
    amplitude = 1 / (1 + value[constant:] / value[constant])
    field = mode[:, constant:] @ (amplitude * generator.standard_normal(num_modes))
    span = (field - field.min()) / (field.max() - field.min())
    return mean * contrast ** (span - 0.5)


def plane_coefficients(pos: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients of the planar problem f_t = a f_x + b f_y + c Δf on the periodic square [0, 2π]².

        a = ½(cos y + x(2π − x) sin x) + 0.6,   b = 2(cos y + sin x) + 0.8,   c = ½(1 − r/(√2 π))

    with r the distance to (π, π); c falls to 0 at the corners of the square. In advective form, f_t + v·∇f = cΔf, the
    velocity is v = (−a, −b, 0).

    Args:
        pos: [N, 2 or 3] points, of which x and y are read.

    Returns:
        velocity [N, 3] and diffusivity [N], float64.

    Reference: Seo, Meng & Liu, "Physics-aware difference graph networks for sparsely-observed dynamics", ICLR 2020
    (which prints √(2π) in c, negative over half of the domain).
    """
    points = finite_array("pos", pos, [(None, 2), (None, 3)])
    x, y = np.mod(points[:, 0], 2 * np.pi), np.mod(points[:, 1], 2 * np.pi)
    a = 0.5 * (np.cos(y) + x * (2 * np.pi - x) * np.sin(x)) + 0.6
    b = 2 * (np.cos(y) + np.sin(x)) + 0.8
    radius = np.hypot(x - np.pi, y - np.pi)
    diffusivity = np.maximum(0.5 * (1 - radius / (np.sqrt(2) * np.pi)), 0.0)  # round-off at the corners
    return np.stack([-a, -b, np.zeros_like(a)], axis=1), diffusivity
