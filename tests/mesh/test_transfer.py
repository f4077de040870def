"""Transfer is exact on the same mesh and on linear functions of a plane, and of second order on a sphere."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import fibonacci_sphere, grid, icosphere, minimal_image, retriangulate, torus, transfer


def test_same_mesh_is_the_identity(rng):
    for mesh in (icosphere(2), torus(2.0, 0.7, 12, 7), grid(6, 5, periodic=True)):
        values = rng.standard_normal((mesh.num_vertices, 4, 2))
        np.testing.assert_allclose(transfer(mesh, values, mesh), values, atol=1e-13)  # round-off at a shared corner


def test_linear_functions_are_exact_on_a_plane(rng):
    mesh, other = grid(9, 7), retriangulate(grid(12, 5), rng)
    slope = rng.standard_normal((3, 2))
    np.testing.assert_allclose(transfer(mesh, mesh.pos @ slope, other), other.pos @ slope, atol=1e-14)


def test_linear_functions_are_exact_across_the_seam_of_a_periodic_square(rng):
    mesh, other = grid(8, 8, periodic=True), grid(13, 11, periodic=True)
    centre = np.array([0.05, 0.93, 0.0])
    local = minimal_image(mesh.pos - centre, mesh.period)
    there = minimal_image(other.pos - centre, mesh.period)
    inside = np.abs(there).max(axis=1) < 0.3  # away from the cut of the linear function
    result = transfer(mesh, local, other)
    np.testing.assert_allclose(result[inside], there[inside], atol=1e-14)
    assert inside.sum() > 20


def test_second_order_on_the_sphere():
    def smooth(pos):
        return np.exp(pos[:, 0]) * np.sin(2 * pos[:, 1]) + pos[:, 2] ** 2

    other = fibonacci_sphere(3000)
    errors = []
    for level in (2, 3, 4):
        mesh = icosphere(level)
        errors.append(np.sqrt(np.mean((transfer(mesh, smooth(mesh.pos), other) - smooth(other.pos)) ** 2)))
    np.testing.assert_allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 2.0, atol=0.1)


def test_vectors_become_tangential_and_converge():
    other = fibonacci_sphere(1000)
    exact = np.cross([0.0, 0.0, 1.0], other.pos)
    exact -= np.einsum("vc,vc->v", exact, other.vertex_normal)[:, None] * other.vertex_normal
    errors = []
    for level in (2, 3):
        mesh = icosphere(level)
        field = np.cross([0.0, 0.0, 1.0], mesh.pos)[:, None].repeat(2, axis=1)
        result = transfer(mesh, field, other, tangential=True)
        assert np.abs(np.einsum("vtc,vc->vt", result, other.vertex_normal)).max() < 1e-15
        errors.append(np.abs(result - exact[:, None]).max())
    assert errors[1] < errors[0] / 3.5  # second order


def test_missing_values_stay_where_they_are():
    mesh = icosphere(2)
    values = mesh.pos[:, 0].copy()
    values[5] = np.nan
    same = transfer(mesh, values, mesh)
    assert np.isnan(same).sum() == 1 and np.isnan(same[5])
    finer = transfer(mesh, values, icosphere(3))
    touched = np.isin(mesh.face, 5).any(axis=1).sum()  # the vertex itself and the middles of its edges
    assert np.isnan(finer).sum() == 1 + touched


def test_bad_input_is_refused():
    mesh = icosphere(0)
    with pytest.raises(ValueError, match=r"values must have shape \[12, \.\.\.\], got \[11\]"):
        transfer(mesh, np.zeros(11), mesh)
    with pytest.raises(ValueError, match=r"values must have shape \[12, \.\.\., 3\], got \[12\]"):
        transfer(mesh, np.zeros(12), mesh, tangential=True)
    with pytest.raises(ValueError, match=r"meshes of one period, got None and \(1.0, 1.0, 0.0\)"):
        transfer(mesh, np.zeros(12), grid(5, 5, periodic=True))
