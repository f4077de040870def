"""Pure convection: inflow and outflow, agreement with convection–diffusion, what crosses the boundary."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import bumpy_sphere, grid, icosphere
from pdgn.operators import mass
from pdgn.simulate import Convection, ConvectionDiffusion, random_face_velocity, rotation_velocity, simulate
from pdgn.simulate.outflow import inflow_vertices, outflow_form

FORMS = ["conservative", "advective"]


@pytest.mark.parametrize("form", FORMS)
def test_it_is_convection_diffusion_without_diffusion(form, rng):
    mesh = bumpy_sphere(rng, 2)
    velocity = random_face_velocity(mesh, rng)
    start = rng.standard_normal((mesh.num_vertices, 2))
    first = simulate(Convection(velocity, form), mesh, start, 0.05, 10).fields["u"]
    second = simulate(ConvectionDiffusion(velocity, 0.0, form), mesh, start, 0.05, 10).fields["u"]
    np.testing.assert_allclose(first, second, atol=1e-12)  # round-off


@pytest.mark.parametrize("form", FORMS)
def test_a_pulse_crosses_a_channel_and_leaves_it(form):
    error = []
    for n in (41, 81, 161):
        mesh = grid(n, 4, (2.0, 6.0 / (n - 1)))
        velocity = np.tile([1.0, 0.0, 0.0], (mesh.num_faces, 1))
        x = mesh.pos[:, 0]

        def pulse(time, x=x):
            return np.exp(-(((x - 1.2 - time) / 0.3) ** 2))

        equation = Convection(velocity, form, "dirichlet", 0.0)
        result = simulate(equation, mesh, pulse(0.0), 0.025, 24).fields["u"][-1, :, 0]  # its crest leaves
        error.append(np.sqrt(np.mean((result - pulse(0.6)) ** 2)))
    # First order: along the sides of a channel three cells wide, where triangles lie on one side of a vertex alone.
    assert np.polyfit(np.log([40, 80, 160]), np.log(error), 1)[0] == pytest.approx(-1, abs=0.2)
    assert error[-1] < 0.01


@pytest.mark.parametrize("form", FORMS)
def test_what_is_given_at_the_inflow_fills_the_channel(form):
    mesh = grid(21, 5)
    velocity = np.tile([1.0, 0.0, 0.0], (mesh.num_vertices, 1))
    equation = Convection(velocity, form, "dirichlet", 3.0)
    filled = simulate(equation, mesh, np.full(mesh.num_vertices, 3.0), 0.1, 20).fields["u"]
    assert np.abs(filled - 3).max() < 1e-12  # a constant flows in, through and out: round-off
    fixed = inflow_vertices(mesh, velocity)
    assert np.array_equal(fixed, mesh.pos[:, 0] == 0)


def test_what_leaves_is_missing_inside(rng):
    mesh = grid(9, 7, (1.5, 1.0))
    velocity = np.tile([0.6, -0.3, 0.0], (mesh.num_faces, 1))
    system = Convection(velocity, boundary="dirichlet").discretize(mesh)
    u = np.where(inflow_vertices(mesh, velocity), 0.0, rng.standard_normal(mesh.num_vertices))
    weight = mass(mesh).diagonal()
    inside = ~system.fixed
    outflow = (outflow_form(mesh, velocity) @ u)[inside].sum()
    # Without a boundary term nothing leaves; what the held rows lose there, the inside gains.
    closed = (weight * Convection(velocity).discretize(mesh).rate(0.0, u[:, None])[:, 0])[inside].sum()
    change = (weight * system.rate(0.0, u[:, None])[:, 0])[inside].sum()
    assert change == pytest.approx(closed - outflow, abs=1e-13)  # round-off
    assert abs(outflow) > 1e-3


def test_the_outflow_form_is_the_flux_of_a_constant_flow():
    mesh = grid(9, 7, (1.5, 1.0))
    velocity = np.tile([0.6, -0.3, 0.0], (mesh.num_vertices, 1))
    x, y = mesh.pos[:, 0], mesh.pos[:, 1]
    form = outflow_form(mesh, velocity)
    # ∫_∂ u v·n = ∫ v·∇u; both are exact for linear u.
    assert (form @ (2 * x - y)).sum() == pytest.approx(1.5 * (0.6 * 2 + 0.3), rel=1e-13)
    assert abs((form @ np.ones(63)).sum()) < 1e-14
    assert outflow_form(icosphere(1), rotation_velocity(icosphere(1), [0, 0, 1], 1.0)).nnz == 0


def test_advective_form_keeps_a_constant_and_conservative_form_the_integral(rng):
    mesh = bumpy_sphere(rng, 2)
    velocity = random_face_velocity(mesh, rng)
    constant = simulate(Convection(velocity, "advective"), mesh, np.full(mesh.num_vertices, 2.0), 0.05, 10)
    assert np.abs(constant.fields["u"] - 2).max() < 1e-12  # round-off
    assert Convection(velocity).conserved == ("u",) and Convection(velocity, "advective").conserved == ()
    with pytest.raises(ValueError, match="wanted none in advective form with 'neumann', got one; use 'dirichlet'"):
        Convection(velocity, "advective", boundary_value=1.0)
    with pytest.raises(ValueError, match="wanted a mesh with a boundary, got a closed surface"):
        Convection(velocity, boundary="dirichlet").discretize(mesh)
