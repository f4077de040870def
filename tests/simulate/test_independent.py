"""Heat and Poisson agree with independent libraries on the same mesh: scikit-fem on the plane, potpourri3d in space."""

from __future__ import annotations

import numpy as np
import potpourri3d
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from pdgn.mesh import TriMesh, bumpy_sphere, grid
from pdgn.simulate import Heat, simulate, solve_poisson

skfem = pytest.importorskip("skfem")
models = pytest.importorskip("skfem.models.poisson")

# Both solve the same discrete problem: what is left is round-off times the condition of the matrices, 1e-16 · 1e4.
AGREEMENT = 1e-8


def distorted_plate() -> TriMesh:
    mesh = grid(17, 13, (1.5, 1.0))
    x, y, z = mesh.pos.T
    bend = 0.04 * np.sin(2 * np.pi * x) * np.cos(np.pi * y)
    return TriMesh(np.stack([x + bend, y - 0.7 * bend, z], axis=1), mesh.face)


PLATE = distorted_plate()


def kappa(pos):
    return 1 + 0.5 * np.sin(3 * pos[0]) + pos[1] ** 2


def plate_operators(diffusivity_per_face):
    """Stiffness and mass by scikit-fem, from its own element, quadrature and assembly."""
    basis = skfem.Basis(skfem.MeshTri(PLATE.pos[:, :2].T, PLATE.face.T), skfem.ElementTriP1())
    field = basis.with_element(skfem.ElementTriP0()).interpolate(diffusivity_per_face)

    @skfem.BilinearForm
    def form(u, v, w):
        return w["kappa"] * skfem.helpers.dot(skfem.helpers.grad(u), skfem.helpers.grad(v))

    weight = np.asarray(models.mass.assemble(basis).sum(axis=1)).ravel()  # row sums are the lumped mass
    return basis, form.assemble(basis, kappa=field), weight


def march(stiffness, weight, state, dt, steps, theta, fixed):
    """The theta method in its textbook form, solved for the state itself by SuperLU."""
    mass = sp.diags(weight)
    left = sp.lil_matrix(mass + theta * dt * stiffness)
    right = sp.lil_matrix(mass - (1 - theta) * dt * stiffness)
    for matrix in (left, right):
        matrix[fixed] = 0
        matrix[fixed, fixed] = 1
    factor, right = splu(sp.csc_matrix(left)), sp.csr_matrix(right)
    for _ in range(steps):
        state = factor.solve(right @ state)
    return state


@pytest.mark.parametrize("method, theta", [("backward_euler", 1.0), ("crank_nicolson", 0.5)])
@pytest.mark.parametrize("boundary", ["neumann", "dirichlet"])
def test_heat_on_the_plane_agrees_with_scikit_fem(method, theta, boundary):
    diffusivity = kappa(PLATE.corners.mean(axis=1).T)
    _, stiffness, weight = plate_operators(diffusivity)
    initial = np.cos(3 * PLATE.pos[:, 0]) + PLATE.pos[:, 1]
    fixed = np.flatnonzero(PLATE.boundary) if boundary == "dirichlet" else np.array([], dtype=int)
    theirs = march(stiffness, weight, initial, 0.01, 20, theta, fixed)
    ours = simulate(Heat(diffusivity, boundary), PLATE, initial, 0.01, 20, method=method).fields["u"][-1, :, 0]
    assert np.abs(ours - theirs).max() < AGREEMENT
    assert np.abs(ours - initial).max() > 0.1


@pytest.mark.parametrize("boundary", ["neumann", "dirichlet"])
def test_poisson_on_the_plane_agrees_with_scikit_fem(boundary):
    diffusivity = kappa(PLATE.corners.mean(axis=1).T)
    basis, stiffness, weight = plate_operators(diffusivity)
    source = np.sin(2 * PLATE.pos[:, 0]) - PLATE.pos[:, 1]
    if boundary == "dirichlet":
        value = PLATE.pos[:, 0] ** 2
        condensed = skfem.condense(stiffness, weight * source, x=value, D=basis.get_dofs().flatten())
        theirs = skfem.solve(*condensed)
        ours = solve_poisson(PLATE, source, diffusivity, boundary="dirichlet", boundary_value=value)
    else:
        load = weight * (source - weight @ source / weight.sum())
        theirs = skfem.solve(*skfem.condense(stiffness, load, D=np.array([5])))
        theirs -= weight @ theirs / weight.sum()
        ours = solve_poisson(PLATE, source, diffusivity, project=True)
    assert np.abs(ours - theirs).max() < AGREEMENT
    assert np.abs(theirs).max() > 0.01


def test_flux_on_the_plane_agrees_with_scikit_fem():
    basis, stiffness, weight = plate_operators(np.ones(PLATE.num_faces))
    flux = 1 + PLATE.pos[:, 0] - PLATE.pos[:, 1]
    edges = skfem.FacetBasis(basis.mesh, skfem.ElementTriP1())

    @skfem.LinearForm
    def inflow(v, w):
        return w["flux"] * v

    load = inflow.assemble(edges, flux=edges.interpolate(flux))
    source = np.full(PLATE.num_vertices, -load.sum() / weight.sum())
    theirs = skfem.solve(*skfem.condense(stiffness, weight * source + load, D=np.array([0])))
    ours = solve_poisson(PLATE, source, boundary_value=flux)
    assert np.abs(ours - (theirs - weight @ theirs / weight.sum())).max() < AGREEMENT


def test_heat_and_poisson_in_space_agree_with_the_operators_of_potpourri3d():
    mesh = bumpy_sphere(np.random.default_rng(1), 3, amplitude=0.2)
    stiffness = potpourri3d.cotan_laplacian(mesh.pos, mesh.face, denom_eps=0.0)
    weight = potpourri3d.vertex_areas(mesh.pos, mesh.face)
    initial = np.cos(3 * mesh.pos[:, 0]) + mesh.pos[:, 1]
    theirs = march(0.3 * stiffness, weight, initial, 0.01, 20, 0.5, np.array([], dtype=int))
    ours = simulate(Heat(0.3), mesh, initial, 0.01, 20).fields["u"][-1, :, 0]
    assert np.abs(ours - theirs).max() < AGREEMENT
    load = weight * (initial - weight @ initial / weight.sum())
    theirs = np.zeros(mesh.num_vertices)
    theirs[1:] = splu(sp.csc_matrix(stiffness)[1:][:, 1:]).solve(load[1:])
    ours = solve_poisson(mesh, initial, project=True)
    assert np.abs(ours - (theirs - weight @ theirs / weight.sum())).max() < AGREEMENT
    assert np.abs(ours).max() > 0.1
