"""Every mistake of a user is one line that says what was wanted, what was given and where."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.mesh import TriMesh, grid, icosphere
from pdgn.operators import mass
from pdgn.simulate import (
    AllenCahn,
    Burgers,
    CahnHilliard,
    ConvectionDiffusion,
    Heat,
    MeanCurvatureFlow,
    RungeKuttaChebyshev,
    gaussian_bumps,
    geodesic_bumps,
    level_set_distance,
    random_conductivity,
    random_eigenfunctions,
    random_face_velocity,
    random_fourier,
    rotation_velocity,
    simulate,
    solve_poisson,
    stream_velocity,
    tangential,
    vertex_velocity,
)
from pdgn.simulate.exact import real_spherical_harmonic, rotated_points

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
        ({"initial": {1, 2}}, TypeError, "initial u: wanted numbers, got set"),
        ({"initial": np.ones((42, 0))}, ValueError, r"initial u: wanted at least one column, got shape \[42, 0\]"),
        ({"equation": Heat(1.0, boundary_value={"u": 1.0})}, TypeError, "boundary_value: wanted numbers, got dict"),
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
        (lambda: Heat([]), "diffusivity: wanted at least one value, got none"),
        (lambda: Burgers(np.zeros((42, 3)), []), "viscosity: wanted at least one value, got none"),
        (lambda: MeanCurvatureFlow(drag=[]), r"drag: wanted a number, got shape \[0\]"),
        (lambda: RungeKuttaChebyshev(1), "most_stages: wanted an integer of at least 2, got 1"),
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
            "decay: wanted a number of at least 0, got -1",
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


@pytest.mark.parametrize("generator, name", [(None, "NoneType"), (7, "int"), (np.random.RandomState(0), "RandomState")])
@pytest.mark.parametrize(
    "draw",
    [
        lambda source: random_eigenfunctions(SPHERE, 1, source, num_modes=4),
        lambda source: random_fourier(SPHERE.pos, 1, source),
        lambda source: gaussian_bumps(SPHERE, 1, source),
        lambda source: random_face_velocity(SPHERE, source),
        lambda source: random_conductivity(SPHERE, source),
    ],
)
def test_what_is_no_generator_is_refused(draw, generator, name):
    with pytest.raises(TypeError, match=f"generator: wanted a numpy.random.Generator, got {name}; make one with"):
        draw(generator)


@pytest.mark.parametrize(
    "option, message",
    [
        ({"variance": -1.0}, "variance: wanted a number of at least 0, got -1"),
        ({"constant": np.nan}, "constant: wanted finite values"),
        ({"size": (0.0, 1.0)}, "size: wanted a number above 0, got 0"),
        ({"size": (1.0,)}, r"size: wanted shape \[2\], got shape \[1\]"),
    ],
)
def test_fourier_sums_that_would_be_nan_are_refused(rng, option, message):
    with pytest.raises(ValueError, match=message):
        random_fourier(SPHERE.pos, 1, rng, **option)


@pytest.mark.parametrize(
    "call",
    [
        lambda mesh: gaussian_bumps(mesh, 1, np.random.default_rng(0)),
        lambda mesh: geodesic_bumps(mesh, 1, np.random.default_rng(0)),
        lambda mesh: random_face_velocity(mesh, np.random.default_rng(0)),
        lambda mesh: random_conductivity(mesh, np.random.default_rng(0)),
        lambda mesh: rotation_velocity(mesh, [0, 0, 1], 1.0),
        lambda mesh: stream_velocity(mesh, ONES),
    ],
)
def test_what_is_no_mesh_is_refused(call):
    with pytest.raises(TypeError, match="mesh: wanted a TriMesh, got NoneType"):
        call(None)


@pytest.mark.parametrize(
    "call",
    [
        lambda mesh: stream_velocity(mesh, mesh.pos[:, 2]),
        lambda mesh: tangential(mesh, mesh.pos),
        lambda mesh: vertex_velocity(mesh, np.ones((80, 3))),
    ],
)
def test_normals_of_faces_that_do_not_agree_on_a_side_are_not_used(call):
    torn = TriMesh(SPHERE.pos, np.vstack([SPHERE.face[:5, ::-1], SPHERE.face[5:]]))
    with pytest.raises(ValueError, match="the mesh must be consistently oriented, but faces disagree at"):
        call(torn)
    call(SPHERE)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: solve_poisson(SPHERE, np.ones((42, 0))), r"source: wanted at least one column, got shape \[42, 0\]"),
        (lambda: level_set_distance(SPHERE, SPHERE.pos[:, 2], np.inf), "level: wanted finite values"),
        (lambda: random_conductivity(SPHERE, np.random.default_rng(0), contrast=np.inf), "contrast: wanted finite"),
        (lambda: rotated_points(SPHERE.pos, [0, 0, 0], 1.0), "axis: wanted a vector that is not zero"),
        (lambda: real_spherical_harmonic([[1, 0, 0], [0, 0, 0]], 2, 1), "other than the origin, got it at 1"),
    ],
)
def test_other_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("equation", [CahnHilliard(mobility=0.0), AllenCahn(0.0), Heat(0.0)])
def test_coefficients_of_zero_are_allowed(equation):
    result = simulate(equation, SPHERE, 0.5 * SPHERE.pos[:, 2], 0.1, 2).fields["u"]
    assert np.array_equal(result[0], result[-1]) or (isinstance(equation, AllenCahn) and np.isfinite(result).all())


def test_the_quick_look_at_a_mesh_sees_what_topology_sees():
    sheet = np.array([[0, 1, 2], [0, 2, 3]])
    square = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    fin, beyond = [[0.0, 0, 1]], [[5.0, 5, 5]]
    cases = {
        "isolated": TriMesh(np.concatenate([square, beyond]), sheet),
        "degenerate": TriMesh(np.concatenate([square, [[0.5, 0.5, 0]]]), np.concatenate([sheet, [[0, 4, 2]]])),
        "duplicate": TriMesh(square, np.concatenate([sheet, [[2, 0, 1]]])),
        "duplicate, turned": TriMesh(square[:3], np.array([[0, 1, 2], [0, 2, 1]])),
        "non-manifold": TriMesh(np.concatenate([square, fin]), np.concatenate([sheet, [[0, 2, 4]]])),
    }
    for name, mesh in cases.items():
        with pytest.raises(ValueError, match=rf"mesh: wanted none, got \d+ {name.split(',')[0].replace('-', '.')}"):
            Heat(1.0).discretize(mesh)
    for sound in (TriMesh(square, sheet), icosphere(1), grid(4, 4, periodic=True)):
        assert Heat(1.0).discretize(sound) is not None
