"""Convection weights of edges against the convection matrix."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import icosphere
from pdgn.operators import ConvectionWeights
from pdgn.simulate import random_face_velocity
from pdgn.simulate.weak_form import convection_form
from tests.operators.meshes import MESHES


@pytest.mark.parametrize("name", sorted(set(MESHES) - {"with isolated vertex"}))
@pytest.mark.parametrize("on_faces", [False, True])
def test_weights_are_the_two_parts_of_the_convection_matrix(name, on_faces):
    mesh = MESHES[name]()
    if on_faces and mesh.num_faces == mesh.num_vertices:
        pytest.skip("as many faces as vertices: the velocity is taken to be on vertices")
    count = mesh.num_faces if on_faces else mesh.num_vertices
    velocity = np.random.default_rng(3).standard_normal((count, 3))
    matrix = convection_form(mesh, velocity)
    source, target = mesh.edge_index
    there, back = (np.asarray(matrix[rows, columns]).ravel() for rows, columns in ((source, target), (target, source)))
    skew, even = ConvectionWeights.of(mesh).weights(velocity)
    scale = np.abs(there).max()
    np.testing.assert_allclose(skew, (there - back) / 2, atol=1e-13 * scale)
    np.testing.assert_allclose(even, (there + back) / 2, atol=1e-13 * scale)


def test_the_formula_is_the_conservative_form_on_a_closed_surface():
    mesh, generator = icosphere(2), np.random.default_rng(0)
    velocity, u = generator.standard_normal((mesh.num_vertices, 3)), generator.standard_normal(mesh.num_vertices)
    skew, even = ConvectionWeights.of(mesh).weights(velocity)
    source, target = mesh.edge_index
    flux = skew * (u[source] + u[target]) + even * (u[source] - u[target])
    brought = np.bincount(target, flux, mesh.num_vertices)
    np.testing.assert_allclose(brought, convection_form(mesh, velocity).T @ u, atol=1e-13)
    assert abs(brought.sum()) < 1e-13


def test_a_flow_without_divergence_on_faces_has_no_even_part():
    mesh = icosphere(2)
    flow = random_face_velocity(mesh, np.random.default_rng(1), num_modes=6, speed=1.0)
    skew, even = ConvectionWeights.of(mesh).weights(flow)
    assert np.abs(even).max() < 1e-13 < 1e-3 < np.abs(skew).max()


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"^velocity: wanted \[42, 3\] or \[80, 3\], given \[41, 3\]$"):
        ConvectionWeights.of(icosphere(1)).weights(np.zeros((41, 3)))
