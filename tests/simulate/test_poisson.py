"""Poisson's equation against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import TriMesh, grid, icosphere
from pdgn.operators import mass
from pdgn.simulate import solve_poisson
from pdgn.simulate.exact import real_spherical_harmonic


def relative_error(mesh, found, exact):
    weight = mass(mesh).diagonal()
    return float(np.sqrt(weight @ (found - exact) ** 2 / (weight @ exact**2)))


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_spherical_harmonics_are_divided_by_their_eigenvalue_with_slope_two(degree):
    size, error = [], []
    for subdivisions in (2, 3, 4):
        mesh = icosphere(subdivisions)
        harmonic = real_spherical_harmonic(mesh.pos, degree, 1)
        found = solve_poisson(mesh, harmonic, project=True)
        size.append(mesh.edge_length.mean())
        error.append(relative_error(mesh, found, harmonic / (degree * (degree + 1))))
    assert np.polyfit(np.log(size), np.log(error), 1)[0] == pytest.approx(2, abs=0.2)
    assert error[-1] < 4e-4 * degree * (degree + 1)  # grows as λh², as the eigenvalue's own error


def test_dirichlet_values_and_a_source_give_a_quadratic_exactly():
    mesh = grid(9, 7, (1.5, 1.0))
    x, y = mesh.pos[:, 0], mesh.pos[:, 1]
    exact = 1 + x - x**2 + 2 * y**2  # −Δu = −2; five-point differences are exact for it
    found = solve_poisson(mesh, -2.0, boundary="dirichlet", boundary_value=exact)
    np.testing.assert_allclose(found, exact, atol=1e-13)  # round-off


def test_flux_in_balance_with_the_source_gives_a_cosine_with_slope_two():
    error = []
    for n in (9, 17, 33):
        mesh = grid(n, n)
        x, y = mesh.pos[:, 0], mesh.pos[:, 1]
        exact = np.cos(np.pi * x) * np.cos(2 * np.pi * y)
        found = solve_poisson(mesh, 5 * np.pi**2 * exact, project=True)
        error.append(relative_error(mesh, found, exact))
    assert np.polyfit(np.log([9, 17, 33]), np.log(error), 1)[0] == pytest.approx(-2, abs=0.3)
    mesh = grid(9, 9)
    flux = np.where(mesh.pos[:, 0] == 1, 1.0, 0.0)  # linear on edges: 1 + 1/8 flows in, through the corners too
    found = solve_poisson(mesh, -1.125, boundary_value=flux)
    assert abs(mass(mesh).diagonal() @ found) < 1e-14  # mean zero, to round-off
    with pytest.raises(ValueError, match="source: wanted a load in balance .* got a mean of 0.125 .* project=True"):
        solve_poisson(mesh, -1.0, boundary_value=flux)


def test_diffusivity_is_inside_the_divergence():
    mesh = grid(65, 5, (1.0, 0.0625))
    x = mesh.pos[:, 0]
    exact = np.log(1 + x)  # (κ u')' = 0 with κ = 1 + x
    found = solve_poisson(mesh, 0.0, 1 + x, boundary="dirichlet", boundary_value=exact)
    assert np.abs(found - exact).max() < 1e-5  # second order, h = 1/64
    assert np.abs(solve_poisson(mesh, 0.0, 1.0, boundary="dirichlet", boundary_value=exact) - exact).max() > 3e-4


def test_components_are_solved_apart_and_columns_together(rng):
    one = icosphere(2)
    two = TriMesh(np.concatenate([one.pos, 2 * one.pos + 5]), np.concatenate([one.face, one.face + one.num_vertices]))
    source = rng.standard_normal((two.num_vertices, 2))
    found = solve_poisson(two, source, project=True)
    first = solve_poisson(one, source[: one.num_vertices], project=True)
    second = solve_poisson(one, source[one.num_vertices :], project=True)
    # −Δu = f on a sphere of twice the radius: u is four times as large.
    np.testing.assert_allclose(found, np.concatenate([first, 4 * second]), atol=1e-13)  # round-off
    with pytest.raises(ValueError, match="on component 0"):
        solve_poisson(two, 1.0)


def test_bad_arguments_are_named():
    mesh = icosphere(1)
    with pytest.raises(ValueError, match="diffusivity: wanted values above 0, got a minimum of 0"):
        solve_poisson(mesh, 0.0, 0.0)
    with pytest.raises(ValueError, match="boundary 'dirichlet': wanted a mesh with a boundary, got a closed surface"):
        solve_poisson(mesh, 0.0, boundary="dirichlet")
    with pytest.raises(ValueError, match="source: wanted a number or shape"):
        solve_poisson(mesh, np.zeros(3))
    plate = grid(4, 4)
    both = TriMesh(np.concatenate([mesh.pos, plate.pos]), np.concatenate([mesh.face, plate.face + mesh.num_vertices]))
    with pytest.raises(ValueError, match="wanted a boundary on each of 2 components, got 1 without"):
        solve_poisson(both, 0.0, boundary="dirichlet")
