"""Velocities are tangential, free of divergence and of the stated speed; conductivities have the stated contrast."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import f as f_distribution

from pdgn.mesh import TriMesh, bumpy_sphere, grid, icosphere, torus
from pdgn.operators import divergence, mass, stiffness
from pdgn.simulate import (
    eigenfunctions,
    potential_velocity,
    random_conductivity,
    random_face_velocity,
    random_velocity,
    rotation_velocity,
    stream_velocity,
    vertex_velocity,
)

MESHES = [bumpy_sphere(np.random.default_rng(0), 3), torus(2.0, 0.7, 24, 12), grid(12, 10)]


@pytest.mark.parametrize("mesh", MESHES, ids=["closed", "torus", "boundary"])
def test_random_velocity_is_tangential_and_of_the_stated_speed(mesh):
    for norm in ("max", "rms"):
        velocity = random_velocity(mesh, np.random.default_rng(1), speed=0.3, norm=norm)
        assert np.abs(np.einsum("vc,vc->v", velocity, mesh.vertex_normal)).max() < 1e-14
        square = (velocity**2).sum(axis=1)
        weight = mass(mesh).diagonal()
        size = square.max() if norm == "max" else square @ weight / weight.sum()
        assert np.sqrt(size) == pytest.approx(0.3, rel=1e-12)


def test_random_face_velocity_has_no_weak_divergence_and_the_stated_speed():
    for mesh in MESHES:
        velocity = random_face_velocity(mesh, np.random.default_rng(1), speed=0.3)
        assert np.linalg.norm(velocity, axis=1).max() == pytest.approx(0.3, rel=1e-12)
        assert np.abs(np.einsum("fc,fc->f", velocity, mesh.face_normal)).max() < 1e-15
        assert np.abs(divergence(mesh) @ velocity.ravel()).max() < 1e-14
        averaged = vertex_velocity(mesh, velocity)
        same_flow = random_velocity(mesh, np.random.default_rng(1))
        np.testing.assert_allclose(averaged / np.linalg.norm(averaged, axis=1).max(), same_flow, atol=1e-14)


def test_stream_velocity_has_no_weak_divergence(rng):
    for mesh in MESHES[:2]:
        velocity = stream_velocity(mesh, rng.standard_normal(mesh.num_vertices))
        assert np.abs(divergence(mesh) @ velocity.ravel()).max() < 1e-12  # sums of rotated edges, to round-off


def test_stream_velocity_does_not_cross_a_boundary_on_which_the_stream_is_constant(rng):
    mesh = MESHES[2]
    velocity = stream_velocity(mesh, np.where(mesh.boundary, 0.0, rng.standard_normal(mesh.num_vertices)))
    assert np.abs(divergence(mesh) @ velocity.ravel()).max() < 1e-12


@pytest.mark.parametrize("mesh", MESHES, ids=["closed", "torus", "boundary"])
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_gradient_part_has_its_share_of_the_energy_and_all_of_the_divergence(mesh, share):
    velocity = random_face_velocity(mesh, np.random.default_rng(1), speed=0.5, norm="rms", gradient_share=share)
    assert np.abs(np.einsum("fc,fc->f", velocity, mesh.face_normal)).max() < 1e-14
    energy = mesh.face_area @ (velocity**2).sum(axis=1)
    assert energy / mesh.face_area.sum() == pytest.approx(0.25, rel=1e-12)
    weak = divergence(mesh) @ velocity.ravel()
    assert np.abs(weak).max() > 1e-3 and abs(weak.sum()) < 1e-13
    # Hodge: −Lφ = div v gives back the potential, whose energy φᵀLφ is the part of the gradient.
    potential = np.linalg.lstsq(-stiffness(mesh).toarray(), weak, rcond=None)[0]
    assert potential @ stiffness(mesh) @ potential == pytest.approx(share * energy, rel=1e-8)
    rest = velocity - potential_velocity(mesh, potential)
    assert np.abs(divergence(mesh) @ rest.ravel()).max() < 1e-12


def test_uniform_part_is_a_constant_vector_without_divergence():
    mesh = grid(12, 10, (2.0, 1.0), periodic=True)
    velocity = random_face_velocity(mesh, np.random.default_rng(1), norm="rms", gradient_share=0.2, uniform_share=0.5)
    mean = mesh.face_area @ velocity / mesh.face_area.sum()  # the other parts have none
    assert np.linalg.norm(mean) == pytest.approx(np.sqrt(0.5), rel=1e-12)
    assert np.abs(divergence(mesh) @ np.tile(mean, mesh.num_faces)).max() < 1e-14


def test_flow_with_a_gradient_starts_from_the_same_stream_function():
    mesh = MESHES[0]
    plain, mixed, gradient = (
        random_face_velocity(mesh, np.random.default_rng(1), norm="rms", gradient_share=share) for share in (0, 0.36, 1)
    )
    np.testing.assert_allclose(mixed, 0.8 * plain + 0.6 * gradient, atol=1e-13)


def test_gradient_flow_hardly_crosses_a_boundary_and_at_vertices_not_at_all():
    across = []
    for n in (17, 33):
        mesh = grid(n, n)
        velocity = random_face_velocity(mesh, np.random.default_rng(3), norm="rms", gradient_share=1.0)
        at_left = (mesh.corners[:, :, 0] == 0).sum(axis=1) == 2
        across.append(np.sqrt(np.mean(velocity[at_left, 0] ** 2)))
        averaged = random_velocity(mesh, np.random.default_rng(3), gradient_share=1.0)
        assert np.abs(averaged[mesh.pos[:, 0] == 0, 0]).max() < 1e-12
    assert across[1] < 0.6 * across[0]  # of first order in the size of the faces


def test_flow_on_a_square_beside_a_sphere():
    # Dirichlet modes of the sphere, which has no boundary, start with a constant that makes no flow.
    square, ball = grid(8, 8), icosphere(1)
    both = TriMesh(np.concatenate([square.pos, ball.pos + [0, 0, 3]]), np.concatenate([square.face, ball.face + 64]))
    velocity = random_face_velocity(both, np.random.default_rng(0))
    assert np.isfinite(velocity).all()
    assert np.abs(divergence(both) @ velocity.ravel()).max() < 1e-13


def test_stream_function_z_turns_the_sphere():
    # n × ∇z = n × (e_z − z n) = −e_z × n: a rotation about −z.
    mesh = icosphere(4)
    velocity = stream_velocity(mesh, mesh.pos[:, 2])
    exact = np.cross([0.0, 0.0, -1.0], mesh.corners.mean(axis=1))
    assert np.abs(velocity - exact).max() < 0.01


@pytest.mark.parametrize("mesh", [icosphere(4), bumpy_sphere(np.random.default_rng(0), 4)], ids=["sphere", "bumpy"])
def test_divergence_of_the_averaged_velocity_is_small(mesh):
    velocity = random_velocity(mesh, np.random.default_rng(2))
    size = {}
    for name, field in (("flow", velocity), ("turned", np.cross(mesh.vertex_normal, velocity))):  # the second is −∇ψ
        weak = divergence(mesh) @ field[mesh.face].mean(axis=1).ravel()
        size[name] = np.sqrt(np.sum(weak**2 / mass(mesh).diagonal()))
    assert size["flow"] < 0.02 * size["turned"]


def test_random_velocity_stays_inside_a_boundary():
    mesh = MESHES[2]
    velocity = random_velocity(mesh, np.random.default_rng(3))
    x, y = mesh.pos[:, 0], mesh.pos[:, 1]
    across = np.concatenate([velocity[(x == 0) | (x == 1), 0], velocity[(y == 0) | (y == 1), 1]])
    assert np.abs(across).max() < 1e-12


def test_rotation_velocity():
    mesh = icosphere(1)
    velocity = rotation_velocity(mesh, [0, 0, 5], 0.5)
    np.testing.assert_allclose(velocity, 0.5 * np.stack([-mesh.pos[:, 1], mesh.pos[:, 0], 0 * mesh.pos[:, 0]], axis=1))


def test_random_conductivity_has_the_stated_contrast():
    for mesh in MESHES:
        kappa = random_conductivity(mesh, np.random.default_rng(4), contrast=9.0, mean=2.0)
        assert kappa.max() == pytest.approx(6, rel=1e-12)
        assert kappa.min() == pytest.approx(2 / 3, rel=1e-12)
        neighbour = np.abs(np.diff(np.log(kappa)[mesh.edge_index], axis=0))
        assert neighbour.max() < np.log(9) / 2  # smooth: no edge crosses half the range


def test_random_conductivity_has_the_stated_spectrum():
    mesh, count = icosphere(2), 2000
    _, mode = eigenfunctions(mesh, 9)
    rng = np.random.default_rng(0)
    field = np.log([random_conductivity(mesh, rng, num_modes=8) for _ in range(count)])
    square = (field @ mass(mesh) @ mode) ** 2
    # Degrees 1 and 2 of the sphere, λ = 2 and 6, three and five modes of variance 1/(1 + λ/2)², 4 to 1; the quotient
    # of their means, which the range of a draw does not touch, has the F distribution.
    quotient = square[:, 1:4].mean(axis=1) / square[:, 4:9].mean(axis=1)
    below = np.mean(quotient < 4 * f_distribution.median(3, 5))
    assert below == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(count))  # four standard errors


def test_same_seed_same_coefficients():
    mesh = MESHES[0]
    for draw in (random_velocity, random_conductivity):
        assert np.array_equal(draw(mesh, np.random.default_rng(5)), draw(mesh, np.random.default_rng(5)))


def test_bad_arguments():
    mesh = icosphere(1)
    with pytest.raises(ValueError, match="axis: wanted a vector that is not zero"):
        rotation_velocity(mesh, [0, 0, 0], 1.0)
    with pytest.raises(ValueError, match="contrast: wanted a number of at least 1, got 0.5"):
        random_conductivity(mesh, np.random.default_rng(0), contrast=0.5)
    with pytest.raises(ValueError, match="norm: wanted one of max, rms, got 'mean'"):
        random_velocity(mesh, np.random.default_rng(0), norm="mean")
    with pytest.raises(ValueError, match="gradient_share: wanted a share of the energy from 0 to 1, got 1.5"):
        random_face_velocity(mesh, np.random.default_rng(0), gradient_share=1.5)
    with pytest.raises(ValueError, match="uniform_share: wanted 0 except on a flat mesh periodic .* got 0.5 on one of"):
        random_face_velocity(mesh, np.random.default_rng(0), uniform_share=0.5)
    with pytest.raises(ValueError, match="uniform_share: wanted at most 0.5 beside a gradient_share of 0.5, got 0.6"):
        random_face_velocity(grid(5, 5, periodic=True), np.random.default_rng(0), gradient_share=0.5, uniform_share=0.6)
    with pytest.raises(ValueError, match="num_modes: wanted at most the 42 free vertices of the mesh, got 101"):
        random_velocity(mesh, np.random.default_rng(0), num_modes=100)
