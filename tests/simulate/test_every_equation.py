"""What holds of every equation: the tests find new ones by themselves."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from pdgn.mesh import TriMesh, bumpy_sphere, grid
from pdgn.operators import mass
from pdgn.simulate import (
    EQUATIONS,
    STEPPERS,
    ConvectionDiffusion,
    ReactionDiffusion,
    random_face_velocity,
    simulate,
)
from pdgn.simulate.equation import BOUNDARIES

CLOSED = bumpy_sphere(np.random.default_rng(1), 2, amplitude=0.1)
BOUNDED = grid(9, 7, (1.5, 1.0))
PROBLEMS = [(name, problem) for name, kind in EQUATIONS.items() for problem in kind.problems()]
# An equation whose field is the place of a mesh is held to its own tests where a scalar pattern makes no sense.
SCALAR = sorted(name for name, kind in EQUATIONS.items() if kind.fields != ("pos",))
REACTIONS = sorted(name for name, kind in EQUATIONS.items() if issubclass(kind, ReactionDiffusion))


def make(name: str, mesh: TriMesh, **more):
    """An equation with its default arguments; a velocity or direction is a smooth flow of speed 1."""
    kind = EQUATIONS[name]
    wanted = inspect.signature(kind).parameters
    for key in ("velocity", "direction"):
        if key in wanted:
            more[key] = random_face_velocity(mesh, np.random.default_rng(3), num_modes=4)
    return kind(**more)


def pattern(mesh: TriMesh, count: int = 2) -> np.ndarray:
    """Smooth states of mean square about 1."""
    x, y, z = mesh.pos.T
    waves = [np.cos(2 * x + y), np.sin(3 * y - z) + 0.2 * x, np.cos(2 * z - x * y)]
    return np.sqrt(2) * np.stack(waves[:count], axis=1)


def run(name: str, mesh: TriMesh, steps: int = 8, dt: float = 0.02, states: np.ndarray | None = None, **more):
    equation = make(name, mesh, **more)
    start = equation.start(mesh, pattern(mesh) if states is None else states)
    return equation, simulate(equation, mesh, start, dt, steps)


@pytest.mark.parametrize("name, problem", PROBLEMS, ids=[f"{name}: {p.name}" for name, p in PROBLEMS])
def test_exact_solutions_are_met_at_the_order_of_the_method(name, problem):
    size, error = np.array([problem.error(level) for level in range(3)]).T
    slope = float(np.polyfit(np.log(size), np.log(error), 1)[0])
    assert slope > problem.slope - 0.25, (slope, error.tolist())
    assert error[-1] < problem.tolerance, (problem.reason, error.tolist())
    assert error[0] > error[-1] > 1e-3 * problem.tolerance  # a tolerance that says something


@pytest.mark.parametrize("name", sorted(EQUATIONS))
def test_every_equation_says_what_it_is(name):
    kind = EQUATIONS[name]
    equation = make(name, CLOSED)
    assert kind.__name__.lower() == name.replace("_", "") and kind.fields and equation.formula
    assert repr(equation).startswith(kind.__name__ + "(")
    for key, parameter in equation.parameters().items():
        assert parameter.unit, key
        assert np.isfinite(np.asarray(parameter.value, dtype=float)).all()
        assert key in inspect.signature(kind).parameters
    assert set(equation.conserved) <= set(kind.fields)
    assert kind.__doc__ and "Args:" in kind.__doc__


@pytest.mark.parametrize("name", SCALAR)
@pytest.mark.parametrize("mesh", [CLOSED, BOUNDED], ids=["closed", "bounded"])
def test_integrals_said_to_be_conserved_are_constant_to_round_off(name, mesh):
    equation, trajectory = run(name, mesh)
    assert any(np.abs(values[-1] - values[0]).max() > 1e-6 for values in trajectory.fields.values())  # something moves
    weight = mass(mesh).diagonal()
    for field in equation.conserved:
        values = trajectory.fields[field]
        drift = np.abs(np.einsum("v,tvc->tc", weight, values - values[0])).max()
        # An ulp of Σ m|u| per substep and stage at the most.
        bound = 4 * 8 * trajectory.substeps * np.finfo(float).eps * (weight @ np.abs(values).max(axis=0)).max()
        assert drift <= bound


@pytest.mark.parametrize("name", SCALAR)
@pytest.mark.parametrize("mesh", [CLOSED, BOUNDED], ids=["closed", "bounded"])
def test_energies_never_rise(name, mesh):
    equation, trajectory = run(name, mesh, steps=12)
    energies = [
        equation.energy(mesh, {field: values[k] for field, values in trajectory.fields.items()})
        for k in range(len(trajectory.time))
    ]
    if energies[0] is None:
        pytest.skip("no functional of this equation falls")
    energy = np.array(energies)
    round_off = 1e-12 * np.abs(energy).max()
    assert (np.diff(energy, axis=0) <= round_off).all()


@pytest.mark.parametrize("name", SCALAR)
def test_columns_are_independent_trajectories(name):
    mesh, states = CLOSED, pattern(CLOSED, 3)
    equation, together = run(name, mesh, 4, states=states)
    start = equation.start(mesh, states)
    for column in range(3):
        alone = simulate(
            equation, mesh, {field: values[:, column] for field, values in start.items()}, 0.02, 4,
            substeps=together.substeps,
        )  # fmt: skip
        for field, values in alone.fields.items():
            np.testing.assert_allclose(together.fields[field][:, :, column], values[:, :, 0], atol=1e-11)  # round-off


@pytest.mark.parametrize("name", SCALAR)
def test_relabelled_vertices_give_the_relabelled_result(name, rng):
    mesh = CLOSED
    order = rng.permutation(mesh.num_vertices)
    relabelled = TriMesh(mesh.pos[order], np.argsort(order)[mesh.face])
    equation = make(name, mesh)  # coefficients per face: faces keep their numbers
    start = equation.start(mesh, pattern(mesh))
    first = simulate(equation, mesh, start, 0.02, 4)
    moved = {field: values[order] for field, values in start.items()}
    second = simulate(equation, relabelled, moved, 0.02, 4, substeps=first.substeps)
    for field, values in first.fields.items():
        np.testing.assert_allclose(second.fields[field], values[:, order], atol=1e-10)  # round-off


@pytest.mark.parametrize("name", REACTIONS)
def test_uniform_states_follow_the_ordinary_differential_equation(name):
    mesh = BOUNDED
    equation = EQUATIONS[name]()
    low = {field: values.min() for field, values in equation.start(mesh, pattern(mesh)).items()}
    high = {field: values.max() for field, values in equation.start(mesh, pattern(mesh)).items()}
    start = {field: 0.3 * low[field] + 0.7 * high[field] for field in equation.fields}
    state = {field: np.full(mesh.num_vertices, value) for field, value in start.items()}
    coarse = simulate(equation, mesh, state, 0.05, 20)
    fine = simulate(equation, mesh, state, 0.05, 20, substeps=2 * coarse.substeps)

    def rate(time, values):
        return [float(change[0]) for change in equation.reaction(*(np.array([value]) for value in values))]

    exact = solve_ivp(rate, (0, 1), list(start.values()), t_eval=coarse.time, rtol=1e-11, atol=1e-13).y
    error = []
    for trajectory in (coarse, fine):
        found = np.stack([trajectory.fields[field][:, :, 0] for field in equation.fields])
        assert np.ptp(found, axis=2).max() < 1e-12 * max(1.0, np.abs(found).max())  # uniform states stay uniform
        error.append(np.abs(found[:, :, 0] - exact).max() / np.abs(exact).max())
    order = STEPPERS[coarse.method].order
    assert error[1] < 1e-4 and error[1] < error[0] / 2 ** (order - 0.4) + 1e-9
    assert np.abs(exact - exact[:, :1]).max() > 1e-2 * np.abs(exact).max()


@pytest.mark.parametrize("name", SCALAR)
def test_states_stay_finite_from_rough_beginnings(name, rng):
    mesh = BOUNDED
    _, trajectory = run(name, mesh, 5, dt=0.1, states=rng.standard_normal((mesh.num_vertices, 2)))
    assert all(np.isfinite(values).all() for values in trajectory.fields.values())


def boundaries(name: str) -> list[str]:
    return [kind for kind in BOUNDARIES if "boundary" in inspect.signature(EQUATIONS[name]).parameters]


@pytest.mark.parametrize("name", [name for name in SCALAR if "dirichlet" in boundaries(name)])
def test_held_values_stay_and_the_inside_moves(name):
    equation, trajectory = run(name, BOUNDED, boundary="dirichlet")
    held = equation.discretize(BOUNDED).fixed[: BOUNDED.num_vertices]
    assert not held[~BOUNDED.boundary].any()
    for field, values in trajectory.fields.items():
        assert np.array_equal(values[:, held], np.broadcast_to(values[0, held], values[:, held].shape)), field
    assert np.abs(trajectory.fields[equation.fields[0]][-1] - trajectory.fields[equation.fields[0]][0]).max() > 1e-6


@pytest.mark.parametrize("name", SCALAR)
def test_on_the_periodic_square_a_shifted_state_gives_the_shifted_result(name):
    mesh = grid(12, 10, (2 * np.pi, 2 * np.pi), periodic=True)
    kind = EQUATIONS[name]
    flow = np.tile([0.6, -0.8, 0.0], (mesh.num_faces, 1))
    equation = kind(**{key: flow for key in ("velocity", "direction") if key in inspect.signature(kind).parameters})
    x, y, _ = mesh.pos.T
    start = equation.start(mesh, np.sqrt(2) * np.stack([np.cos(2 * x + y), np.sin(x) + 0.3 * np.cos(3 * y)], axis=1))
    shift = [np.flatnonzero(same)[0] for same in _shifted(mesh, 3, 2)]
    first = simulate(equation, mesh, start, 0.05, 4)
    second = simulate(equation, mesh, {field: values[shift] for field, values in start.items()}, 0.05, 4)
    for field, values in first.fields.items():
        np.testing.assert_allclose(second.fields[field], values[:, shift], atol=1e-10)  # round-off


def _shifted(mesh: TriMesh, across: int, up: int) -> np.ndarray:
    """Which vertex [V, V] lies where each vertex comes to lie after a shift by whole cells."""
    step = 2 * np.pi * np.array([across / 12, up / 10])
    aim = np.mod(mesh.pos[:, None, :2] + step, 2 * np.pi)
    gap = np.abs(aim - mesh.pos[None, :, :2])
    return (np.minimum(gap, 2 * np.pi - gap) < 1e-9).all(axis=2)


@pytest.mark.parametrize("name", SCALAR)
def test_a_coefficient_given_at_every_vertex_or_face_is_the_number(name):
    kind, mesh = EQUATIONS[name], BOUNDED
    plain, expected = run(name, mesh, steps=2)
    tried, refusals = 0, []
    for key, (value, unit) in plain.parameters().items():
        for size in (mesh.num_vertices, mesh.num_faces):
            if np.ndim(value) or unit == "1":
                continue
            try:
                equation, trajectory = run(name, mesh, steps=2, **{key: np.full(size, float(value))})
            except ValueError as error:
                refusals.append((key, str(error)))
                continue
            tried += 1
            for field, values in trajectory.fields.items():
                np.testing.assert_allclose(values, expected.fields[field], atol=1e-11)  # round-off
    assert all(f"{key}: wanted" in message for key, message in refusals)
    assert tried >= 1 or name == "convection", kind


def test_an_equation_of_a_users_own_package_is_found(tmp_path, monkeypatch):
    (tmp_path / "own_equations").mkdir()
    (tmp_path / "own_equations" / "__init__.py").touch()
    (tmp_path / "own_equations" / "decay.py").write_text(
        "from pdgn.simulate import ReactionDiffusion, EQUATIONS\n"
        "import numpy as np\n\n\n"
        "class LinearDecay(ReactionDiffusion):\n"
        "    fields = ('u',)\n"
        "    formula = 'u_t = laplacian u - u'\n"
        "    def parameters(self):\n        return {}\n"
        "    def diffusivities(self):\n        return (np.array(1.0),)\n"
        "    def reaction(self, u):\n        return (-u,)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    from pdgn.simulate import find_equations

    found = find_equations("own_equations")
    assert list(found) == ["decay"]  # and not what the module imports
    trajectory = simulate(found["decay"](), BOUNDED, np.ones(BOUNDED.num_vertices), 0.1, 10)
    np.testing.assert_allclose(trajectory.fields["u"][-1], np.exp(-1.0), rtol=1e-4)  # third order, steps of 0.1


def test_convection_diffusion_is_registered_under_its_name():
    assert EQUATIONS["convection_diffusion"] is ConvectionDiffusion
