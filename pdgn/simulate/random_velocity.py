"""Random smooth tangential flows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh import TriMesh
from pdgn.operators import mass
from pdgn.simulate.argument import nonnegative_number, one_of, positive_integer, positive_number, random_generator
from pdgn.simulate.boundary import require_simulable
from pdgn.simulate.eigenfunctions import eigenfunctions
from pdgn.simulate.velocity import potential_velocity, stream_velocity, vertex_velocity


def random_face_velocity(
    mesh: TriMesh,
    generator: np.random.Generator,
    *,
    num_modes: int = 12,
    speed: float = 1.0,
    norm: str = "max",
    gradient_share: float = 0.0,
    uniform_share: float = 0.0,
) -> NDArray[np.float64]:
    """A smooth random flow on faces, free of divergence or, on request, not: Hodge's parts, each of a stated energy.

        v = √(1 − g − c) n × ∇ψ + √g ∇φ + √c w,    each part of mean square 1, before v is put to its speed

    ψ and φ are random sums Σ_k a_k φ_k/√λ_k of eigenfunctions with a_k standard normal, so that every mode carries the
    same energy on average; w is a constant vector. The parts are orthogonal, so that g and c are shares of the energy.
    Modes of ψ vanish on a boundary, those of φ have no slope across it: without w the flow does not cross it, exactly
    so for ψ and up to the discretisation error for φ.

    With g = 0 the flow is exactly free of divergence, the one to simulate with in conservative form (see
    `stream_velocity`); `vertex_velocity` makes of it what a model may see at vertices. Drawn in this order: ψ, then φ
    where g > 0, then the direction of w where c > 0.

    Args:
        mesh: V vertices, F faces, consistently oriented.
        generator: source of the coefficients.
        num_modes: number of eigenfunctions.
        speed: largest or root-mean-square speed of the result [length/time].
        norm: "max" or "rms", which of the two.
        gradient_share: g, share of the energy in ∇φ, from 0 to 1.
        uniform_share: c, likewise in the constant vector, on flat periodic meshes (elsewhere 0); g + c ≤ 1.

    Returns:
        [F, 3] float64 [length/time].

    Raises:
        ValueError: an argument out of range, an unfit mesh.
    """
    one_of("norm", norm, ("max", "rms"))
    require_simulable(mesh)
    random_generator(generator)
    mesh.require(oriented=True)
    _check_shares(mesh, gradient_share, uniform_share)
    area = mesh.face_area
    bounded = bool(np.any(mesh.boundary))
    stream = _random_sum(mesh, generator, num_modes, "dirichlet" if bounded else "neumann")
    velocity = stream_velocity(mesh, stream)
    if gradient_share or uniform_share:
        velocity = np.sqrt(max(0.0, 1 - gradient_share - uniform_share)) * _scaled(velocity, area, 1.0, "rms")
    if gradient_share:
        gradient = potential_velocity(mesh, _random_sum(mesh, generator, num_modes, "neumann"))
        velocity += np.sqrt(gradient_share) * _scaled(gradient, area, 1.0, "rms")
    if uniform_share:
        angle = generator.uniform(0, 2 * np.pi)
        velocity += np.sqrt(uniform_share) * np.array([np.cos(angle), np.sin(angle), 0.0])
    return _scaled(velocity, area, speed, norm)


def random_velocity(
    mesh: TriMesh,
    generator: np.random.Generator,
    *,
    num_modes: int = 12,
    speed: float = 1.0,
    norm: str = "max",
    gradient_share: float = 0.0,
    uniform_share: float = 0.0,
) -> NDArray[np.float64]:
    """A smooth random tangential flow at vertices: `random_face_velocity` averaged.

    It does not cross a boundary. The averaging leaves a divergence of the size of the discretisation error, small where
    the mesh resolves the surface and large at creases. Pure convection by it grows there, by nothing real, in either
    form (on a scanned figure of 6,002 vertices 20-fold while the flow crosses it once, a thousandfold and more while it
    does so twice): it is what a model may see; simulate with `random_face_velocity`.

    Args:
        mesh: V vertices, consistently oriented.
        generator: source of the coefficients.
        num_modes: number of eigenfunctions.
        speed: largest or root-mean-square speed of the result [length/time].
        norm: "max" or "rms", which of the two.
        gradient_share: as for `random_face_velocity`.
        uniform_share: as for `random_face_velocity`.

    Returns:
        [V, 3] float64 [length/time], in the tangent planes of the vertices.
    """
    faces = random_face_velocity(
        mesh, generator, num_modes=num_modes, norm=norm, gradient_share=gradient_share, uniform_share=uniform_share
    )
    return _scaled(vertex_velocity(mesh, faces), mass(mesh).diagonal(), speed, norm)


def _random_sum(mesh: TriMesh, generator: np.random.Generator, num_modes: int, boundary: str) -> NDArray[np.float64]:
    """Σ_k a_k φ_k/√λ_k over the first modes that are not constant, [V]."""
    # The first mode of a component is constant and makes no flow, unless it vanishes on a boundary there.
    fixed = np.unique(mesh.component[mesh.boundary]).size if boundary == "dirichlet" else 0
    constant = mesh.topology().components - fixed
    value, mode = eigenfunctions(mesh, positive_integer("num_modes", num_modes) + constant, boundary)
    return mode[:, constant:] @ (generator.standard_normal(num_modes) / np.sqrt(value[constant:]))


def _check_shares(mesh: TriMesh, gradient: float, uniform: float) -> None:
    for name, share in (("gradient_share", gradient), ("uniform_share", uniform)):
        if nonnegative_number(name, share) > 1:
            raise ValueError(f"{name}: wanted a share of the energy from 0 to 1, got {share}")
    if gradient + uniform > 1:
        raise ValueError(f"uniform_share: wanted at most {1 - gradient:g} beside a gradient_share of {gradient:g}, "
                         f"got {uniform:g}")  # fmt: skip
    if uniform and not (mesh.period and mesh.period[0] and mesh.period[1] and np.ptp(mesh.pos[:, 2]) == 0):
        raise ValueError(f"uniform_share: wanted 0 except on a flat mesh periodic in x and y, got {uniform:g} on one "
                         f"of period {mesh.period}")  # fmt: skip


def _scaled(velocity: NDArray[np.float64], area: NDArray[np.float64], speed: float, norm: str) -> NDArray[np.float64]:
    square = np.einsum("nc,nc->n", velocity, velocity)
    size = square.max() if norm == "max" else square @ area / area.sum()
    return velocity * (positive_number("speed", speed) / np.sqrt(size))
