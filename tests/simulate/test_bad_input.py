"""Every mistake of a user is one line that says what was wanted, what was given and where."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import TriMesh, grid, icosphere
from pdgn.operators import mass
from pdgn.simulate import (
    ConvectionDiffusion,
    Heat,
    random_eigenfunctions,
    random_face_velocity,
    rotation_velocity,
    simulate,
)

SPHERE = icosphere(1)
ONES = np.ones(42)
NAN = np.where(np.arange(42) == 3, np.nan, 1.0)
SQUARE = TriMesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])


def run(equation=None, mesh=SPHERE, initial=ONES, dt=0.1, steps=2, **options):
    return simulate(Heat(1.0) if equation is None else equation, mesh, initial, dt, steps, **options)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"initial": NAN}, ValueError, "initial u: wanted finite values, got 1 NaN or infinite of 42"),
        ({"initial": np.ones(41)}, ValueError, r"initial u: wanted shape \[42\] or .* got shape \[41\]"),
        ({"initial": "warm"}, TypeError, "initial u: wanted numbers, got str"),
        ({"initial": {"v": ONES}}, ValueError, "initial: wanted fields u, got v"),
        ({"dt": 0.0}, ValueError, "dt: wanted a number above 0, got 0"),
        ({"dt": -0.1}, ValueError, "dt: wanted a number above 0, got -0.1"),
        ({"dt": np.nan}, ValueError, "dt: wanted finite values"),
        ({"steps": 0}, ValueError, "steps: wanted an integer of at least 1, got 0"),
        ({"steps": 2.5}, TypeError, "steps: wanted an integer of at least 1, got 2.5"),
        ({"record_every": 3}, ValueError, "record_every: wanted a divisor of steps = 2, got 3"),
        ({"method": "leapfrog"}, ValueError, "method: wanted one of explicit_euler, rk4, .* got 'leapfrog'"),
        ({"substeps": "many"}, ValueError, "substeps: wanted one of auto, got 'many'"),
        ({"substeps": 0}, ValueError, "substeps: wanted an integer of at least 1, got 0"),
        ({"mesh": "bunny"}, TypeError, "mesh: wanted a TriMesh, got str"),
        ({"equation": "heat"}, TypeError, "equation: wanted an Equation, got str"),
        ({"equation": Heat(np.ones(7))}, ValueError, r"diffusivity: wanted a number or shape \[42\] or shape \[80\]"),
        ({"equation": ConvectionDiffusion(np.zeros((7, 3)))}, ValueError, r"velocity: wanted shape \[42, 3\]"),
        ({"equation": Heat(1.0, "dirichlet")}, ValueError, "wanted a mesh with a boundary, got a closed surface"),
        ({"equation": Heat(1.0, boundary_value=np.ones(3))}, ValueError, r"boundary_value: wanted a number or shape"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message) as caught:
        run(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Heat(-1.0), "diffusivity: wanted values of at least 0, got a minimum of -1"),
        (lambda: Heat(NAN), "diffusivity: wanted finite values, got 1 NaN"),
        (lambda: Heat(np.ones((42, 2))), r"diffusivity: wanted a number or shape \[any\], got shape \[42, 2\]"),
        (lambda: Heat(1.0, "robin"), "boundary: wanted one of neumann, dirichlet, got 'robin'"),
        (lambda: ConvectionDiffusion(np.zeros(42)), r"velocity: wanted shape \[any, 3\], got shape \[42\]"),
        (lambda: ConvectionDiffusion(np.full((42, 3), np.inf)), "velocity: wanted finite values, got 126 NaN"),
        (lambda: ConvectionDiffusion(np.zeros((42, 3)), -0.1), "diffusivity: wanted values of at least 0"),
        (lambda: ConvectionDiffusion(np.zeros((42, 3)), form="weak"), "form: wanted one of conservative, advective"),
    ],
)
def test_bad_coefficients(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_two_triangles_have_no_interior_vertex():
    with pytest.raises(ValueError, match="at least one interior vertex, got a mesh of 2 faces with all 4 vertices"):
        run(Heat(1.0, "dirichlet"), SQUARE, np.ones(4))
    assert np.allclose(run(Heat(1.0), SQUARE, np.arange(4.0), steps=100).fields["u"][-1].std(), 0, atol=1e-6)


@pytest.mark.parametrize(
    "mesh, message",
    [
        (TriMesh(np.vstack([SQUARE.pos, [[5, 5, 0]]]), SQUARE.face), r"got 1 isolated vertices; .*isolated=True"),
        (
            TriMesh(np.vstack([SQUARE.pos, [[0.5, 0.5, 0]]]), np.vstack([SQUARE.face, [[0, 4, 2]]])),
            r"got 1 degenerate faces; .*degenerate=True",
        ),
        (
            TriMesh(np.vstack([SQUARE.pos, [[0.5, 0.5, 1]]]), np.vstack([SQUARE.face, [[0, 4, 2]]])),
            r"got 1 non manifold edges; .*non_manifold=True",
        ),
    ],
)
def test_unfit_meshes_are_refused_with_what_to_do(mesh, message):
    with pytest.raises(ValueError, match=message):
        run(mesh=mesh, initial=np.ones(5))


def test_a_velocity_that_is_not_tangential_is_refused():
    mesh = grid(5, 5)
    with pytest.raises(ValueError, match="got a normal part of 1 .* at vertex 0; project it with"):
        run(ConvectionDiffusion(np.tile([0.0, 0.0, 1.0], (25, 1))), mesh, np.ones(25))
    run(ConvectionDiffusion(rotation_velocity(SPHERE, [1, 1, 0], 1.0)))


def test_a_state_that_does_not_stay_finite_is_reported_with_its_time():
    with pytest.raises(ValueError, match="wanted finite states, got NaN or infinity at time 0.1"):
        run(Heat(1.0), initial=np.linspace(-1, 1, 42) * 1.7e308, method="rk4")


def test_complex_numbers_are_refused():
    with pytest.raises(TypeError, match="initial u: wanted real numbers, got complex128"):
        run(initial=np.ones(42) + 1j)


@pytest.mark.parametrize(
    "draw, message",
    [
        (
            lambda rng: random_face_velocity(SPHERE, rng, num_modes=0),
            "num_modes: wanted an integer of at least 1, got 0",
        ),
        (lambda rng: random_eigenfunctions(SPHERE, 1, rng, num_modes=4, decay=np.nan), "decay: wanted finite values"),
        (
            lambda rng: random_eigenfunctions(SPHERE, 1, rng, num_modes=4, decay=-1),
            "decay: wanted values of at least 0",
        ),
    ],
)
@pytest.mark.filterwarnings("error")
def test_random_fields_refuse_what_would_be_nan(rng, draw, message):
    with pytest.raises(ValueError, match=message):
        draw(rng)


def test_faces_too_thin_for_an_implicit_step_are_refused_and_a_shorter_step_is_named():
    mesh = icosphere(2)
    flat = TriMesh(mesh.pos * [1, 1, 1e-9], mesh.face)  # a pancake: its rim has angles of 1e-9
    start = np.cos(mesh.pos[:, 0])
    with pytest.raises(ValueError, match=r"thin faces make cotangents up to .*; take a step shorter than") as caught:
        simulate(Heat(1.0), flat, start, 1.0, 1, method="backward_euler")
    shorter = 0.99 * float(str(caught.value).split("shorter than ")[1].split(",")[0])
    result = simulate(Heat(1.0), flat, start, shorter, 1, method="backward_euler").fields["u"][:, :, 0]
    content = result @ mass(flat).diagonal()
    assert abs(content[1] - content[0]) < 1e-8 * abs(content[0])  # the bound, 1e-9, of Σ m|u|, and round-off of sums
