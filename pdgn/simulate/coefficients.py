"""Coefficient fields of equations: velocities and conductivities."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh
from pdgn.mesh.period import minimal_image
from pdgn.operators import gradient, mass
from pdgn.simulate.argument import finite_array, one_of, positive_integer, positive_number
from pdgn.simulate.boundary import boundary_edges
from pdgn.simulate.eigenfunctions import eigenfunctions
from pdgn.simulate.tangential import tangential


def rotation_velocity(mesh: TriMesh, axis: ArrayLike, rate: float) -> NDArray[np.float64]:
    """Velocity of a rigid rotation about an axis through the origin: v = rate · a × x, a the unit vector of the axis.

    Tangential on surfaces of revolution about that axis (and on spheres about any).

    Args:
        mesh: V vertices.
        axis: [3], not zero.
        rate: angle per time, counter-clockwise seen from the tip of the axis [1/time].

    Returns:
        [V, 3] float64 [length/time].
    """
    direction = finite_array("axis", axis, [(3,)])
    length = float(np.linalg.norm(direction))
    if length == 0:
        raise ValueError("axis: wanted a vector that is not zero, got [0, 0, 0]")
    return float(finite_array("rate", rate, [()])) * np.cross(direction / length, mesh.pos)


def stream_velocity(mesh: TriMesh, stream: ArrayLike) -> NDArray[np.float64]:
    """Velocity of a stream function on faces: v = n × ∇ψ, free of divergence.

    Exactly so in the weak sense: ∫ ∇φ_i·v = 0 at every vertex where ψ is constant along the boundary, so that in
    conservative form a constant stays constant to round-off.

    Args:
        mesh: F faces, consistently oriented.
        stream: ψ [V] [length²/time].

    Returns:
        [F, 3] float64 [length/time].
    """
    psi = finite_array("stream", stream, [(mesh.num_vertices,)])
    return np.cross(mesh.face_normal, (gradient(mesh) @ psi).reshape(-1, 3))


def random_face_velocity(
    mesh: TriMesh, generator: np.random.Generator, *, num_modes: int = 12, speed: float = 1.0, norm: str = "max"
) -> NDArray[np.float64]:
    """A smooth random flow on faces, exactly free of divergence: v = n × ∇ψ, ψ a random sum of eigenfunctions.

    ψ = Σ_k a_k φ_k/√λ_k with a_k standard normal, so that every mode carries the same energy on average; modes vanish
    on a boundary, which the flow then does not cross. This is the flow to simulate with in conservative form (see
    `stream_velocity`); `vertex_velocity` makes of it what a model may see at vertices.

    Args:
        mesh: V vertices, F faces, consistently oriented.
        generator: source of the coefficients.
        num_modes: number of eigenfunctions.
        speed: largest or root-mean-square speed of the result [length/time].
        norm: "max" or "rms", which of the two.

    Returns:
        [F, 3] float64 [length/time].
    """
    one_of("norm", norm, ("max", "rms"))
    mesh.require(oriented=True)
    bounded = bool(np.any(mesh.boundary))
    # Without a boundary the first mode of each component is constant and makes no flow.
    constant = 0 if bounded else mesh.topology().components
    value, mode = eigenfunctions(
        mesh, positive_integer("num_modes", num_modes) + constant, "dirichlet" if bounded else "neumann"
    )
    coefficient = generator.standard_normal(num_modes) / np.sqrt(value[constant:])
    velocity = stream_velocity(mesh, mode[:, constant:] @ coefficient)
    return _scaled(velocity, mesh.face_area, speed, norm)


def random_velocity(
    mesh: TriMesh, generator: np.random.Generator, *, num_modes: int = 12, speed: float = 1.0, norm: str = "max"
) -> NDArray[np.float64]:
    """A smooth random tangential flow at vertices, nearly free of divergence: `random_face_velocity` averaged.

    The averaging leaves a divergence of the size of the discretisation error, small where the mesh resolves the
    surface and large at creases, where conservative form would gather spurious peaks: simulate there with
    `random_face_velocity` or in advective form.

    Args:
        mesh: V vertices, consistently oriented.
        generator: source of the coefficients.
        num_modes: number of eigenfunctions.
        speed: largest or root-mean-square speed of the result [length/time].
        norm: "max" or "rms", which of the two.

    Returns:
        [V, 3] float64 [length/time], in the tangent planes of the vertices.
    """
    faces = random_face_velocity(mesh, generator, num_modes=num_modes, norm=norm)
    return _scaled(vertex_velocity(mesh, faces), mass(mesh).diagonal(), speed, norm)


def vertex_velocity(mesh: TriMesh, velocity: ArrayLike) -> NDArray[np.float64]:
    """A velocity on faces averaged to vertices by area, and put into their tangent planes (at a boundary, its sides).

    Args:
        mesh: V vertices, F faces.
        velocity: [F, 3] [length/time].

    Returns:
        [V, 3] float64 [length/time].
    """
    field = finite_array("velocity", velocity, [(mesh.num_faces, 3)])
    weighted = np.repeat(field * mesh.face_area[:, None] / 3, 3, axis=0)
    total = [np.bincount(mesh.face.ravel(), weighted[:, axis], mesh.num_vertices) for axis in range(3)]
    average = np.stack(total, axis=1) / mass(mesh).diagonal()[:, None]
    return _along_boundary(mesh, tangential(mesh, average))


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
    if not (np.isfinite(contrast) and contrast >= 1):
        raise ValueError(f"contrast: wanted a number of at least 1, got {contrast}")
    constant = mesh.topology().components
    value, mode = eigenfunctions(mesh, positive_integer("num_modes", num_modes) + constant)
    amplitude = 1 / (1 + value[constant:] / value[constant])
    field = mode[:, constant:] @ (amplitude * generator.standard_normal(num_modes))
    span = (field - field.min()) / (field.max() - field.min())
    return positive_number("mean", mean) * contrast ** (span - 0.5)


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


def _scaled(velocity: NDArray[np.float64], area: NDArray[np.float64], speed: float, norm: str) -> NDArray[np.float64]:
    square = np.einsum("nc,nc->n", velocity, velocity)
    size = square.max() if norm == "max" else square @ area / area.sum()
    return velocity * (positive_number("speed", speed) / np.sqrt(size))


def _along_boundary(mesh: TriMesh, velocity: NDArray[np.float64]) -> NDArray[np.float64]:
    """The velocity with its part along the boundary alone at boundary vertices; both sides of a corner count."""
    result = velocity.copy()
    tail, head = boundary_edges(mesh)
    side = minimal_image(mesh.pos[head] - mesh.pos[tail], mesh.period)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    for end in (tail, head):  # a vertex is the tail of one boundary edge and the head of one
        result[end] = np.einsum("nc,nc->n", result[end], side)[:, None] * side
    return result
